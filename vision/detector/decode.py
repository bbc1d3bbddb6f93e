"""From the network's cells to quads: tops of the heat map, their corners, and no card twice."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.quad import is_convex, overlap

Floats = NDArray[np.float32]

STRIDE = 8
CHANNELS = 12
"""Per cell of `STRIDE` x `STRIDE` pixels: how likely a card's middle lies here (logit), the pixels from the cell's
middle to its four corners (x, y), how likely a corner is near (logit), and the pixels to it (x, y)."""

_MIDDLE = STRIDE / 2 - 0.5
"""Of a cell, in pixels from its first."""
_NEAR = 0.3
"""Likelihood of a corner from which it is believed more than what the middle says of it."""
_PULL = 0.12
"""How far a corner may be moved by that, in card widths; at least a cell."""
_SAME, _WITHIN = 0.5, 0.8
"""Overlap (IoU) from which two quads are one card, and share of one in the other from which it is a part of it."""


def decode(cells: Floats, min_score: float) -> tuple[Floats, Floats]:
    """Quads [n, 4, 2] in pixels of the canvas, clockwise, and scores [n], the surest first, of cells [12, h, w]."""
    heat = likelihood(cells[0])
    top = (heat >= cv2.dilate(heat, np.ones((3, 3), np.uint8))) & (heat >= min_score)
    rows, columns = np.nonzero(top)
    near = likelihood(cells[9])
    quads = [
        _snapped(_quad(cells, heat, int(row), int(column)), near, cells[10:12])
        for row, column in zip(rows, columns, strict=True)
    ]
    return distinct(np.asarray(quads, np.float32).reshape(-1, 4, 2), heat[rows, columns])


def distinct(quads: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """The quads [n, 4, 2] with a score above 0 that are cards of their own, and their scores [n]; the surest first."""
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable").tolist():
        quad = quads[index]
        if scores[index] > 0 and is_convex(quad) and not any(same(quad, quads[other]) for other in kept):
            kept.append(index)
    return quads[kept], np.asarray(scores[kept], np.float32)


def _quad(cells: Floats, heat: Floats, row: int, column: int) -> Floats:
    """The corners as the cells around the top see them, in the order of the top's own, weighed by their heat."""
    rows, columns = _around(row, heat.shape[0]), _around(column, heat.shape[1])
    weight = heat[rows, columns].reshape(-1, 1, 1)
    weight = weight * (weight >= 0.5 * heat[row, column])
    seen = cells[1:9, rows, columns].reshape(4, 2, -1).transpose(2, 0, 1) + _middles(rows, columns)[:, None]
    own = cells[1:9, row, column].reshape(4, 2) + np.array([column, row]) * STRIDE + _MIDDLE
    turned = seen[:, [2, 3, 0, 1]]
    closer = np.abs(turned - own).sum(axis=(1, 2)) < np.abs(seen - own).sum(axis=(1, 2))
    seen = np.where(closer[:, None, None], turned, seen)
    return np.asarray((seen * weight).sum(axis=0) / weight.sum(), np.float32)


def _snapped(quad: Floats, near: Floats, shift: Floats) -> Floats:
    """The corners moved to where the cells around them see a corner; one that is hidden stays."""
    width = float(np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])) / 2
    reach = max(STRIDE, _PULL * width)
    snapped = quad.copy()
    for index, corner in enumerate(quad):
        column, row = (int(v) for v in (corner + 0.5) // STRIDE)
        rows, columns = _around(row, near.shape[0]), _around(column, near.shape[1])
        at = _middles(rows, columns) + shift[:, rows, columns].reshape(2, -1).T
        weight = near[rows, columns].ravel()
        weight = weight * ((weight >= _NEAR) & (np.square(at - corner).sum(axis=1) <= reach**2))
        if weight.any():
            snapped[index] = weight @ at / weight.sum()
    return snapped if is_convex(snapped) else quad


def _around(cell: int, cells: int) -> slice:
    """A cell and its neighbours along one axis, within the picture."""
    return slice(min(max(0, cell - 1), cells), max(0, min(cells, cell + 2)))


_MIDDLES = np.stack(np.meshgrid(np.arange(256), np.arange(256)), axis=2).astype(np.float32) * STRIDE + _MIDDLE
"""The middle (x, y) of every cell in pixels, for canvases of up to 2048 px: made once, half a millisecond a frame."""


def _middles(rows: slice, columns: slice) -> Floats:
    return _MIDDLES[rows, columns].reshape(-1, 2)


def same(quad: Floats, other: Floats) -> bool:
    """Whether two quads are one card, or one a part of the other: they cannot both be cards."""
    both, union, smaller = overlap(quad, other)
    return both > _SAME * union or both > _WITHIN * smaller


def likelihood(logits: Floats) -> Floats:
    """Logits as 0..1."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))), np.float32)
