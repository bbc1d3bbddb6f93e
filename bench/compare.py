"""`sleevesight bench compare`: how two runs of one stream differ, and which differences are more than noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from bench.latency import STAGES, TOTAL
from bench.report import Report

LEVEL = 99.0
"""Per cent of the interval: there are a dozen rows, of which none is to stand out by chance."""
RESAMPLES = 2000
BLOCK = 10
"""Frames that are drawn together: neighbours wait for the same things, so that they say less than as many others."""
FEWEST = 8
"""Fewer frames than this have no interval worth the name."""


class Difference(Struct, frozen=True):
    """Medians in ms of a stage in two runs, the ratio second : first, and its interval."""

    path: str
    stage: str
    first: float
    second: float
    ratio: float
    low: float
    high: float

    @property
    def real(self) -> bool:
        """Whether it is larger than the noise within the runs."""
        return not self.low <= 1 <= self.high


def compare(first: Report, second: Report, seed: int = 0) -> list[Difference]:
    """By path and stage. ValueError for runs that are not of the same stream in the same mode."""
    for what, name, another in (("streams", first.stream, second.stream), ("modes", first.mode, second.mode)):
        if name != another:
            raise ValueError(f"these are runs of different {what}, {name} and {another}: they cannot be compared")
    if first.made.stream != second.made.stream:
        raise ValueError(f"{first.stream} was another stream in each run: its content or its seed has changed")
    rng = np.random.default_rng(seed)
    found = []
    for path in ("cached", "new_card"):
        for stage in (*STAGES, TOTAL):
            one, other = (np.asarray(report.frames.values(path, stage)) for report in (first, second))
            if min(len(one), len(other)) >= FEWEST:
                found.append(_difference(path, stage, one, other, rng))
    return found


def _difference(
    path: str, stage: str, first: NDArray[np.float64], second: NDArray[np.float64], rng: np.random.Generator
) -> Difference:
    below, above = (np.maximum(_medians(one, rng), 1e-6) for one in (first, second))
    low, high = np.percentile(above / below, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    medians = float(np.median(first)), float(np.median(second))
    return Difference(path, stage, *medians, medians[1] / max(medians[0], 1e-6), float(low), float(high))


def _medians(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Medians of resamples in blocks of neighbours (circular block bootstrap, Politis and Romano 1992)."""
    block = min(BLOCK, max(1, len(values) // FEWEST))
    starts = rng.integers(0, len(values), (RESAMPLES, -(-len(values) // block), 1))
    places = ((starts + np.arange(block)) % len(values)).reshape(RESAMPLES, -1)[:, : len(values)]
    return np.asarray(np.median(values[places], axis=1))


def lines(first: Report, second: Report, differences: Sequence[Difference]) -> list[str]:
    """For people: what is different about the two runs, then a line for each stage."""
    text = [
        f"{name}: {one or 'none'} -> {other or 'none'}" for name, one, other in _facts(first, second) if one != other
    ]
    text += [f"{report.stream}: {reason}" for report in (first, second) for reason in report.invalid]
    text += ["", f"{'ms':<20}{'first':>9}{'second':>9}{'ratio':>8}   {LEVEL:g} % interval"]
    for one in differences:
        mark = f"{'slower' if one.ratio > 1 else 'faster'}" if one.real else "no more than noise"
        text.append(
            f"{one.path + ' ' + one.stage:<20}{one.first:>9.2f}{one.second:>9.2f}{one.ratio:>8.2f}   "
            f"{one.low:5.2f} to {one.high:5.2f}   {mark}"
        )
    losses = [sum(report.summary["drops"].values()) for report in (first, second)]
    return [
        *text,
        "",
        f"frames lost: {losses[0]} and {losses[1]} of {first.summary['frames']} and {second.summary['frames']}",
    ]


def _facts(first: Report, second: Report) -> list[tuple[str, str, str]]:
    names = ("machine", "git", "model", "catalog", "config")
    facts = [(name, getattr(first.made, name), getattr(second.made, name)) for name in names]
    versions = sorted({*first.made.versions, *second.made.versions})
    return facts + [(name, first.made.versions.get(name, ""), second.made.versions.get(name, "")) for name in versions]
