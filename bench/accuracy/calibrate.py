"""Thresholds of a model: from cards that it never saw, once in the catalogue and once not, under every condition."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.backends import open_model
from bench.accuracy.conditions import CONDITIONS
from bench.accuracy.measure import Graded, chosen, grade, make_queries, read_truth, strangers
from bench.accuracy.rankers import fused
from catalog.decide import Thresholds, decide
from catalog.model_card import card_path
from catalog.store import Catalogue, check_model

CONFIRMED_STRANGERS = 0.002
"""Share of absent cards, over all conditions, that may be confirmed."""
CONFIRMED_WRONG = 0.001
"""Share of present cards that may be confirmed as another."""
FAR = 0.005
"""Share of right answers that may be farther than `fair`."""
LOST = 0.01
"""Share of right answers whose gap may lie below `gap_unknown`."""
NEAR_STRANGERS = 0.001
"""Share of absent cards that may be nearer than `excellent`."""
LEAST_GAP = 0.05
"""Of a confirmation, whatever was measured: with a closer rival a person is asked."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Thresholds, and what they do to the cards that they were measured on, in percent of the verdicts."""

    thresholds: Thresholds
    present: dict[str, float]
    absent: dict[str, float]

    def text(self) -> str:
        """For people."""
        values = ", ".join(f"{key} {value}" for key, value in msgspec.to_builtins(self.thresholds).items())
        rows = (f"{name}: " + ", ".join(f"{k} {v:.1f} %" for k, v in row.items()) for name, row in self._rows())
        return "\n".join([values, *rows])

    def _rows(self) -> list[tuple[str, dict[str, float]]]:
        return [("in the catalogue", self.present), ("not in the catalogue", self.absent)]


def measured(
    catalogue: Catalogue, images: Path, labels: Path, model: Path, *, sets: tuple[str, ...], every: int = 2
) -> Calibrated:
    """Thresholds of `model` for the fused ranking, from every `every`-th card of `sets`, beginning with the first."""
    cv2.setNumThreads(1)
    truth = read_truth(catalogue, labels)
    rows = chosen(truth, sets, every)
    here, away = fused(catalogue), fused(strangers(catalogue, truth, rows))
    with closing(open_model(model, threads=2)) as embedder:
        check_model(catalogue, embedder.model_hash)
        graded = [
            grade(make_queries(catalogue, images, rows, embedder, condition), rows, truth, here, away)[0]
            for condition in CONDITIONS
        ]
    thresholds = thresholds_for(graded)
    return Calibrated(thresholds, *_verdicts(graded, thresholds))


def thresholds_for(graded: list[Graded]) -> Thresholds:
    """The thresholds that the shares above ask for."""
    right = np.concatenate([one.right for one in graded])
    gaps, distances = _of(graded, "present", "gap"), 1 - _of(graded, "present", "nearness")
    strange_gaps, strange_distances = _of(graded, "absent", "gap"), 1 - _of(graded, "absent", "nearness")
    excellent = float(np.quantile(strange_distances, NEAR_STRANGERS))
    fair = max(excellent, float(np.quantile(distances[right], 1 - FAR)))
    poor = max(fair, float(distances[right].max()))
    wrong = ~right & (distances < fair)

    def gap_for(near: float, far: float) -> float:
        """The least gap by which matches of these distances may be confirmed."""
        strange = strange_gaps[(strange_distances >= near) & (strange_distances < far)]
        mistaken = gaps[wrong & (distances >= near) & (distances < far)]
        allowed = round(CONFIRMED_STRANGERS / 2 * len(strange_gaps)), round(CONFIRMED_WRONG / 2 * len(gaps))
        return max(LEAST_GAP, _limit(strange, allowed[0]), _limit(mistaken, allowed[1]))

    gap_close, gap_confirmed = gap_for(0.0, excellent), gap_for(excellent, fair)
    gap_unknown = min(gap_confirmed, max(0.0, float(np.quantile(gaps[right], LOST))))
    numbers = (ceil(1000 * value) / 1000 for value in (excellent, fair, poor, gap_close, gap_confirmed, gap_unknown))
    names = ("excellent", "fair", "poor", "gap_close", "gap_confirmed", "gap_unknown")
    return Thresholds(**dict(zip(names, numbers, strict=True)))


def _limit(gaps: NDArray[np.float64], allowed: int) -> float:
    """The least gap that no more than `allowed` of these have."""
    ordered = np.sort(gaps)[::-1]
    return float(np.nextafter(ordered[allowed], np.inf)) if len(ordered) > allowed else 0.0


def write(model: Path, found: Calibrated) -> None:
    """Put the thresholds into the card beside `model`. ValueError where there is no card."""
    path = card_path(model)
    try:
        card = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise ValueError(f"model card {path}: {error}; export the model again") from error
    card["thresholds"] = msgspec.to_builtins(found.thresholds)
    card["calibration"] = {"present": _rounded(found.present), "absent": _rounded(found.absent)}
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(card)) + b"\n")
    fresh.replace(path)


def _of(graded: list[Graded], which: str, witness: str) -> NDArray[np.float64]:
    return np.array([getattr(answer, witness) for one in graded for answer in getattr(one, which)])


def _verdicts(graded: list[Graded], limits: Thresholds) -> tuple[dict[str, float], dict[str, float]]:
    present = [
        (decide(1 - answer.nearness, answer.gap, limits), bool(right))
        for one in graded
        for answer, right in zip(one.present, one.right, strict=True)
    ]
    absent = [decide(1 - answer.nearness, answer.gap, limits) for one in graded for answer in one.absent]

    def share(count: int, of: int) -> float:
        return 100 * count / of

    kinds = ("confirmed", "uncertain", "unknown")
    here = {f"{kind} and right": share(present.count((kind, True)), len(present)) for kind in kinds[:1]}  # type: ignore[arg-type]
    here["confirmed and wrong"] = share(present.count(("confirmed", False)), len(present))
    here |= {kind: share(sum(verdict == kind for verdict, _ in present), len(present)) for kind in kinds[1:]}
    return here, {kind: share(sum(verdict == kind for verdict in absent), len(absent)) for kind in kinds}


def _rounded(row: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in row.items()}
