"""From the network's cells to quads: tops of the heat map, their corners, and no card twice."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.quad import is_convex, overlap

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]

STRIDE = 8
CHANNELS = 12
"""Per cell of `STRIDE` x `STRIDE` pixels: how likely a card's middle lies here (logit), the pixels from the cell's
middle to its four corners (x, y), how likely a corner is near (logit), and the pixels to it (x, y)."""

WORTH_A_LOOK = 0.3
"""Likelihood in the reduced frame from which a place is looked at again."""
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
    quads = _snapped(_quads(cells, heat, rows, columns), likelihood(cells[9]), cells[10:12])
    return distinct(quads, heat[rows, columns])


def distinct(quads: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """The quads [n, 4, 2] with a score above 0 that are cards of their own, and their scores [n]; the surest first."""
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable").tolist():
        quad = quads[index]
        if scores[index] > 0 and is_convex(quad) and not any(same(quad, quads[other]) for other in kept):
            kept.append(index)
    return quads[kept], np.asarray(scores[kept], np.float32)


def _quads(cells: Floats, heat: Floats, rows: Indices, columns: Indices) -> Floats:
    """For each top its corners as the cells around it see them, in the order of its own, weighed by their heat."""
    at, inside, middles = _around(rows, columns, heat.shape)
    weight = heat[at] * inside
    weight *= weight >= 0.5 * heat[rows, columns][:, None]
    seen = cells[1:9][:, *at].reshape(4, 2, *weight.shape).transpose(2, 3, 0, 1) + middles[:, :, None]
    own = seen[:, len(_OFFSETS) // 2][:, None]
    turned = seen[:, :, [2, 3, 0, 1]]
    closer = np.abs(turned - own).sum(axis=(2, 3)) < np.abs(seen - own).sum(axis=(2, 3))
    seen = np.where(closer[:, :, None, None], turned, seen)
    total = weight.sum(axis=1)[:, None, None]
    return np.asarray((seen * weight[:, :, None, None]).sum(axis=1) / total, np.float32)


def _snapped(quads: Floats, near: Floats, shift: Floats) -> Floats:
    """The corners moved to where the cells around them see a corner; one that is hidden stays."""
    edges = np.linalg.norm(quads[:, [1, 2]] - quads[:, [0, 3]], axis=2)
    reach = np.repeat(np.maximum(STRIDE, _PULL * edges.mean(axis=1)), 4)
    corners = quads.reshape(-1, 2)
    column, row = np.floor((corners + 0.5) / STRIDE).astype(np.intp).T
    at, inside, middles = _around(row, column, near.shape)
    seen = middles + shift[:, *at].transpose(1, 2, 0)
    weight = near[at] * inside
    weight *= (weight >= _NEAR) & (np.square(seen - corners[:, None]).sum(axis=2) <= reach[:, None] ** 2)
    total = weight.sum(axis=1, keepdims=True)
    moved = (seen * weight[:, :, None]).sum(axis=1) / np.maximum(total, _NEAR)
    snapped = np.where(total > 0, moved, corners).astype(np.float32).reshape(-1, 4, 2)
    convex = np.array([is_convex(quad) for quad in snapped], bool)
    return np.where(convex[:, None, None], snapped, quads)


_OFFSETS = np.array([(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)])
"""From a cell to itself and its neighbours."""


def _around(
    rows: Indices, columns: Indices, shape: tuple[int, ...]
) -> tuple[tuple[Indices, Indices], NDArray[np.bool_], Floats]:
    """Cells and their neighbours: where they lie, two of [n, 9], which of them there are, and their middles [n, 9, 2].

    For all cells at once: one by one, six cards took a millisecond.
    """
    row, column = rows[:, None] + _OFFSETS[:, 0], columns[:, None] + _OFFSETS[:, 1]
    inside = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    at = np.clip(row, 0, shape[0] - 1), np.clip(column, 0, shape[1] - 1)
    middles = np.stack([column, row], axis=2).astype(np.float32) * np.float32(STRIDE) + np.float32(_MIDDLE)
    return at, inside, middles


def same(quad: Floats, other: Floats) -> bool:
    """Whether two quads are one card, or one a part of the other: they cannot both be cards."""
    both, union, smaller = overlap(quad, other)
    return both > _SAME * union or both > _WITHIN * smaller


def likelihood(logits: Floats) -> Floats:
    """Logits as 0..1."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))), np.float32)
