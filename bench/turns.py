"""Is one reading enough to begin with? What the matcher says of cards that are read right, or upside down, alone.

Run with `python -m bench.turns CATALOG PICTURES [--every 4]`. It decides what the selector asks for of a new card: the
usual reading alone if a card read upside down is never taken for another one.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2

from actors.backends import open_model
from bench.accuracy.conditions import CONDITIONS
from bench.accuracy.measure import make_queries
from bench.accuracy.rankers import READINGS, Query
from catalog.decide import Thresholds, decide
from catalog.embedding import Embedder
from catalog.match import Matcher
from catalog.model_card import read_card
from catalog.store import Catalogue, check_model

ALONE = ("as it is", "turned")
"""The two readings of a query, in the order of its pictures."""
COLUMNS = ("right", "wrong", "uncertain", "unknown")
"""Confirmed as the card it is, confirmed as another one, neither, and taken for a card that is not there."""


def verdicts(matcher: Matcher, rows: Iterable[int], queries: Iterable[Query], limits: Thresholds) -> list[Counter[str]]:
    """How often each of `COLUMNS` is the answer to each reading alone, of queries that show the cards of these rows."""
    seen: list[Counter[str]] = [Counter() for _ in ALONE]
    for row, query in zip(rows, queries, strict=True):
        card_id = matcher.catalogue.ids[row]
        for reading, answers in enumerate(seen):
            one = slice(reading, reading + 1)
            (match,) = matcher.match(query.vectors[None, one], query.hashes[None, one], (READINGS[reading],))
            verdict: str = decide(match.distance, match.gap, limits)
            if verdict == "confirmed":
                verdict = "right" if card_id in match.group else "wrong"
            answers[verdict] += 1
    return seen


def table(catalogue: Catalogue, pictures: Path, embedder: Embedder, limits: Thresholds, every: int) -> Iterator[str]:
    """A line for every condition, as soon as it is measured."""
    matcher, rows = Matcher(catalogue), range(0, len(catalogue.ids), every)
    yield f"{len(rows)} of {len(catalogue.ids)} cards a condition"
    yield "| condition | " + " | ".join(f"{reading}: {name}" for reading in ALONE for name in COLUMNS) + " |"
    yield "| --- |" + " --- |" * (len(ALONE) * len(COLUMNS))
    for condition in CONDITIONS:
        seen = verdicts(matcher, rows, make_queries(catalogue, pictures, rows, embedder, condition), limits)
        yield f"| {condition} | " + " | ".join(str(answers[name]) for answers in seen for name in COLUMNS) + " |"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.turns", description=__doc__)
    parser.add_argument("catalog", type=Path, help="catalogue of these pictures")
    parser.add_argument("pictures", type=Path, help="folder of clean card pictures that it was built from")
    parser.add_argument("--model", type=Path, default=Path("models/embedder.onnx"), help="ONNX model that built it")
    parser.add_argument("--every", type=int, default=4, help="ask for every n-th card")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    embedder = open_model(arguments.model, threads=2)
    catalogue = Catalogue.load(arguments.catalog)
    check_model(catalogue, embedder.model_hash)
    card = read_card(arguments.model)
    limits = card.thresholds if card else Thresholds()
    for line in table(catalogue, arguments.pictures, embedder, limits, arguments.every):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
