"""Detection over time: a card that lies still is followed along its edges, and searched for only where something moved.

A search of a whole frame takes many times what it takes to see that four edges are still where they were. And a single
frame may mistake the frame inside a card's border, or the rim of its sleeve, for the card: over a few frames, what is
found most often stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detect import detect
from vision.detection import Detection
from vision.detector.refine import refine
from vision.quad import Quad, area, iou, size

Pixels = NDArray[np.uint8]
Search = Callable[[Pixels, list[Quad]], list[Detection]]

_REACH = 0.015
"""How far an edge may move from frame to frame, in card widths: the rim of a sleeve lies 0.024 off the card's edge."""
_STILL = 0.25
"""Share of that reach within which a card counts as lying still: following every wobble would walk off its edges."""
_KEPT, _LEAST = 0.6, 0.3
"""Share of the support that a card had at first, and support, below which it is not there any more."""
_PROOF, _PROVEN = 5, 0.55
"""Searches after which a card is looked past, and the share of its searches that must have found something there."""
_OFTEN = 0.6
"""Share of the times of the reading found most often, from which a larger one is believed instead."""
_LEAD = 2
"""Times that a doubted reading counts as found already: one search is not enough to overthrow it."""
_SEARCH_EVERY = 60
"""Frames after which the whole frame is searched, whether or not anything moved."""
_SAME, _RIVAL, _INSIDE = 0.9, 0.5, 0.8
"""Overlap (IoU) from which two quads are the same outline, and from which they cannot both be cards; share of
the smaller one that lies within the other, from which it is a part of it."""
_DISTURBED = 0.1
"""Share of a card's cells that must have changed for it to be doubted: a hand or a card on it, not a glint."""
_CELLS = 100
"""Longer side of the picture that tells whether anything moved."""
_MOVED = 8.0
"""Levels by which a cell must differ beyond what the exposure does to all: several times the noise of its mean."""


@dataclass(slots=True, eq=False)
class _Reading:
    """One outline of a card, and how well and how often it was found."""

    quad: Quad
    score: float
    times: int = 1

    def found_again(self, one: Detection) -> None:
        if one.score >= self.score:
            self.quad = one.quad
        self.times += 1
        self.score += (one.score - self.score) / min(self.times, 10)


@dataclass(slots=True, eq=False)
class _Held:
    """A card that is followed: the reading that is believed, its rivals, and the support its sides had at first."""

    reading: _Reading
    support: float = 0.0
    searches: int = 1
    rivals: list[_Reading] = field(default_factory=list)

    @property
    def proven(self) -> bool:
        """Whether it has been searched for often enough."""
        return self.searches >= _PROOF

    def stands(self) -> bool:
        """Whether enough of the searches found something here: what one of five finds is no card."""
        found = self.reading.times + sum(rival.times for rival in self.rivals)
        return not self.proven or found >= _PROVEN * self.searches

    def elect(self) -> None:
        """Believe the largest of the readings that were found often: artwork and text boxes lie inside of cards."""
        readings = (self.reading, *self.rivals)
        often = _OFTEN * max(reading.times for reading in readings)
        best = max((one for one in readings if one.times >= often), key=lambda reading: area(reading.quad))
        if best is not self.reading:
            self.rivals = [reading for reading in (self.reading, *self.rivals) if reading is not best]
            self.reading, self.support = best, 0.0

    def doubt(self) -> None:
        """Begin the proof anew, with a lead for what was believed so far."""
        self.searches, self.reading.times = 1, min(self.reading.times, _LEAD)
        self.rivals.clear()

    def weigh(self, one: Detection) -> None:
        """A search found `one` at this place."""
        for reading in (self.reading, *self.rivals):
            if iou(reading.quad, one.quad) >= _SAME:
                reading.found_again(one)
                break
        else:
            self.rivals.append(_Reading(one.quad, one.score))


class Follower:
    """Detections frame by frame. `search` finds the cards of a frame outside of the quads that it is given."""

    def __init__(self, search: Search | None = None) -> None:
        self._search: Search = search or (lambda frame, known: detect(frame, known=known))
        self._held: list[_Held] = []
        self._before: NDArray[np.float32] | None = None
        self._since_search = 0

    def update(self, frame: Pixels) -> list[Detection]:
        """Every card in the next frame uint8 RGB [h, w, 3], as `vision.detect.detect` would say it."""
        self._held = self._still_there(frame)
        cells = _cells(frame)
        moved = self._moved(cells)
        self._doubt(moved, cells.shape[1] / frame.shape[1])
        self._since_search += 1
        everything = self._since_search >= _SEARCH_EVERY
        if everything or moved.any() or not all(held.proven for held in self._held):
            known = [] if everything else [held for held in self._held if held.proven]
            found = self._search(frame, [held.reading.quad for held in known])
            self._take(found, [held for held in self._held if held not in known])
            self._before = cells
            self._since_search = 0 if everything else self._since_search
        return sorted(
            (Detection(held.reading.quad, held.reading.score) for held in self._held), key=lambda one: -one.score
        )

    def _still_there(self, frame: Pixels) -> list[_Held]:
        """The held cards whose edges are where they were, moved along with them."""
        if not self._held:
            return []
        quads = np.stack([held.reading.quad for held in self._held])
        reach = np.array([max(2.0, _REACH * size(held.reading.quad)[0]) for held in self._held], np.float32)
        moved, support = refine(frame, quads, reach, 4)
        kept = []
        for held, quad, sides, limit in zip(self._held, moved, support, reach, strict=True):
            close = np.isfinite(quad).all() and float(np.abs(quad - held.reading.quad).max()) <= 2 * limit
            if close and float(sides.mean()) >= max(_LEAST, _KEPT * held.support):
                if float(np.abs(quad - held.reading.quad).max()) > _STILL * limit:
                    held.reading.quad = np.asarray(quad, np.float32)
                held.support = held.support or float(sides.mean())
                kept.append(held)
        return kept

    def _take(self, found: list[Detection], searched: list[_Held]) -> None:
        """Match what was found with what is held: the same, a rival for the same place, or new."""
        fresh = []
        for one in found:
            rivals = [held for held in self._held if _claim(held.reading.quad, one.quad)]
            if rivals:
                max(rivals, key=lambda held: iou(held.reading.quad, one.quad)).weigh(one)
            else:
                fresh.append(one)
        for held in searched:
            held.searches += 1
        for held in self._held:
            held.elect()
        self._held = [held for held in self._held if held.stands()]
        self._held += [_Held(_Reading(one.quad, one.score)) for one in fresh]

    def _moved(self, cells: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Which cells differ from when the frame was last searched: 1 or 0, [h, w]."""
        if self._before is None or self._before.shape != cells.shape:
            return np.ones(cells.shape[:2], np.uint8)
        change = cells - self._before
        moved = np.abs(change - np.median(change, axis=(0, 1))).max(axis=2) > _MOVED
        return np.asarray(moved, np.uint8)

    def _doubt(self, moved: NDArray[np.uint8], scale: float) -> None:
        """A card over which something moved has to prove itself again: another may lie on it now."""
        for held in [held for held in self._held if held.proven and moved.any()]:
            inside = np.zeros_like(moved)
            cv2.fillConvexPoly(inside, np.round(held.reading.quad * scale).astype(np.int32), 1)
            if float((inside & moved).sum()) > _DISTURBED * max(1.0, float(inside.sum())):
                held.doubt()


def _cells(frame: Pixels) -> NDArray[np.float32]:
    """A coarse picture float32 [h, w, 3], its cells averaged from a reduced one."""
    factor = _CELLS / max(frame.shape[:2])
    size_px = max(1, round(frame.shape[1] * factor)), max(1, round(frame.shape[0] * factor))
    reduced = cv2.resize(frame, (4 * size_px[0], 4 * size_px[1]), interpolation=cv2.INTER_LINEAR)
    return cv2.resize(reduced, size_px, interpolation=cv2.INTER_AREA).astype(np.float32)


def _claim(first: Quad, second: Quad) -> bool:
    """Whether two quads cannot both be cards: they overlap much, or one lies within the other."""
    overlap, _ = cv2.intersectConvexConvex(first, second)
    return iou(first, second) > _RIVAL or float(overlap) > _INSIDE * min(area(first), area(second))
