"""What a component's measurement amounts to, and how it is shown to people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, log10

import msgspec
import numpy as np

from bench.micro.timing import Sample


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """Times of one way in ms. `ratio`: how many times ours they are, the median over the rounds."""

    p50_ms: float
    p99_ms: float | None = None
    ratio: float | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One way. `facts` are single numbers, by name and unit; `note` says why there is nothing, or what to know."""

    way: str
    figures: dict[str, Figure] = {}
    facts: dict[str, float] = {}
    note: str = ""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The ways beside each other, ours first. `libraries` are the distributions whose versions matter."""

    title: str
    rows: list[Row]
    libraries: tuple[str, ...] = ()


def rows(samples: Mapping[str, Sequence[Sample]], ours: str) -> list[Row]:
    """A row for each way; every ratio is taken within its round, and of the ratios the median."""
    return [
        Row(way=way, figures={figure: _figure(found, samples[ours], figure) for figure in found[0]})
        for way, found in samples.items()
    ]


def _figure(found: Sequence[Sample], ours: Sequence[Sample], figure: str) -> Figure:
    times = np.array([sample[figure] for sample in found])
    reference = np.array([sample[figure] for sample in ours])
    p50, p99 = np.percentile(times, [50, 99])
    # A clock with coarse ticks may say that a call took no time at all.
    ratio = float(np.median(times / np.maximum(reference, 1e-6)))
    return Figure(p50_ms=_rounded(p50), p99_ms=_rounded(p99), ratio=_rounded(ratio))


def text(table: Table) -> list[str]:
    """The table for a terminal."""
    head, *body = _cells(table)
    widths = [max(len(row[column]) for row in (head, *body)) for column in range(len(head))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in (head, *body)
    ]
    return [table.title, *lines, ""]


def markdown(table: Table) -> list[str]:
    """The table for a page, with its title above it."""
    head, *body = _cells(table)
    return [table.title, "", *(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body))]


def number(value: float | None, digits: int = 3) -> str:
    """So many digits of a number that count."""
    if value is None or not np.isfinite(value):
        return "–"
    places = max(0, digits - 1 - floor(log10(abs(value)))) if value else 0
    return f"{value:,.{places}f}"


def _cells(table: Table) -> list[list[str]]:
    figures = list(dict.fromkeys(figure for row in table.rows for figure in row.figures))
    facts = list(dict.fromkeys(fact for row in table.rows for fact in row.facts))
    head = ["", *(title for figure in figures for title in (f"{figure}: p50 ms", "p99 ms", "× ours")), *facts]
    return [head, *(_row(row, figures, facts) for row in table.rows)]


def _row(row: Row, figures: list[str], facts: list[str]) -> list[str]:
    cells = [f"{row.way} ({row.note})" if row.note else row.way]
    for name in figures:
        figure = row.figures.get(name)
        cells += ["–"] * 3 if figure is None else map(number, (figure.p50_ms, figure.p99_ms, figure.ratio))
    return [*cells, *(_fact(row.facts.get(fact)) for fact in facts)]


def _fact(value: float | None) -> str:
    """A count is whole, and shown so."""
    return f"{value:,.0f}" if value is not None and float(value).is_integer() else number(value, 4)


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
