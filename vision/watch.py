"""Detection over time: cards are looked for when anything has changed, and looked at where something has.

Looking takes many times what it takes to see that nothing moved, and most of the time most of a table lies still.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detection import Detection
from vision.detector.pyramid import Pixels, Pyramid
from vision.median import median

_SEARCHES = (0, 3)
"""Frames of rest in which cards are sought: what was missed in the first, which may be blurred, is found in another."""
_LOOKS = (0, 1)
"""Frames of rest in which a card that was found is looked at: in the first its corners may be blurred.

No more of either, since all that follows from a new card has to be done in the first of them, too.
"""
_SETTLE = max(*_SEARCHES, *_LOOKS)
_AGAIN = 60
"""Frames after which all is looked at anew, whether or not anything moved."""
_CELLS = 100
"""About the longer side of the picture that tells whether anything moved."""
_MOVED = 8.0
"""Levels by which a cell must differ beyond what the exposure does to all: several times the noise of its mean."""


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A card, and for how many frames nothing has moved at its place."""

    card: Detection
    still: int


class Eye(Protocol):
    """What finds the cards of a frame: `vision.detect.Detector`.

    It is handed the reductions of the frame that were made to see what moved: 7 MB are read from memory once.
    """

    def look(
        self,
        frame: Pyramid,
        known: Sequence[Detection],
        before: Sequence[Detection],
        within: NDArray[np.float32] | None,
    ) -> list[Detection]:
        """All cards, given those `known` to be there, those seen in the frame `before`, and the box outside of which
        there is nothing new (None: look everywhere)."""

    def again(self, frame: Pyramid, cards: Sequence[Detection]) -> list[Detection]:
        """What there is of these cards; nothing else is sought."""


class Watcher:
    """Detections frame by frame."""

    def __init__(self, eye: Eye) -> None:
        self._eye = eye
        self._seen: list[_Seen] = []
        self._before: NDArray[np.float32] | None = None
        self._quiet = np.zeros((0, 0), np.uint8)
        """For how many frames nothing has moved in each cell, [h, w]; no more than it takes to settle."""
        self._waited = 0

    def update(self, frame: Pixels) -> list[Detection]:
        """Every card in the next frame, as the eye sees it or, where nothing has changed since, has seen it."""
        pyramid = Pyramid(frame)
        level = _coarse(frame)
        cells = pyramid.level(level).astype(np.float32)
        moved = self._moved(cells)
        self._seen = [_watched(seen, moved, 2**level) for seen in self._seen]
        self._waited += 1
        known = [seen for seen in self._seen if seen.still not in _LOOKS]
        if self._waited >= _AGAIN:
            self._before, self._waited = cells, 0
            self._search(pyramid, [], None)
        elif (due := np.isin(self._quiet, _SEARCHES)).any():
            self._search(pyramid, known, self._within(due, 2**level))
        elif len(known) < len(self._seen):
            rest = self._eye.again(pyramid, [seen.card for seen in self._seen if seen.still in _LOOKS])
            self._take(known, sorted([*(seen.card for seen in known), *rest], key=lambda card: -card.score))
        return [seen.card for seen in self._seen]

    def _within(self, cells: NDArray[np.bool_], side_px: int) -> NDArray[np.float32]:
        """The box [2, 2] around these cells, and all cards that are to be looked at."""
        rows, columns = np.nonzero(cells)
        corners = [np.array([[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]]) * side_px]
        corners += [seen.card.quad for seen in self._seen if seen.still in _LOOKS]
        every = np.concatenate(corners)
        return np.asarray([every.min(axis=0), every.max(axis=0)], np.float32)

    def _search(self, frame: Pyramid, known: list[_Seen], within: NDArray[np.float32] | None) -> None:
        cards = [seen.card for seen in known]
        self._take(known, self._eye.look(frame, cards, [seen.card for seen in self._seen], within))

    def _take(self, known: list[_Seen], found: list[Detection]) -> None:
        """These are the cards now; those that were known lie still for as long as before."""
        held = {id(seen.card): seen for seen in known}
        still = self._stillness(found)
        self._seen = [held.get(id(card)) or _Seen(card, frames) for card, frames in zip(found, still, strict=True)]

    def _stillness(self, found: Sequence[Detection]) -> list[int]:
        """For how long nothing has moved at cards that were looked at again: as long as at those that were there.

        The same card is one at the same place, to within the detector's noise.
        """
        if not found or not self._seen:
            return [0] * len(found)
        before = np.stack([seen.card.quad for seen in self._seen])
        width = np.linalg.norm(before[:, 1] - before[:, 0], axis=1)
        middles = np.stack([card.quad for card in found]).mean(axis=1)
        close = np.abs(middles[:, None] - before.mean(axis=1)).max(axis=2) < 0.1 * width
        still = np.array([seen.still for seen in self._seen])
        return [int(frames) for frames in np.where(close.any(axis=1), still[close.argmax(axis=1)], 0)]

    def _moved(self, cells: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Which cells differ from what they were when they last did: 1 or 0, [h, w]; all of them at first.

        What creeps from frame to frame is compared with where it set out, and moves in the end. A cell that differs
        alone is noise.
        """
        if self._before is None or self._before.shape != cells.shape:
            self._before = cells
            self._quiet = np.zeros(cells.shape[:2], np.uint8)
            return np.ones(cells.shape[:2], np.uint8)
        change = cells - self._before
        exposure = median(change[::3, ::3].reshape(-1, 3))  # of a ninth of the cells: all take nine times as long
        red, green, blue = cv2.split(np.abs(change - exposure))
        moved = np.asarray(cv2.max(cv2.max(red, green), blue) > _MOVED, np.uint8)
        moved &= cv2.boxFilter(moved, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT) > 1
        cv2.copyTo(cells, moved, self._before)
        self._quiet = np.where(moved, 0, np.minimum(self._quiet, _SETTLE) + 1).astype(np.uint8)
        return moved


def _watched(seen: _Seen, moved: NDArray[np.uint8], side_px: int) -> _Seen:
    """The card one frame later; `side_px`: pixels of the frame along a cell."""
    place = np.zeros_like(moved)
    outline = np.round((seen.card.quad + 0.5) / side_px - 0.5).astype(np.int32)
    cv2.fillConvexPoly(place, outline, 1)
    cv2.polylines(place, [outline], True, 1, 2)
    return _Seen(seen.card, 0 if (place & moved).any() else seen.still + 1)


def _coarse(frame: Pixels) -> int:
    """How often a frame is halved for the picture that tells whether anything moved."""
    shorter, longer = sorted(frame.shape[:2])
    return int(min(max(0, round(np.log2(longer / _CELLS))), np.log2(shorter)))
