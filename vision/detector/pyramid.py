"""A frame at half its size, a quarter, and so on: each made when it is asked for, once."""

from __future__ import annotations

from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


class Pyramid:
    """Reductions of a frame uint8 RGB [h, w, 3]. A point (x, y) of the frame lies at (x + 0.5) / 2^level - 0.5."""

    def __init__(self, frame: Pixels) -> None:
        self._levels = [frame]
        self._lock = Lock()

    def level(self, level: int) -> Pixels:
        """The frame halved so many times, each 2 x 2 pixels averaged; for sides of at least 2^level.

        An odd last row or column is left out, so that pixels stay where they are.
        """
        with self._lock:  # two threads may look at one frame
            while len(self._levels) <= level:
                frame = self._levels[-1]
                rows, columns = frame.shape[0] // 2, frame.shape[1] // 2
                even = frame[: 2 * rows, : 2 * columns]
                half = cv2.resize(even, (columns, rows), interpolation=cv2.INTER_AREA)
                self._levels.append(np.asarray(half, np.uint8))
        return self._levels[level]

    def reduced(self, columns: int, rows: int) -> Pixels:
        """The frame at no more than its own size: halved as often as both sides allow, the rest by interpolation.

        1.7 ms for 384 of 1520 px, where an average over any number of pixels takes 11.
        """
        height, width = self._levels[0].shape[:2]
        level = max(0, int(np.log2(min(height / rows, width / columns))))
        return np.asarray(cv2.resize(self.level(level), (columns, rows), interpolation=cv2.INTER_LINEAR), np.uint8)
