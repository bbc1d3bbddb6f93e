"""A report for people: tables, with colours on a terminal and plain in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.budgets import Row
from bench.latency import PATHS
from bench.report import Report
from bench.score import Score

NAMES = {
    "cached": "frames from the cache",
    "new_card": "frames with a new card",
    "batch_of_five": "frames with five new cards or more",
    "memory_mb": "memory",
    "seconds": "seconds",
    "at_most": "at most",
    "at_least": "at least",
}
UNITS = {"cached": "ms", "new_card": "ms", "batch_of_five": "ms", "memory_mb": "MB", "seconds": "s"}
_STYLES = {"kept": "green", "broken": "bold red", "not judged": "dim", "not measured": "dim"}
NONE = "–"


@dataclass(frozen=True)
class Table:
    """A title, the names of the columns, and rows of cells; the first column is text, the others are figures."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    verdicts: bool = False
    """Whether the last column is a verdict."""


def number(value: float | None, digits: int = 1) -> str:
    """A figure, or a dash for None."""
    return NONE if value is None else f"{value:.{digits}f}"


def plain(value: float | None) -> str:
    """A figure without digits that say nothing."""
    return NONE if value is None else f"{value:.4g}"


def headline(found: Report) -> str:
    """What ran, and the verdict."""
    return f"{found.stream}, {found.mode}, {found.profile}: {verdict(found)}"


def verdict(found: Report) -> str:
    """In a few words."""
    if not found.summary["complete"]:
        return "the stream did not come to its end"
    if found.invalid:
        return f"INVALID: {'; '.join(found.invalid)}"
    if found.broken:
        plural = "s" if len(found.broken) > 1 else ""
        rows = ", ".join(f"{row.table}.{row.row}" for row in found.broken)
        return f"{len(found.broken)} budget{plural} broken: {rows}"
    kept = sum(row.verdict == "kept" for row in found.budgets)
    return f"{kept} budgets kept, {len(found.budgets) - kept} not judged"


def losses(found: Report) -> str:
    """Frames in, answered and lost by reason: no latency stands without it."""
    summary = found.summary
    drops = ", ".join(f"{count} {reason}" for reason, count in summary["drops"].items()) or "none"
    saved = f"{summary['saved']}x" if summary["saved"] else NONE
    others = {**summary["incidents"], **{f"{name} started again": count for name, count in summary["restarts"].items()}}
    incidents = "".join(f"; {count} {what}" for what, count in others.items())
    return (
        f"{summary['frames']} frames, {summary['answered']} answered; lost: {drops}; "
        f"unaccounted: {summary['unaccounted']}{incidents}; "
        f"embeddings: {summary['embeddings']} for {summary['cards_seen']} cards in frames, saved {saved}"
    )


def tables(found: Report) -> Iterator[Table]:
    """Everything but the plots."""
    for path in PATHS:
        if stages := found.latency_ms[path]:
            yield Table(
                NAMES[path],
                ("ms", "p50", "p95", "p99", "max", "n"),
                [[s, *(number(row[key]) for key in ("p50", "p95", "p99", "max")), f"{row['n']:.0f}"]
                 for s, row in stages.items()],
            )  # fmt: skip
    frames = max(1, int(found.summary["frames"]))
    yield Table(
        "processes",
        ("", "PSS MB", "CPU s", "CPU ms/frame", "ready s", "again s"),
        [
            [
                name,
                number(one.pss_mb),
                number(one.cpu_s, 2),
                number(1000 * one.cpu_s / frames if one.cpu_s is not None else None),
                number(one.ready_s, 2),
                ", ".join(number(value, 2) for value in one.recovery_s) or NONE,
            ]
            for name, one in found.processes.items()
        ],
    )
    if found.score:
        yield Table("against the truth", ("", "n"), scored(found.score))
    yield Table(
        f"budgets of {found.profile}",
        ("", "limit", "measured", "verdict"),
        [[f"{r.table}.{r.row}", plain(r.limit), plain(r.measured), _judged(r)] for r in found.budgets],
        verdicts=True,
    )


def _judged(row: Row) -> str:
    return f"{row.verdict}: {row.why}" if row.why else row.verdict


def scored(score: Score) -> list[list[str]]:
    """Names and numbers of a score, and the mistakes one by one."""
    waits = sorted(score.confirm_frames)
    middle = waits[len(waits) // 2] if waits else None
    return [
        ["presences of known cards", str(score.presences)],
        ["visits counted", str(score.counted)],
        ["confirmed right", str(score.right)],
        ["confirmed wrong", str(score.wrong)],
        ["counted once more", str(score.again)],
        ["missed", str(score.missed)],
        ["presences of strangers", str(score.strangers)],
        ["id switches", str(score.id_switches)],
        ["flicker", str(score.flicker)],
        ["to confirm, median", _wait(middle, score.fps)],
        ["to confirm, longest", _wait(waits[-1] if waits else None, score.fps)],
    ]


def _wait(frames: int | None, fps: float) -> str:
    return NONE if frames is None else f"{frames} frames, {1000 * frames / fps:.0f} ms"


def line(found: Report) -> str:
    """A run in a line, for the standard streams."""
    p95 = [found.latency_ms[path].get("total", {}).get("p95") for path in ("cached", "new_card")]
    score, summary = found.score, found.summary
    truth = f"{score.right}/{score.presences} right, {score.wrong} wrong, {score.flicker} flicker" if score else NONE
    return (
        f"{found.stream:<18}{summary['answered']:>5}/{summary['frames']:<6}"
        f"p95 {number(p95[0]):>6} {number(p95[1]):>7} ms   "
        f"saved {plain(summary['saved']):>5}   {truth:<36}{verdict(found)}"
    )


def sum_line(found: Sequence[Report], saved: Row | None) -> str:
    """Under the lines of the standard streams: all of them together."""
    good = sum(one.good for one in found)
    if saved is None:
        return f"{good} of {len(found)} streams kept their budgets"
    return (
        f"{good} of {len(found)} streams kept their budgets; embeddings saved over all of them: "
        f"{plain(saved.measured)}x (at least {plain(saved.limit)}): {saved.verdict}"
    )


def show(found: Report) -> None:
    """Print it all."""
    made = found.made
    facts = [
        made.machine,
        f"{made.date}, {made.git or 'no checkout'}, " + ", ".join(f"{k} {v}" for k, v in made.versions.items() if v),
        f"SHA-256: model {made.model[:12]}, catalogue {made.catalog[:12]}, configuration {made.config[:12]}",
        losses(found),
    ]
    print("\n".join(facts))
    for table in tables(found):
        _print(table)
    for mistake in found.score.mistakes if found.score else []:
        print(mistake)
    print(f"\n{headline(found)}")


def _print(table: Table) -> None:
    if sys.stdout.isatty():
        _coloured(table)
        return
    widths = [max(len(row[column]) for row in (table.header, *table.rows)) for column in range(len(table.header))]
    print(f"\n{table.title}")
    for row in (table.header, *table.rows):
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        text = "  ".join([first.strip().ljust(widths[0]), *(others[:-1] if table.verdicts else others)])
        print(f"{text}  {row[-1]}".rstrip() if table.verdicts else text.rstrip())


def _coloured(table: Table) -> None:
    from rich import box  # noqa: PLC0415 - only where there is a terminal
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table as RichTable  # noqa: PLC0415

    rich = RichTable(title=table.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column, name in enumerate(table.header):
        last = table.verdicts and column == len(table.header) - 1
        rich.add_column(name, justify="left" if column == 0 or last else "right")
    for row in table.rows:
        style = _STYLES.get(row[-1].partition(":")[0], "") if table.verdicts else ""
        rich.add_row(*row, style=style)
    Console(highlight=False).print(rich)
