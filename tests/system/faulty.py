"""`sleevesight` with a part that breaks on demand: `python faulty.py SWITCHES COMMAND…`.

A file in the folder SWITCHES turns on the fault that it is named after. The actors are copies of the launcher
(docs/decisions/006), so what is changed here is changed in them.
"""

import ctypes
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bus.clock import SystemClock

ALONE_S = 600
"""Nobody misses a heartbeat, so that the dead-man comes first; with the switch `watched` it is the launcher."""
HANG_DEADLINE_S = 2
"""Instead of 10, for the dead-man."""
GIL_S = 1.0
_held = ctypes.PyDLL(None)  # calls that do not let go of the GIL, as a driver's may not
SWITCHES = Path()


def on(name: str) -> bool:
    """Whether a fault is wanted now."""
    return (SWITCHES / name).exists()


def once(name: str) -> bool:
    """Whether a fault is wanted now; the next life of the process is spared."""
    wanted = on(name)
    (SWITCHES / name).unlink(missing_ok=True)
    return wanted


class FaultyEmbedder:
    """An engine that hangs in native code, holds the GIL for a second, or answers with NaN."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def embed(self, crops: Any) -> Any:
        if once("hang"):
            _held.sleep(3600)
        if once("gil"):
            _held.usleep(int(GIL_S * 1e6))
        vectors = self._engine.embed(crops)
        return np.full_like(vectors, np.nan) if on("nan") else vectors


class FaultySource:
    """A source that gives no more frames, while its process lives."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def read(self) -> Any:
        while on("dry"):
            time.sleep(0.01)
        return self._source.read()


def jumping(real: Callable[[], Any], years: int) -> Callable[[], Any]:
    """A wall clock that is years off, the other way each time that it is read."""
    second, sign = 1_000_000_000 if isinstance(real(), int) else 1, [1]

    def now() -> Any:
        sign[0] = -sign[0]
        return real() + sign[0] * years * 365 * 86400 * second

    return now


def main() -> int:
    global SWITCHES
    SWITCHES = Path(sys.argv[1])
    import actors.capture
    import actors.embedder
    import bus.loop
    from cli.main import main as sleevesight

    if not on("watched"):
        bus.loop.SLACK_S, bus.loop.HANG_DEADLINE_S = ALONE_S, HANG_DEADLINE_S
    engine, source = actors.embedder.open_backend, actors.capture.open_source
    actors.embedder.open_backend = lambda config: FaultyEmbedder(engine(config))  # type: ignore[assignment,return-value]
    actors.capture.open_source = lambda config, clock: FaultySource(source(config, clock))  # type: ignore[assignment,return-value]
    if on("wall-clock"):
        now = SystemClock().now_ns()
        time.time, time.time_ns = jumping(time.time, 10), jumping(time.time_ns, 10)
        assert SystemClock().now_ns() - now < 60e9
    return sleevesight(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
