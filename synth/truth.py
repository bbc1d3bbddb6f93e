"""The truth of a frame: which cards are in it, where, and how much of each is to be seen.

Shares are counted on a grid of one point in 4 x 4 pixels, painted from the lowest card to the highest.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from synth.layers import Layer
from synth.placing import Hands, Placed
from vision.quad import Quad

_STEP = 4
_OPAQUE = 64
"""A layer covers what is below where it keeps less than this of it (of 255): fingers do, their shadows do not."""


@dataclass(frozen=True, slots=True, eq=False)
class TruthCard:
    """A card in a frame: its quad from its own top-left corner on, and the share of it that is to be seen (0..1)."""

    card_id: str
    quad: Quad
    visible: float
    sleeve: str


def shares(cards: list[Placed], hands: Hands, time: float, width: int, height: int) -> list[float]:
    """The share of each card (given from the lowest up) that is in a picture of this size and not covered."""
    owner = np.zeros((-(-height // _STEP), -(-width // _STEP)), np.uint8)
    for number, card in enumerate(cards, 1):
        if not card.still:
            _lay(owner, hands.layer(card, time, "under"))
        _fill(owner, card.quad, number)
        if not card.still:
            _lay(owner, hands.layer(card, time, "over"))
    for card in cards:
        if card.still:
            _lay(owner, hands.layer(card, time, "under"))
            _lay(owner, hands.layer(card, time, "over"))
    return [_share(owner, card.quad, number) for number, card in enumerate(cards, 1)]


def _lay(owner: NDArray[np.uint8], part: Layer | None) -> None:
    """What a hand covers belongs to no card."""
    if part is None:
        return
    x, y = -(-part.x // _STEP), -(-part.y // _STEP)
    keep = part.keep[y * _STEP - part.y :: _STEP, x * _STEP - part.x :: _STEP, 0]
    cells = owner[y : y + keep.shape[0], x : x + keep.shape[1]]
    cells[keep[: cells.shape[0], : cells.shape[1]] < _OPAQUE] = 0


def _share(owner: NDArray[np.uint8], quad: Quad, number: int) -> float:
    seen = cv2.countNonZero(cv2.inRange(owner, (number,), (number,)))
    return min(1.0, seen / max(1, _points(quad))) if seen else 0.0


def _fill(owner: NDArray[np.uint8], quad: Quad, value: int) -> None:
    cv2.fillConvexPoly(owner, np.round(quad / _STEP * 256).astype(np.int32), value, cv2.LINE_8, 8)


def _points(quad: Quad) -> int:
    """How many points of the grid the whole card covers, in or out of the picture; the grid's phase is kept."""
    low = np.floor(quad.min(axis=0) / _STEP) * _STEP
    columns, rows = (int(v) for v in np.ceil((quad.max(axis=0) - low) / _STEP) + 2)
    owner = np.zeros((rows, columns), np.uint8)
    _fill(owner, np.asarray(quad - low, np.float32), 1)
    return int(np.count_nonzero(owner))
