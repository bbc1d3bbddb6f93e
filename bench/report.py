"""The report of a measured replay: what docs/bench.md describes, made from what the probe and the bus have heard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.budgets import SINKS, TABLES, TOGETHER, Measured, Profile, Row
from bench.latency import Columns, Span, by_path, columns, disordered, waterfalls
from bench.probe import Probe
from bench.provenance import Provenance
from bench.score import Score
from bench.summary import Summary
from bus.topics import PIPELINE

FORMAT = 1


class Process(Struct, frozen=True, kw_only=True):
    """What one process cost: the most that it held (PSS), CPU time, seconds to be ready and, after deaths, again."""

    pss_mb: float | None
    cpu_s: float | None
    ready_s: float | None
    recovery_s: list[float]


class Memory(Struct, frozen=True):
    """PSS in MB of each process at some times; None while it was not there."""

    t_s: list[float]
    mb: dict[str, list[float | None]]

    def together(self) -> list[float]:
        """The sums at each time."""
        return [round(sum(value or 0.0 for value in column), 1) for column in zip(*self.mb.values(), strict=True)]


class Report(Struct, frozen=True, kw_only=True):
    """One run. `invalid`: why it says nothing about the budgets; `score`: None where there is no truth.

    `differing`: answers that a second run gave otherwise, None if there was none.
    """

    bench: int = FORMAT
    stream: str
    mode: str
    profile: str
    made: Provenance
    invalid: list[str]
    budgets: list[Row]
    summary: Summary
    latency_ms: dict[str, dict[str, dict[str, float]]]
    processes: dict[str, Process]
    ready_s: float | None
    score: Score | None
    differing: int | None
    waterfall: dict[str, dict[str, list[Span]]]
    frames: Columns
    memory: Memory

    @property
    def broken(self) -> list[Row]:
        """The budgets that were not kept."""
        return [row for row in self.budgets if row.verdict == "broken"]

    @property
    def good(self) -> bool:
        """Whether it came to its end, is valid and kept every budget."""
        return bool(self.summary["complete"]) and not self.invalid and not self.broken


def report(
    *,
    stream: str,
    mode: str,
    profile: Profile,
    made: Provenance,
    summary: Summary,
    probe: Probe,
    score: Score | None,
    differing: int | None,
    excused: Mapping[str, str],
) -> Report:
    """Put everything that was measured together, and judge it."""
    frames, memory = columns(probe.results, probe.crops), _memory(probe)
    processes = _processes(probe, memory)
    latency, ready_s = by_path(frames), probe.all_ready_s()
    measured: Measured = {
        **{path: {stage: row["p95"] for stage, row in stages.items()} for path, stages in latency.items()},
        "memory_mb": _memory_rows(memory),
        "seconds": {
            "ready": ready_s,
            "recovery": max((s for p in processes.values() for s in p.recovery_s), default=None),
        },
        "at_most": {
            "unaccounted": summary["unaccounted"],
            "disordered": disordered(probe.results),
            "differing": differing,
            **({key: getattr(score, key) for key in TABLES["at_most"] if hasattr(score, key)}),
        },
        "at_least": {"saved": summary["saved"]},
    }
    rendered = [f"memory_mb.{row}" for row in (PIPELINE[0], TOGETHER)] if stream.startswith("scene:") else []
    excused = {**dict.fromkeys(rendered, "the renderer lives in capture"), **excused}
    return Report(
        stream=stream,
        mode=mode,
        profile=profile.name,
        made=made,
        invalid=_invalid(summary, probe, mode),
        budgets=profile.judge(measured, mode, made.machine, excused),
        summary=summary,
        latency_ms=latency,
        processes=processes,
        ready_s=ready_s,
        score=score,
        differing=differing,
        waterfall=waterfalls(probe.results, frames),
        frames=frames,
        memory=memory,
    )


def _invalid(summary: Summary, probe: Probe, mode: str) -> list[str]:
    """Why a paced run did not keep its stream's own pace: then its latencies are not those of that stream."""
    late = summary["drops"].get("capture.source_late", 0)
    slowed = probe.count("capture", "slowed")
    if mode != "paced":
        return []
    return [
        *([f"the source was too late for {late} frames"] if late else []),
        *([f"the source is slower than its own pace: time was held up {slowed}x"] if slowed else []),
    ]


def _memory(probe: Probe) -> Memory:
    names = sorted({name for _, held in probe.samples for name in held}, key=_place)
    return Memory(
        [seconds for seconds, _ in probe.samples],
        {name: [held.get(name) for _, held in probe.samples] for name in names},
    )


def _place(name: str) -> int:
    """Where a process stands in the pipeline; sinks and the launcher after it."""
    return PIPELINE.index(name) if name in PIPELINE else len(PIPELINE) + (not name.startswith("sink."))


def _most(memory: Memory) -> dict[str, float | None]:
    """The most that each process held while most of them were there: before that, they do not share what they share."""
    counts = [sum(value is not None for value in column) for column in zip(*memory.mb.values(), strict=True)]
    full = [count == max(counts) for count in counts]
    return {
        name: max((value for value, counted in zip(values, full, strict=True) if counted and value), default=None)
        for name, values in memory.mb.items()
    }


def _memory_rows(memory: Memory) -> dict[str, float | None]:
    most = _most(memory)
    sinks = [value for name, value in most.items() if name.startswith("sink.") and value]
    return {**most, SINKS: round(sum(sinks), 1) if sinks else None, TOGETHER: max(memory.together(), default=None)}


def _processes(probe: Probe, memory: Memory) -> dict[str, Process]:
    most, cpu_s, ready_s, recovery_s = _most(memory), probe.cpu_s(), probe.ready_s(), probe.recovery_s()
    return {
        name: Process(
            pss_mb=most.get(name),
            cpu_s=cpu_s.get(name),
            ready_s=ready_s.get(name),
            recovery_s=recovery_s.get(name, []),
        )
        for name in sorted({*most, *ready_s}, key=_place)
    }


def encode(found: Report) -> bytes:
    """The report as JSON."""
    return msgspec.json.encode(found) + b"\n"


def read(path: Path) -> Report:
    """A report of this format. ValueError names the file and what to do."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path} is no report of `sleevesight bench replay --json`: {error}") from None
