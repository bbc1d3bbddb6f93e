"""Detection over time: cards are looked for when anything has changed, and looked at where something has.

Looking takes many times what it takes to see that nothing moved, and most of the time most of a table lies still.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detection import Detection
from vision.detector.pyramid import Pixels, Pyramid

Look = Callable[[Pyramid, Sequence[Detection], Sequence[Detection]], list[Detection]]

_SETTLE = 5
"""Frames that are still looked at after the last one in which anything moved: the tracker takes their mean."""
_AGAIN = 60
"""Frames after which all is looked at anew, whether or not anything moved."""
_CELLS = 100
"""Longer side of the picture that tells whether anything moved."""
_MOVED = 8.0
"""Levels by which a cell must differ beyond what the exposure does to all: several times the noise of its mean."""


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A card, and for how many frames nothing has moved at its place."""

    card: Detection
    still: int


class Watcher:
    """Detections frame by frame.

    `look` finds the cards of a frame uint8 RGB, given those known to be there and those seen in the frame before. It is
    handed the reductions of the frame that were made to see what moved: 7 MB are read from memory once.
    """

    def __init__(self, look: Look) -> None:
        self._find = look
        self._seen: list[_Seen] = []
        self._before: NDArray[np.float32] | None = None
        self._still = 0
        self._waited = 0

    def update(self, frame: Pixels) -> list[Detection]:
        """Every card in the next frame, as `look` says it or, where nothing has changed since, has said it."""
        pyramid = Pyramid(frame)
        cells = _cells(pyramid)
        moved = self._moved(cells)
        self._still = 0 if moved.any() else self._still + 1
        self._seen = [_watched(seen, moved, cells.shape[1] / frame.shape[1]) for seen in self._seen]
        self._waited += 1
        anew = self._waited >= _AGAIN
        if anew:
            self._before, self._waited = cells, 0
        if anew or self._still <= _SETTLE:
            self._look(pyramid, [] if anew else [seen for seen in self._seen if seen.still > _SETTLE])
        return [seen.card for seen in self._seen]

    def _look(self, frame: Pyramid, known: list[_Seen]) -> None:
        held = {id(seen.card): seen for seen in known}
        found = self._find(frame, [seen.card for seen in known], [seen.card for seen in self._seen])
        self._seen = [held.get(id(card)) or _Seen(card, self._stillness(card)) for card in found]

    def _stillness(self, card: Detection) -> int:
        """For how long nothing has moved at a card that was looked at again: as long as at the one that was there."""
        return next((seen.still for seen in self._seen if _close(seen.card, card)), 0)

    def _moved(self, cells: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Which cells differ from what they were when they last did: 1 or 0, [h, w]; all of them at first.

        What creeps from frame to frame is compared with where it set out, and moves in the end.
        """
        if self._before is None or self._before.shape != cells.shape:
            self._before = cells
            return np.ones(cells.shape[:2], np.uint8)
        change = cells - self._before
        exposure = np.median(change[::3, ::3], axis=(0, 1))  # of a ninth of the cells: of all it takes a millisecond
        red, green, blue = np.moveaxis(np.abs(change - exposure), 2, 0)
        moved = np.maximum(np.maximum(red, green), blue) > _MOVED
        self._before[moved] = cells[moved]
        return np.asarray(moved, np.uint8)


def _watched(seen: _Seen, moved: NDArray[np.uint8], scale: float) -> _Seen:
    """The card one frame later; `scale`: cells per pixel."""
    place = np.zeros_like(moved)
    outline = np.round(seen.card.quad * scale).astype(np.int32)
    cv2.fillConvexPoly(place, outline, 1)
    cv2.polylines(place, [outline], True, 1, 2)
    return _Seen(seen.card, 0 if (place & moved).any() else seen.still + 1)


def _close(first: Detection, second: Detection) -> bool:
    """Whether two detections are the same card at the same place, to within the detector's noise."""
    width = float(np.linalg.norm(first.quad[1] - first.quad[0]))
    return bool(np.abs(first.quad.mean(axis=0) - second.quad.mean(axis=0)).max() < 0.1 * width)


def _cells(frame: Pyramid) -> NDArray[np.float32]:
    """A coarse picture float32 [h, w, 3], its cells averaged from a reduced one."""
    height, width = frame.level(0).shape[:2]
    factor = min(1.0, _CELLS / max(height, width))
    columns, rows = max(1, round(width * factor)), max(1, round(height * factor))
    reduced = frame.reduced(min(width, 4 * columns), min(height, 4 * rows))
    return cv2.resize(reduced, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
