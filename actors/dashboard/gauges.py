"""How well the system is: latency, frames a second and losses of the last seconds, and every process's heartbeat."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import msgspec

from actors.events import latency_ms
from bus.messages import Heartbeat, Results
from bus.topics import PIPELINE

WINDOW_NS = 5_000_000_000
SILENT_NS = 3_000_000_000
"""So long without a heartbeat: the process hangs or is gone."""


class Process(msgspec.Struct, frozen=True):
    """One process: `state` is silent or missing when its heartbeat is."""

    name: str
    state: str
    p95_ms: float = 0.0
    rss_mb: float = 0.0
    queue: int = 0
    detail: str = ""
    drops: dict[str, int] = {}


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The gauges. Latency in ms from a frame's arrival to its result; None without frames."""

    state: str
    """`live`, or `waiting`: no frame has been answered for a while."""
    fps: float
    p50_ms: float | None
    p95_ms: float | None
    lost: int
    """Frames of the last seconds without a result."""
    processes: list[Process]


class _Frame(NamedTuple):
    stream: str
    number: int
    at_ns: int
    latency: float | None


class Gauges:
    """Fed with messages and the time at which they came."""

    def __init__(self) -> None:
        self._frames: deque[_Frame] = deque()
        self._beats: dict[str, tuple[int, Heartbeat]] = {}

    def results(self, results: Results, now_ns: int) -> None:
        """A frame was answered."""
        if not results.closing:
            total = latency_ms(results.trace).get("total")
            self._frames.append(_Frame(results.stream, results.frame, now_ns, total))

    def heartbeat(self, beat: Heartbeat, now_ns: int) -> None:
        """A process is alive."""
        self._beats[beat.actor] = (now_ns, beat)

    def read(self, now_ns: int) -> Health:
        """What the gauges show."""
        while self._frames and now_ns - self._frames[0].at_ns > WINDOW_NS:
            self._frames.popleft()
        latencies = sorted(one.latency for one in self._frames if one.latency is not None)
        return Health(
            state="live" if self._frames and now_ns - self._frames[-1].at_ns < SILENT_NS else "waiting",
            fps=self._fps(),
            p50_ms=_percentile(latencies, 0.50),
            p95_ms=_percentile(latencies, 0.95),
            lost=self._lost(),
            processes=[self._process(name, now_ns) for name in PIPELINE],
        )

    def _fps(self) -> float:
        if len(self._frames) < 2:
            return 0.0
        span_ns = self._frames[-1].at_ns - self._frames[0].at_ns
        return round((len(self._frames) - 1) / max(span_ns, 1) * 1e9, 1)

    def _lost(self) -> int:
        stream = self._frames[-1].stream if self._frames else ""
        numbers = [one.number for one in self._frames if one.stream == stream]
        return numbers[-1] - numbers[0] + 1 - len(numbers) if numbers else 0

    def _process(self, name: str, now_ns: int) -> Process:
        if name not in self._beats:
            return Process(name, "missing")
        at_ns, beat = self._beats[name]
        state = beat.state if now_ns - at_ns < SILENT_NS else "silent"
        drops = {reason: count for reason, count in beat.drops.items() if count}
        return Process(name, state, round(beat.p95_ms, 1), round(beat.rss_bytes / 1e6), beat.queue, beat.detail, drops)


def _percentile(ordered: list[float], share: float) -> float | None:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1) if ordered else None
