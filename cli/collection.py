"""Commands on the collection: list, show, sessions, log, undo, fix, export, import."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from cli.numbers import counted

if TYPE_CHECKING:
    from collection.database import Database
    from collection.query import Filter, Visit
    from collection.records import Card


def opened(arguments: argparse.Namespace, create: bool = False) -> Database:
    """The collection that is meant: --file, else what the configuration says."""
    from actors.config import load
    from collection.database import Database, located

    return Database(arguments.file or located(load(arguments.config).collection.file), create=create)


def listing(arguments: argparse.Namespace) -> int:
    """A page of visits, newest first."""
    from collection.query import ALL, page

    with opened(arguments) as database:
        chosen = _filter(arguments, database)
        visits = page(database, chosen, arguments.limit, arguments.before or ALL)
    if arguments.json:
        _print_json(visits)
        return 0
    _print_visits(visits)
    if len(visits) == arguments.limit:
        print(f"more: --before {visits[-1].visit}")
    return 0


def show(arguments: argparse.Namespace) -> int:
    """All that is known of one visit, and its picture."""
    import msgspec

    from collection.query import thumbnail, visit

    with opened(arguments) as database:
        found = visit(database, arguments.visit)
        jpeg = thumbnail(database, arguments.visit)
    if arguments.thumbnail is not None:
        if jpeg is None:
            raise ValueError(f"visit {arguments.visit} has no picture")
        arguments.thumbnail.write_bytes(jpeg)
    if arguments.json:
        _print_json([found])
        return 0
    fields = {**msgspec.to_builtins(found), "card": None, "said": None, "seen_ms": None, "ended_ms": None}
    fields |= {"seen": _time(found.seen_ms), "ended": _time(found.ended_ms)}
    fields |= msgspec.to_builtins(found.card) if found.card else {"name": "not in the catalogue"}
    fields |= {name: value or "unknown" for name, value in msgspec.structs.asdict(found.said).items()}
    for name, value in fields.items():
        if value not in (None, [], False):
            print(f"{name:<12} {', '.join(value) if isinstance(value, list) else value}")
    return 0


def sessions(arguments: argparse.Namespace) -> int:
    """What was seen together."""
    from collection.query import ALL, sessions

    with opened(arguments) as database:
        found = sessions(database, arguments.limit, arguments.before or ALL)
    if arguments.json:
        _print_json(found)
        return 0
    print(f"{'session':>7}  {'begun':<16}  {'cards':>6}  {'unknown':>7}  source")
    for one in found:
        print(f"{one.session:>7}  {_time(one.started_ms)}  {one.cards:>6}  {one.unknown:>7}  {one.source}")
    return 0


def log(arguments: argparse.Namespace) -> int:
    """The steps that led here, newest first."""
    from collection.history import log

    with opened(arguments) as database:
        found = log(database, arguments.limit, arguments.before)
    if arguments.json:
        _print_json(found)
        return 0
    print(f"{'change':>7}  {'time':<16}  {'visits':>6}  what")
    for one in found:
        undone = "  (undone)" if one.undone else ""
        print(f"{one.change:>7}  {_time(one.at_ms)}  {one.visits:>6}  {one.what}{undone}")
    return 0


def undo(arguments: argparse.Namespace) -> int:
    """Take the last step back, or a certain one; or a visit or a session out."""
    from collection.history import remove, undo

    with opened(arguments) as database:
        if arguments.visit is not None:
            what = f"remove visit {arguments.visit}"
            change = remove(database, what, _now_ms(), visit=arguments.visit)
        elif arguments.session is not None:
            session = _session(arguments, database)
            what = f"remove session {session}"
            change = remove(database, what, _now_ms(), session=session)
        else:
            step = undo(database, _now_ms(), arguments.change)
            print(f"undone: change {step.change}, {step.what} ({counted(step.visits, 'visit')})")
            return 0
    print(f"{what}; `sleevesight collection undo {change}` takes that back")
    return 0


def fix(arguments: argparse.Namespace) -> int:
    """Say what a card is, or what the picture does not show."""
    from collection.history import fix
    from collection.visits import learn

    values = _corrections(arguments)
    if not values:
        raise ValueError(
            "nothing to fix: name a --card, --finish, --condition, --language, --price, --quantity or --note"
        )
    with opened(arguments) as database:
        if values.get("card") is not None:
            card = _known(arguments, database, values["card"])
            with database.writing() as db:
                learn(db, [card])
        change = fix(database, arguments.visits, values, _now_ms())
    print(
        f"{counted(len(set(arguments.visits)), 'visit')} fixed; `sleevesight collection undo {change}` takes that back"
    )
    return 0


def export(arguments: argparse.Namespace) -> int:
    """Write cards for another program; 1 if something could not be expressed."""
    from collection.deck import deck_list
    from collection.layouts import LAYOUTS
    from collection.query import counts, holdings
    from collection.records import Said
    from collection.transfer import export
    from collection.visits import learn

    left_out: list[str] = []
    with opened(arguments) as database, _whole(arguments.out) as out:
        chosen = _filter(arguments, database)
        if catalogue := _catalogue(arguments):
            from collection.query import cards

            with database.writing() as db:
                learn(db, [catalogue[card.card_id] for card in cards(database) if card.card_id in catalogue])
        known = counts(database, chosen)
        if arguments.format == "ptcgl":
            text, left_out = deck_list(holdings(database, chosen, ()))
            out.write(text)
        else:
            given = Said(finish=arguments.finish, condition=arguments.condition)
            export(database, chosen, LAYOUTS[arguments.format], out, today=f"{datetime.now():%Y-%m-%d}", given=given)
    notes = [f"{known['cards']} cards in {arguments.out if str(arguments.out) != '-' else 'all'}"]
    if arguments.format != "ptcgl":
        notes += [f"{known['no_finish']} without a finish"] * (known["no_finish"] > 0 and arguments.finish is None)
        notes += [f"{known['no_condition']} without a condition"] * (
            known["no_condition"] > 0 and arguments.condition is None
        )
    if known["unknown"]:
        visits = "visit" if known["unknown"] == 1 else "visits"
        notes.append(f"{known['unknown']} {visits} of what is not in the catalogue left out")
    print("; ".join(notes), file=sys.stderr)
    for one in left_out:
        print(f"left out: {one}", file=sys.stderr)
    return 1 if left_out else 0


def take_in(arguments: argparse.Namespace) -> int:
    """Read cards from another program's file; 1 if rows are bad, and then nothing is taken over."""
    from itertools import chain

    from collection.query import cards
    from collection.shelf import Shelf
    from collection.transfer import read, take_in

    layout, lines = read(arguments.source, arguments.format)
    catalogue = _catalogue(arguments)
    with opened(arguments, create=not arguments.dry_run) as database:
        shelf = Shelf(chain(catalogue.values() if catalogue else (), cards(database)))
        done = take_in(
            database,
            layout,
            lines,
            shelf,
            source=arguments.source.name,
            now_ms=_now_ms(),
            how="add" if arguments.add else "merge",
            skip_bad=arguments.skip_bad,
            dry_run=arguments.dry_run,
        )
    for line, problem in done.bad:
        print(f"{arguments.source}, line {line}: {problem}", file=sys.stderr)
    if arguments.json:
        _print_json([done])
    else:
        print(_outcome(arguments, done.bad, done.added, done.present, done.change))
    return 1 if done.bad else 0


def _outcome(arguments: argparse.Namespace, bad: list[Any], added: int, present: int, change: int | None) -> str:
    if bad and not arguments.skip_bad:
        remedy = "mend them, pass --catalog, or leave them out with --skip-bad"
        return f"{counted(len(bad), 'bad row')}, nothing was taken over: {remedy}"
    would = "would be " if arguments.dry_run else ""
    text = f"{counted(added, 'card')} {would}added, {present} there already, {counted(len(bad), 'bad row')} left out"
    return text if change is None else f"{text}; `sleevesight collection undo {change}` takes that back"


def _filter(arguments: argparse.Namespace, database: Database) -> Filter:
    from collection.query import Filter

    return Filter(
        session=_session(arguments, database),
        search=arguments.search or "",
        set=arguments.set or "",
        unknown=getattr(arguments, "unknown", False),
    )


def _session(arguments: argparse.Namespace, database: Database) -> int | None:
    """The session that is named, by its number or as `last`."""
    from collection.query import last_session

    if arguments.session is None:
        return None
    if arguments.session == "last":
        return last_session(database)
    if not arguments.session.isdecimal():
        raise ValueError(f"--session {arguments.session}: give a number (sleevesight collection sessions), or last")
    return int(arguments.session)


def _catalogue(arguments: argparse.Namespace) -> Mapping[str, Card]:
    """The cards of --catalog, else of the configuration's catalogue, else none."""
    from actors.config import load
    from collection.shelf import Catalogued

    folder = arguments.catalog or load(arguments.config).matcher.catalog
    return Catalogued(Path(folder).expanduser()) if folder else {}


def _known(arguments: argparse.Namespace, database: Database, card_id: str) -> Card:
    """A card by its id, from the catalogue or from the collection."""
    from collection.query import card

    found = _catalogue(arguments).get(card_id) or card(database, card_id)
    if found is None:
        raise ValueError(f"no card {card_id} is known: pass the --catalog that has it")
    return found


def _corrections(arguments: argparse.Namespace) -> dict[str, Any]:
    """What is to be said; an empty value makes it unknown again."""
    from collection.records import checked

    named = {name: getattr(arguments, name) for name in ("finish", "condition", "language", "price", "note")}
    values: dict[str, Any] = {name: checked(name, value) for name, value in named.items() if value is not None}
    if arguments.card is not None:
        values["card"] = arguments.card or None
    if arguments.quantity is not None:
        values["quantity"] = arguments.quantity
    return values


@contextmanager
def _whole(path: Path) -> Iterator[TextIO]:
    """A file that appears under its name when it is whole; `-` is standard output."""
    if str(path) == "-":
        yield sys.stdout
        return
    partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            yield file
        partial.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        partial.unlink(missing_ok=True)


def _print_json(structs: Iterable[Any]) -> None:
    import msgspec

    for one in structs:
        print(json.dumps(msgspec.to_builtins(one), ensure_ascii=False))


def _print_visits(visits: Iterable[Visit]) -> None:
    row = "{:>7}  {:<16}  {:>3}  {:<28}  {:<24}  {:>8}  {:<18}  {:<18}  {}"
    print(row.format("visit", "seen", "n", "card", "set", "number", "finish", "condition", "note").rstrip())
    for one in visits:
        card = one.card
        cells = (card.name, card.set_name, card.number) if card else ("not in the catalogue", "", "")
        name, set_name, number = (_fitting(cell, width) for cell, width in zip(cells, (28, 24, 8), strict=True))
        said = (one.said.finish or "unknown", one.said.condition or "unknown") if card else ("", "")
        note = " ".join((one.said.note or "").split())
        print(row.format(one.visit, _time(one.seen_ms), one.quantity, name, set_name, number, *said, note).rstrip())


def _fitting(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _time(at_ms: int | None) -> str | None:
    """Local time."""
    return None if at_ms is None else f"{datetime.fromtimestamp(at_ms / 1000):%Y-%m-%d %H:%M}"


def _now_ms() -> int:
    return round(time.time() * 1000)
