"""docs/accuracy.md: the table and the plots of a report, so that one command prints both again."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.accuracy.measure import Row
from bench.accuracy.run import ALL, Report
from bench.marked import rewrite

MARK = "measured"
_COLOURS = ("#9a9a9a", "#c98b2b", "#5b8def", "#1d4fb8")


def write_page(report: Report, page: Path) -> None:
    """Put the report between the marks of a Markdown page, which keeps what it says around them, and draw its plots.

    ValueError for a page without the marks.
    """
    plot = page.parent / "images" / f"{page.stem}.png"
    rewrite(page, {MARK: f"{_facts(report)}\n\n![{_CAPTION}](images/{plot.name})\n\n{_tables(report)}"})
    plot.parent.mkdir(exist_ok=True)
    draw(report, plot)


_CAPTION = "Top-1 and false accepts by condition, for the hash, ORB, the net and both together"


def draw(report: Report, file: Path) -> None:
    """Top-1 on the left, false accepts on the right, a line of dots for each condition."""
    import matplotlib as mpl  # noqa: PLC0415, half a second that only this page pays

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    conditions = list(dict.fromkeys(row.condition for row in report.rows))
    rankers = list(dict.fromkeys(row.ranker for row in report.rows))
    figure, axes = plt.subplots(1, 2, figsize=(11, 0.34 * len(conditions) + 1.4), sharey=True)
    places = range(len(conditions), 0, -1)
    for colour, ranker in zip(_COLOURS[-len(rankers) :], rankers, strict=True):
        of = {row.condition: row for row in report.rows if row.ranker == ranker}
        style: dict[str, Any] = {"s": 42, "color": colour, "label": ranker, "alpha": 0.85, "zorder": 3}
        axes[0].scatter([of[name].printing[0] for name in conditions], places, **style)
        axes[1].scatter([of[name].accepts["gap"] for name in conditions], places, **style)
    axes[0].set_yticks(list(places), conditions)
    axes[0].set_title("right picture first, %", loc="left", fontsize=10)
    axes[1].set_title("absent cards accepted, % (at 95 % true accepts, by the gap)", loc="left", fontsize=10)
    for axis in axes:
        axis.grid(color="#dddddd", linewidth=0.6)
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.tick_params(length=0)
    axes[0].legend(loc="lower left", fontsize=8, frameon=True, framealpha=0.9)
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _facts(report: Report) -> str:
    times = f"{report.embed_ms['1']:.1f} ms for one crop, {report.embed_ms['5']:.1f} ms for five, on two threads"
    date = datetime.now(UTC).date().isoformat()
    return (
        f"Model `{report.model}`; {report.queries} cards of {', '.join(report.sets)}, which it was not trained "
        f"on, each under every condition, against {report.cards} references; {date}, {platform.machine()}. "
        f"An embedding takes {times} (median)."
    )


def _tables(report: Report) -> str:
    rankers = list(dict.fromkeys(row.ranker for row in report.rows))
    conditions = list(dict.fromkeys(row.condition for row in report.rows))
    cells = {(row.condition, row.ranker): row for row in report.rows}
    head = "| condition | " + " | ".join(rankers) + " |\n|---|" + "---|" * len(rankers)
    short = [
        f"| {_strong(name)} | " + " | ".join(_cell(cells[name, ranker]) for ranker in rankers) + " |"
        for name in conditions
    ]
    both = [name for name in rankers if name.startswith("net")]
    long_head = "| condition | " + " | ".join(
        f"{r}: printing 1 / 3 / 5 | card 1 / 3 / 5 | by gap / lead / score" for r in both
    )
    long_head += " |\n|---|" + "---|" * (3 * len(both))
    long = [
        f"| {_strong(name)} | " + " | ".join(_long(cells[name, ranker]) for ranker in both) + " |"
        for name in conditions
    ]
    return "\n".join(
        [
            "Right picture first, in percent; in brackets the absent cards that are accepted where 95 % of the present "
            "ones are, in percent, by the gap to the next picture.",
            "",
            head,
            *short,
            "",
            "The same for the first three and five, by printing (the very same picture) and by card (the same artwork "
            "in any frame); and false accepts by the gap, by the lead over the mean of the next ten pictures (score "
            "normalisation), and by the score alone.",
            "",
            long_head,
            *long,
        ]
    )


def _strong(name: str) -> str:
    return f"**{name}**" if name == ALL else name


def _cell(row: Row) -> str:
    return f"{row.printing[0]:.1f} ({row.accepts['gap']:.1f})"


def _long(row: Row) -> str:
    tops = (" / ".join(f"{value:.1f}" for value in values) for values in (row.printing, row.card))
    accepts = " / ".join(f"{value:.1f}" for value in row.accepts.values())
    return " | ".join([*tops, accepts])
