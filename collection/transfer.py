"""Export and import: a collection as CSV, one row at a time out, all or nothing in."""

from __future__ import annotations

import csv
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from collection.cells import bare, guarded
from collection.database import CollectionError, Database
from collection.history import appear, begin
from collection.layouts import LAYOUTS, Layout, Row, RowError, heading, recognised
from collection.query import Filter, holdings
from collection.records import Holding, Said
from collection.shelf import Shelf
from collection.visits import learn

NOTHING = Said()
Key = tuple[str, Said]


class Writable(Protocol):
    """What text goes to."""

    def write(self, text: str, /) -> object:
        """Take some more."""


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did, or would do: copies added and already there, and by line what could not be taken over."""

    layout: str
    rows: int
    added: int
    present: int
    bad: list[tuple[int, str]]
    change: int | None = None


def export(
    database: Database, chosen: Filter, layout: Layout, out: Writable, *, today: str, given: Said = NOTHING
) -> None:
    """Write holdings as CSV. `given` is what a person says of all that is unknown."""
    if layout.preamble:
        out.write(layout.preamble + "\r\n")
    rows = csv.writer(out)
    rows.writerow(heading(layout, today))
    for one in holdings(database, chosen, layout.said):
        rows.writerow([guarded(cell) for cell in layout.write(_with(one, given))])


def _with(one: Holding, given: Said) -> Holding:
    if given == NOTHING:
        return one
    unknown = {
        field: value for field, value in msgspec.structs.asdict(given).items() if getattr(one.said, field) is None
    }
    return msgspec.structs.replace(one, said=msgspec.structs.replace(one.said, **unknown))


def read(path: Path, named: str | None = None) -> tuple[Layout, list[tuple[int, Row | RowError]]]:
    """The layout of a file and its rows with their lines. CollectionError if it is no CSV of a layout that is known."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            header = next(lines, [])
            if len(header) <= 2 and header and header[0].startswith("sep="):
                header = next(lines, [])
            layout = _layout(path, header, named)
            return layout, [(lines.line_num, _row(layout, cells)) for cells in lines if any(cells)]
    except UnicodeDecodeError as error:
        raise CollectionError(f"{path}: {error}; save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise CollectionError(f"{path}, line {lines.line_num}: {error}") from None


def _layout(path: Path, header: Sequence[str], named: str | None) -> Layout:
    layout = recognised(header)
    if layout is None or named not in (None, layout.name):
        wanted = [LAYOUTS[named]] if named else LAYOUTS.values()
        columns = "; ".join(f"{one.name}: {','.join(one.columns)}" for one in wanted)
        raise CollectionError(f"{path}: the first line must name the columns of a layout, exactly ({columns})")
    return layout


def _row(layout: Layout, cells: Sequence[str]) -> Row | RowError:
    if len(cells) != len(layout.columns):
        return RowError(f"{len(cells)} cells instead of {len(layout.columns)}")
    try:
        return layout.read(dict(zip(layout.columns, map(bare, cells), strict=True)))
    except RowError as error:
        return error


def take_in(
    database: Database,
    layout: Layout,
    lines: Iterable[tuple[int, Row | RowError]],
    shelf: Shelf,
    *,
    source: str,
    now_ms: int,
    how: Literal["merge", "add"] = "merge",
    skip_bad: bool = False,
    dry_run: bool = False,
) -> Imported:
    """Bring rows into the collection as one step of its log, which can be undone; or nothing, if a row is bad.

    `merge` adds what the file holds more of than the collection, so that a file can be read twice; `add` adds all.
    """
    good, bad = _resolved(lines, shelf)
    wanted = sum(row.quantity for row in good)
    with database.writing() as db:
        rows = list(_missing(good, _present(database, layout))) if how == "merge" else good
        added = sum(row.quantity for row in rows)
        change = None
        if rows and not dry_run and (skip_bad or not bad):
            change = begin(db, f"import {added} cards from {source}", now_ms)
            session = db.execute(
                "INSERT INTO session (source, started_ms) VALUES (?, ?)", (f"import of {source}", now_ms)
            ).lastrowid
            learn(db, {row.card.card_id: row.card for row in rows}.values())
            appear(db, change, [_insert(db, session, row, now_ms) for row in rows])
    return Imported(
        layout=layout.name,
        rows=len(good) + len(bad),
        added=added,
        present=wanted - added,
        bad=bad,
        change=change,
    )


def _resolved(lines: Iterable[tuple[int, Row | RowError]], shelf: Shelf) -> tuple[list[Row], list[tuple[int, str]]]:
    good, bad = list[Row](), list[tuple[int, str]]()
    for line, row in lines:
        if isinstance(row, RowError):
            bad.append((line, str(row)))
            continue
        try:
            good.append(msgspec.structs.replace(row, card=shelf.find(row.card)))
        except LookupError as error:
            bad.append((line, str(error.args[0])))
    return good, bad


def _key(row: Row) -> Key:
    return row.card.card_id, msgspec.structs.replace(row.said, price=None, note=None)


def _present(database: Database, layout: Layout) -> Counter[Key]:
    """What there is, in the words of a layout: a condition that it cannot tell from another is no other one."""
    present: Counter[Key] = Counter()
    for one in holdings(database, Filter(), layout.said):
        cells = ["" if cell is None else str(cell) for cell in layout.write(one)]
        said = layout.read(dict(zip(layout.columns, cells, strict=True))).said
        present[_key(Row(card=one.card, said=said, quantity=one.quantity))] += one.quantity
    return present


def _missing(rows: Iterable[Row], present: Counter[Key]) -> Iterator[Row]:
    for row in rows:
        there = min(row.quantity, present[_key(row)])
        present[_key(row)] -= there
        if row.quantity > there:
            yield msgspec.structs.replace(row, quantity=row.quantity - there)


def _insert(db: sqlite3.Connection, session: int | None, row: Row, now_ms: int) -> int:
    seen_ms = round(datetime.fromisoformat(row.added).replace(tzinfo=UTC).timestamp() * 1000) if row.added else now_ms
    said = msgspec.structs.asdict(row.said)
    cursor = db.execute(
        f"""INSERT INTO visit (session, life, seen_ms, printings, card, quantity, {", ".join(said)})
        VALUES (?, '', ?, '[]', ?, ?{", ?" * len(said)})""",  # noqa: S608
        (session, seen_ms, row.card.card_id, row.quantity, *said.values()),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid
