"""`sleevesight bench accuracy`: grade a model and its rivals, print the table, write the page with its plots."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import msgspec
import numpy as np

from actors.backends import open_model
from bench.accuracy.conditions import CONDITIONS, UPSIDE_DOWN
from bench.accuracy.measure import (
    WITNESSES,
    Graded,
    Row,
    chosen,
    false_accepts,
    grade,
    make_queries,
    read_truth,
    reference,
    strangers,
)
from bench.accuracy.rankers import HashThenOrb, Ranker, by_hash, by_net, fused
from catalog.embedding import Embedder
from catalog.match import WEIGHT
from catalog.store import Catalogue, check_model

ALL = "all upright"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a run printed: the model, what it was asked, a row for every ranker and condition, times in ms."""

    model: str
    cards: int
    sets: tuple[str, ...]
    queries: int
    rows: list[Row]
    embed_ms: dict[str, float]


def accuracy(
    catalogue: Catalogue,
    images: Path,
    labels: Path,
    model: Path,
    *,
    sets: tuple[str, ...],
    every: int = 2,
    start: int = 1,
    orb: bool = True,
    weight: float = WEIGHT,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Grade `model` and its rivals on every `every`-th card of `sets`; the cards between them are for calibration."""
    cv2.setNumThreads(1)
    embedder = open_model(model, threads=2)
    check_model(catalogue, embedder.model_hash)
    truth = read_truth(catalogue, labels)
    rows = chosen(truth, sets, every, start)
    rest = strangers(catalogue, truth, rows)
    makers: dict[str, Callable[[Catalogue], Ranker]] = {"dHash + pHash": by_hash}
    if orb:
        makers["pHash, then ORB"] = lambda known: HashThenOrb(known, lambda row: reference(known, images, row))
    makers |= {"net alone": by_net, "net and hash": lambda known: fused(known, weight)}
    rankers = {name: (make(catalogue), make(rest)) for name, make in makers.items()}
    table: list[Row] = []
    upright: dict[str, list[Graded]] = {name: [] for name in rankers}
    for condition in CONDITIONS:
        progress(condition)
        queries = list(make_queries(catalogue, images, rows, embedder, condition))
        for name, (here, away) in rankers.items():
            graded, printing, card = grade(queries, rows, truth, here, away)
            accepts = {witness: false_accepts([graded], witness) for witness in WITNESSES}
            table.append(
                Row(
                    condition=condition,
                    ranker=name,
                    queries=len(rows),
                    printing=printing,
                    card=card,
                    accepts=accepts,
                )
            )
            if condition != UPSIDE_DOWN:
                upright[name].append(graded)
    table += [_overall(name, table, upright[name]) for name in rankers]
    return Report(
        model=embedder.name,
        cards=len(catalogue.ids),
        sets=sets,
        queries=len(rows),
        rows=table,
        embed_ms=_times(embedder),
    )


def _overall(name: str, table: list[Row], graded: list[Graded]) -> Row:
    of = [row for row in table if row.ranker == name and row.condition != UPSIDE_DOWN]
    return Row(
        condition=ALL,
        ranker=name,
        queries=sum(row.queries for row in of),
        printing=tuple(np.mean([row.printing for row in of], axis=0).tolist()),
        card=tuple(np.mean([row.card for row in of], axis=0).tolist()),
        accepts={witness: false_accepts(graded, witness) for witness in WITNESSES},
    )


def _times(embedder: Embedder) -> dict[str, float]:
    """Median time of an embedding of one crop and of five, on two threads."""
    times = {}
    for count in (1, 5):
        crops = np.random.default_rng(0).integers(0, 256, (count, 358, 256, 3), np.uint8)
        taken = []
        for _ in range(30):
            begun = time.perf_counter()
            embedder.embed(crops)
            taken.append(1000 * (time.perf_counter() - begun))
        times[str(count)] = round(float(np.median(taken)), 2)
    return times


def text(report: Report) -> str:
    """The table as plain text: top-1 by printing and, in brackets, false accepts by the gap."""
    names = list(dict.fromkeys(row.ranker for row in report.rows))
    lines = [f"{'top-1 % (false accepts %)':26}" + "".join(f"{name:>22}" for name in names)]
    for condition in dict.fromkeys(row.condition for row in report.rows):
        of = {row.ranker: row for row in report.rows if row.condition == condition}
        cells = (f"{of[name].printing[0]:6.1f} ({of[name].accepts['gap']:5.1f})" for name in names)
        lines.append(f"{condition:26}" + "".join(f"{cell:>22}" for cell in cells))
    return "\n".join(lines)
