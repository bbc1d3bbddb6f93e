"""Frames that wait for what a slow network says of them: its answer comes one or more frames after the picture."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from actors.sources.base import SourceFrame
from vision.detection import Detection

MOST = 8
"""Frames that an answer may be late: a slower network is of no use, and every frame takes 9 MB."""

_NEIGHBOUR = 1.25
"""Frames apart."""


def age_frames(run_ms: float, frame_ms: float) -> int:
    """How many frames before the one that it comes with an answer belongs to, if the network ran for so long."""
    return min(max(1, math.ceil(run_ms / frame_ms)), MOST)


class Held:
    """The last frames, until the answers to them have come.

    Every frame passes, once and in order, with the answer that belongs to it or with none.
    """

    def __init__(self) -> None:
        self._frames: deque[SourceFrame] = deque()

    def push(
        self, frame: SourceFrame, found: Sequence[Detection] | None, age: int, frame_ns: float
    ) -> list[SourceFrame]:
        """Take the newest frame and the answer that came with it, to one of `age` frames ago; returns what is complete.

        Frames are told by their times, for a busy machine does not see them all: the answer to one that it has not seen
        goes to its neighbour, or nowhere.
        """
        self._frames.append(frame)
        then_ns = frame.t_ns - age * frame_ns
        if found is not None:
            nearest = min(range(len(self._frames)), key=lambda index: abs(self._frames[index].t_ns - then_ns))
            if abs(self._frames[nearest].t_ns - then_ns) < _NEIGHBOUR * frame_ns:
                self._frames[nearest] = replace(self._frames[nearest], detections=found)
        complete = []
        while self._frames and self._frames[0].t_ns <= then_ns + frame_ns / 2:
            complete.append(self._frames.popleft())
        return complete
