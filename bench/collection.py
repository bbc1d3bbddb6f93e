"""What a large collection costs: `python -m bench.collection [--visits 1000000] [--json OUT]`.

Fills a collection with that many visits (20,000 cards, a session each 1,000 visits; some cards are common, most are
rare), then prints how long each kind of page takes that `sleevesight collection list` shows, from a file that has just
been opened, how long an undo and a correction, and by how much an export of each layout makes the process grow. Exit
code 1 if a page takes 50 ms or more (the median of several), or an export grows with the collection.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from catalog.whole import write_whole
from collection.database import Database
from collection.history import fix, undo
from collection.layouts import LAYOUTS, Layout
from collection.query import Filter, page, sessions, visit
from collection.records import CONDITIONS, FINISHES, Card
from collection.transfer import export
from collection.visits import learn

PAGE_MS = 50.0
GROWTH_MB = 16.0
"""SQLite's own cache, and what Python keeps of a row at a time; a million visits as objects would take 500 MB."""
CARDS, SETS = 20_000, 170
A_SESSION = 1000


def fill(database: Database, visits: int, seed: int = 0) -> None:
    """That many visits, in one transaction: nobody waits for each of them here."""
    dice = random.Random(seed)  # noqa: S311
    with database.writing() as db:
        learn(db, (_card(number) for number in range(CARDS)))
        db.executemany(
            "INSERT INTO session (stream, source, started_ms) VALUES (?, 'camera:0', ?)",
            ((f"s{number}", number) for number in range(-(-visits // A_SESSION))),
        )
        db.executemany("INSERT INTO change (at_ms, what) VALUES (?, 'seen')", ((number,) for number in range(visits)))
        db.executemany(
            """INSERT INTO visit (session, life, number, first_frame, last_frame, seen_ms, distance, gap, printings,
            read_as, card, finish, condition) VALUES (?1, 'l', ?2, 0, 9, ?2, 0.1, 0.4, '[]', ?3, ?3, ?4, ?5)""",
            (_visit(number, dice) for number in range(visits)),
        )
        db.execute("INSERT INTO edit SELECT id, id, 'removed', 1, 0 FROM visit")


def _card(number: int) -> Card:
    place = number % SETS
    return Card(
        card_id=f"set{place}-{number // SETS}",
        name=f"Card of {number % 1500}",
        set_id=f"set{place}",
        set_name=f"A set called {place}",
        set_code=f"C{place}",
        number=str(number // SETS),
        rarity="Common",
        supertype="Pokémon",
    )


def _visit(number: int, dice: random.Random) -> tuple[Any, ...]:
    card = None if dice.random() < 0.01 else _card(int(CARDS * dice.random() ** 3)).card_id
    finish, condition = dice.choice((None, *FINISHES)), dice.choice((None, *CONDITIONS))
    return (number // A_SESSION + 1, number, card, finish, condition)


def pages(visits: int) -> dict[str, Callable[[Database], object]]:
    """What is asked for."""
    middle = visits // 2
    return {
        "the newest 50": lambda database: page(database, Filter(), 50),
        "50 in the middle": lambda database: page(database, Filter(), 50, middle),
        "of a session": lambda database: page(database, Filter(session=middle // A_SESSION + 1), 50),
        "of a set": lambda database: page(database, Filter(set="set7"), 50),
        "a rare name": lambda database: page(database, Filter(search="card 1499"), 50),
        "a letter that all have": lambda database: page(database, Filter(search="a"), 50),
        "the same, in the middle": lambda database: page(database, Filter(search="a"), 50, middle),
        "a word that none has": lambda database: page(database, Filter(search="nowhere"), 50),
        "a word in a session": lambda database: page(database, Filter(session=3, search="card 7"), 50),
        "not in the catalogue": lambda database: page(database, Filter(unknown=True), 50),
        "one visit": lambda database: visit(database, middle),
        "50 sessions": lambda database: sessions(database, 50),
        "a correction": lambda database: fix(database, [middle], {"note": "seen"}, 0),
        "an undo": lambda database: undo(database, 0),
    }


def timed(path: Path, ask: Callable[[Database], object], rounds: int = 7) -> tuple[float, float]:
    """Median and worst of a question to a file that has just been opened, ms."""
    times = []
    for _ in range(rounds):
        with Database(path) as database:
            begun = time.perf_counter()
            ask(database)
            times.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(times), max(times)


class Watched:
    """Takes text to nowhere, and looks now and then how large the process has become."""

    def __init__(self) -> None:
        self.rows = 0
        self.before_mb = self.peak_mb = _rss_mb()

    def write(self, text: str) -> int:
        """One row."""
        self.rows += 1
        if self.rows % 1000 == 0:
            self.peak_mb = max(self.peak_mb, _rss_mb())
        return len(text)


def exported(path: Path, layout: Layout) -> dict[str, float]:
    """Rows, seconds, and by how many MB the process has grown."""
    with Database(path) as database:
        out, begun = Watched(), time.perf_counter()
        export(database, Filter(), layout, out, today="2026-01-01")
        seconds = time.perf_counter() - begun
    return {"rows": out.rows - 1 - bool(layout.preamble), "seconds": seconds, "grown_mb": out.peak_mb - out.before_mb}


def _rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> int:
    """Print the tables; 1 if something is over its limit."""
    parser = argparse.ArgumentParser(prog="python -m bench.collection", description=__doc__)
    parser.add_argument("--visits", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures here, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sleevesight-") as folder:
        path = Path(folder) / "collection.sqlite"
        with Database(path, create=True) as database:
            fill(database, arguments.visits)
        size_mb = path.stat().st_size / 1e6
        asked = {name: timed(path, ask) for name, ask in pages(arguments.visits).items()}
        files = {name: exported(path, layout) for name, layout in LAYOUTS.items()}
    print(f"{arguments.visits} visits, {CARDS} cards, {size_mb:.0f} MB without pictures")
    print(f"\n{'page':<26}{'median ms':>10}{'worst':>8}")
    for name, (median, worst) in asked.items():
        print(f"{name:<26}{median:10.2f}{worst:8.2f}")
    print(f"\n{'export':<16}{'rows':>9}{'seconds':>9}{'grown by, MB':>14}")
    for name, one in files.items():
        print(f"{name:<16}{one['rows']:9}{one['seconds']:9.1f}{one['grown_mb']:14.1f}")
    slow = [name for name, (median, _) in asked.items() if median >= PAGE_MS]
    large = [name for name, one in files.items() if one["grown_mb"] > GROWTH_MB]
    print(f"limits {PAGE_MS:g} ms and {GROWTH_MB:g} MB: {', '.join(slow + large) or 'kept'}")
    if arguments.json:
        figures = {"visits": arguments.visits, "mb": size_mb, "pages_ms": asked, "exports": files}
        write_whole(arguments.json, json.dumps(figures, indent=1).encode())
    return 1 if slow or large else 0


if __name__ == "__main__":
    sys.exit(main())
