"""One clock for every process: nanoseconds since boot, which is also the clock of the camera's time stamps."""

from __future__ import annotations

import time
from typing import Protocol

# macOS has no CLOCK_BOOTTIME; its CLOCK_MONOTONIC is the same for all processes, which is what matters there.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """What tells the time. Injected, so that tests and replays own it."""

    def now_ns(self) -> int:
        """Nanoseconds since boot."""


class SystemClock:
    """CLOCK_BOOTTIME: unaffected by wall-clock jumps, goes on through suspend."""

    def now_ns(self) -> int:
        """Nanoseconds since boot."""
        return time.clock_gettime_ns(_CLOCK)


class ManualClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        """The time it was set to."""
        return self._now_ns

    def advance(self, ms: float) -> None:
        """Move on by `ms` milliseconds."""
        self._now_ns += round(ms * 1e6)
