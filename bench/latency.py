"""Latencies of a replay frame by frame, in columns: what percentiles, plots and comparisons are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct

from actors.events import latency_ms
from bench.summary import percentiles
from bus.messages import Results

STAGES = {
    "detect": "capture",
    "capture": "capture",
    "select": "selector",
    "embed": "embedder",
    "match": "matcher",
    "smooth": "smoother",
}
"""The stages of a trace in the order of a frame's way, and the actor of each."""
TOTAL = "total"
BATCH = 5
PATHS = ("cached", "new_card", "batch_of_five")
SHARES = {"p50": 50, "p95": 95}

Span = tuple[str, float, float]
"""A stage with its begin and end, in ms from the frame's arrival."""


class Columns(Struct, frozen=True):
    """One entry for each answered frame, in order.

    `t_ms`: time of exposure from the first frame on; `crops`: how many the frame asked for; `ms`: by stage, None where
    the frame did not come by.
    """

    frame: list[int]
    t_ms: list[float]
    crops: list[int]
    ms: dict[str, list[float | None]]

    def path(self, name: str) -> list[int]:
        """Indices of the frames that were answered from the cache, had a new card, or five of them or more."""
        new = [value is not None for value in self.ms["embed"]]
        chosen = {
            "cached": [not one for one in new],
            "new_card": new,
            "batch_of_five": [one and crops >= BATCH for one, crops in zip(new, self.crops, strict=True)],
        }[name]
        return [index for index, one in enumerate(chosen) if one]

    def values(self, path: str, stage: str) -> list[float]:
        """The latencies of a stage in ms on a path."""
        column = self.ms[stage]
        return [value for index in self.path(path) if (value := column[index]) is not None]


def columns(results: Sequence[Results], crops: Mapping[tuple[str, int], int]) -> Columns:
    """The columns of a stream's answers; `crops` by stream and frame."""
    answers = [one for one in results if not one.closing]
    traces = [latency_ms(one.trace) for one in answers]
    start = answers[0].t_ns if answers else 0
    return Columns(
        frame=[one.frame for one in answers],
        t_ms=[round((one.t_ns - start) / 1e6, 1) for one in answers],
        crops=[crops.get((one.stream, one.frame), 0) for one in answers],
        ms={stage: [trace.get(stage) for trace in traces] for stage in (*STAGES, TOTAL)},
    )


def by_path(frames: Columns) -> dict[str, dict[str, dict[str, float]]]:
    """By path and stage p50, p95, p99, max in ms, and n."""
    return {
        path: percentiles(
            {stage: value for stage, column in frames.ms.items() if (value := column[index]) is not None}
            for index in frames.path(path)
        )
        for path in PATHS
    }


def waterfalls(results: Sequence[Results], frames: Columns) -> dict[str, dict[str, list[Span]]]:
    """For each path the stages of the frames whose total is nearest to the median and to p95."""
    answers = [one for one in results if not one.closing]
    return {
        path: {
            name: _spans(answers[indices[_nearest(frames.values(path, TOTAL), share)]])
            for name, share in SHARES.items()
        }
        for path in ("cached", "new_card")
        if (indices := [index for index in frames.path(path) if frames.ms[TOTAL][index] is not None])
    }


def _nearest(values: Sequence[float], share: float) -> int:
    return int(np.abs(np.asarray(values) - np.percentile(values, share)).argmin())


def _spans(answer: Results) -> list[Span]:
    begin = answer.trace[0].received_ns
    return [
        (hop.stage, round((hop.received_ns - begin) / 1e6, 3), round((hop.done_ns - begin) / 1e6, 3))
        for hop in answer.trace
    ]


def disordered(results: Sequence[Results]) -> int:
    """Answers that came out of the frames' order, or whose trace is not in the stages' order."""
    last: dict[str, int] = {}
    count = 0
    for one in results:
        if one.closing:
            continue
        stages = [hop.stage for hop in one.trace]
        count += one.frame <= last.get(one.stream, -1) or stages != [stage for stage in STAGES if stage in stages]
        last[one.stream] = max(one.frame, last.get(one.stream, -1))
    return count
