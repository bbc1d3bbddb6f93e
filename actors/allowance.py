"""How many readings a frame may ask for, so that its answer comes in time: pure code, times from the messages."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from bus.messages import Hop

_ANSWERS = 5
"""Answers of whose times the median counts: one that came late, from an embedder that began anew, says nothing."""
_FRAMES = 10
"""Frames after which is known whether there is any time to keep to."""
_LEAST_MS = 0.1
"""That a reading takes: clocks that stand still must not promise any number of them."""


class Allowance:
    """Learns from the answers what a reading takes here, beside all that goes on.

    Where most of the last frames were too late for a single reading, as many are asked for as may be: the answers
    cannot come in time, so the names should come soon.
    """

    def __init__(self, answer_ms: float, most: int) -> None:
        self._answer_ms, self._most = answer_ms, most
        self._ages: deque[float] = deque(maxlen=_FRAMES)
        self._each: deque[float] = deque(maxlen=_ANSWERS)
        self._rest: deque[float] = deque(maxlen=_ANSWERS)

    def readings(self, age_ms: float) -> int:
        """For a frame that came so long ago: 1 to `most`, and 1 as long as nothing has been answered."""
        self._ages.append(age_ms)
        if not self._each:
            return 1
        each, rest = _median(self._each), _median(self._rest)
        if len(self._ages) == _FRAMES and _median(self._ages) + rest + each > self._answer_ms:
            return self._most
        return max(1, min(self._most, int((self._answer_ms - age_ms - rest) / each)))

    def answered(self, readings: int, trace: Sequence[Hop], now_ns: int) -> None:
        """The answer to so many readings of a frame has come, by this way."""
        hops = {hop.stage: hop for hop in trace}
        if "select" in hops and "embed" in hops:
            embedding_ns = hops["embed"].done_ns - hops["embed"].received_ns
            self._each.append(max(embedding_ns / 1e6 / readings, _LEAST_MS))
            self._rest.append((now_ns - hops["select"].received_ns - embedding_ns) / 1e6)


def _median(values: Iterable[float]) -> float:
    in_order = sorted(values)
    return in_order[len(in_order) // 2]
