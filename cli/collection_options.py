"""The options of `sleevesight collection`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from cli.numbers import positive

FORMATS = ("plain", "collectr", "tcgplayer", "dragonshield", "pokecollector")


def add_commands(parser: argparse.ArgumentParser) -> None:
    """All commands on the collection."""
    from cli import collection

    group = parser.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--file", type=Path, metavar="F.sqlite", help="the collection (default: [collection] file)")
    common.add_argument("--config", type=Path, help="TOML file")
    some = _filters()
    paged = argparse.ArgumentParser(add_help=False)
    paged.add_argument("--limit", type=positive, default=50, metavar="N", help="lines at most (default 50)")
    paged.add_argument("--before", type=positive, metavar="N", help="the next page: older than this one")
    paged.add_argument("--json", action="store_true", help="one JSON object a line (docs/collection.md)")
    cards = argparse.ArgumentParser(add_help=False)
    cards.add_argument("--catalog", type=Path, metavar="CATALOG", help="what cards exist (default: [matcher] catalog)")

    command = group.add_parser("list", parents=[common, some, paged], help="what was seen, newest first")
    command.add_argument("--unknown", action="store_true", help="what is not in the catalogue alone")
    command.set_defaults(run=collection.listing)
    command = group.add_parser("show", parents=[common], help="all about one visit")
    command.add_argument("visit", type=positive, metavar="VISIT")
    command.add_argument("--thumbnail", type=Path, metavar="OUT.jpg", help="write what the camera saw to a file")
    command.add_argument("--json", action="store_true", help="one JSON object")
    command.set_defaults(run=collection.show)
    for name, action, text in (
        ("sessions", collection.sessions, "streams and imports, with what they brought"),
        ("log", collection.log, "every step, newest first; each can be undone"),
    ):
        group.add_parser(name, parents=[common, paged], help=text).set_defaults(run=action)
    _add_changes(group, common, cards)
    _add_transfer(group, common, some, cards)


def _filters() -> argparse.ArgumentParser:
    some = argparse.ArgumentParser(add_help=False)
    some.add_argument("--session", metavar="N", help="of one session (`last`: the newest)")
    some.add_argument("--search", metavar="WORDS", help="of cards with all of these words (name, set, number, id)")
    some.add_argument("--set", metavar="SET", help="of a set: its id, name or code")
    return some


def _add_changes(
    group: argparse._SubParsersAction[argparse.ArgumentParser],
    common: argparse.ArgumentParser,
    cards: argparse.ArgumentParser,
) -> None:
    from cli import collection

    command = group.add_parser("undo", parents=[common], help="take the last step back, or the one that is named")
    which = command.add_mutually_exclusive_group()
    which.add_argument("change", type=positive, nargs="?", metavar="CHANGE", help="number in the log; also of an undo")
    which.add_argument("--visit", type=positive, metavar="N", help="take one visit out")
    which.add_argument("--session", metavar="N", help="take all of a session out (`last`: the newest)")
    command.set_defaults(run=collection.undo)
    command = group.add_parser("fix", parents=[common, cards], help="say what a card is; an empty value is unknown")
    command.add_argument("visits", type=positive, nargs="+", metavar="VISIT")
    command.add_argument("--card", metavar="ID", help="which card it is")
    command.add_argument("--finish", help="normal, holofoil, reverse holofoil…")
    command.add_argument("--condition", help="mint, near mint, lightly played…")
    command.add_argument("--language", help="en, ja, de…")
    command.add_argument("--price", metavar="AMOUNT", help="what was paid for one")
    command.add_argument("--quantity", type=positive, metavar="N", help="how many lay there")
    command.add_argument("--note", metavar="TEXT")
    command.set_defaults(run=collection.fix)


def _add_transfer(
    group: argparse._SubParsersAction[argparse.ArgumentParser],
    common: argparse.ArgumentParser,
    some: argparse.ArgumentParser,
    cards: argparse.ArgumentParser,
) -> None:
    from cli import collection

    command = group.add_parser("export", parents=[common, some, cards], help="write a CSV or a deck list")
    command.add_argument("out", type=Path, metavar="OUT", help="file to write, - for standard output")
    command.add_argument("--format", choices=[*FORMATS, "ptcgl"], default="plain", help="layout (default plain)")
    command.add_argument("--finish", type=_said("finish"), help="of all cards whose finish is unknown")
    command.add_argument("--condition", type=_said("condition"), help="of all cards whose condition is unknown")
    command.set_defaults(run=collection.export)
    command = group.add_parser("import", parents=[common, cards], help="read a CSV")
    command.add_argument("source", type=Path, metavar="FILE")
    command.add_argument("--format", choices=FORMATS, help="layout (default: told by the first line)")
    how = command.add_mutually_exclusive_group()
    how.add_argument("--merge", action="store_true", help="add what the file has more of (the default)")
    how.add_argument("--add", action="store_true", help="add all of it to what is there")
    command.add_argument("--skip-bad", action="store_true", help="leave bad rows out, instead of taking nothing over")
    command.add_argument("--dry-run", action="store_true", help="only say what would happen")
    command.add_argument("--json", action="store_true", help="print the outcome as one JSON object")
    command.set_defaults(run=collection.take_in)


def _said(field: str) -> Callable[[str], str | None]:
    def check(text: str) -> str | None:
        from collection.records import checked

        try:
            return checked(field, text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return check
