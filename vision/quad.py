"""Quads: the four corners of a card in a picture.

A quad is float32 [4, 2]: x, y in pixels (0, 0 is the centre of the top-left pixel, y points down), clockwise as seen
from the card's own top-left corner. A detector that cannot read a card begins at a corner from which the
first edge is a short one, so that only the turn by 180° is open (see `turn`).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Quad = NDArray[np.float32]

CARD_ASPECT = 63.0 / 88.0
"""Width by height of a card in millimetres (63 mm x 88 mm)."""


# np.roll takes 20 times as long for four rows.
_TURNED = tuple(np.roll(np.arange(4), -quarters) for quarters in range(4))


def as_quad(points: Any) -> Quad:
    """Float32 [4, 2] from anything that holds four points; ValueError for another shape or for a non-finite value."""
    quad = np.asarray(points, dtype=np.float32)
    if quad.shape != (4, 2) or not np.isfinite(quad).all():
        raise ValueError(f"a quad is four finite points, not {quad.tolist()}")
    return quad


def whole(width: int, height: int) -> Quad:
    """The outer corners of a picture of this size."""
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - np.float32(0.5)


def turn(quad: Quad, quarters: int) -> Quad:
    """The same corners, read as if the card were turned by `quarters` x 90° clockwise: 2 is upside down."""
    return quad[_TURNED[quarters % 4]]


def clockwise(points: NDArray[Any]) -> Quad:
    """Four points in clockwise order by their angle around the centre.

    Sorting by sums and differences collapses two corners into one near 45°; angles do not.
    """
    quad = as_quad(points)
    offsets = quad - quad.mean(axis=0)
    return quad[np.argsort(np.arctan2(offsets[:, 1], offsets[:, 0]), kind="stable")]


def portrait(points: NDArray[Any]) -> Quad:
    """Clockwise order that begins where the first edge is a short one, at the end that lies higher in the picture."""
    quad = clockwise(points)
    edges = np.linalg.norm(turn(quad, 1) - quad, axis=1)
    if edges[0] + edges[2] > edges[1] + edges[3]:
        quad = turn(quad, 1)
    if quad[0, 1] + quad[1, 1] > quad[2, 1] + quad[3, 1]:
        quad = turn(quad, 2)
    return quad


def centre(quads: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of the corners, of one quad or of many: [..., 4, 2] to [..., 2].

    To the last bit what `mean` says, which takes three times as long for four rows.
    """
    return np.asarray(np.add.reduce(quads, axis=-2) * np.float32(0.25), np.float32)


def size(quad: Quad) -> tuple[float, float]:
    """Mean width (edges 0 and 2) and height (edges 1 and 3) in pixels."""
    along = turn(quad, 1) - quad
    top, right, bottom, left = np.sqrt(np.add.reduce(along * along, axis=1)).tolist()
    return (top + bottom) / 2, (right + left) / 2


def area(quad: Quad) -> float:
    """Area in square pixels; 0 for a degenerate quad."""
    return float(cv2.contourArea(quad))


def is_convex(quad: Quad) -> bool:
    """Whether the corners form a convex, non-degenerate polygon."""
    return bool(cv2.isContourConvex(quad.reshape(4, 1, 2))) and area(quad) > 1.0


def overlap(first: Quad, second: Quad) -> tuple[float, float, float]:
    """Areas in square pixels: of the intersection and the union of two convex quads, and of the smaller one."""
    both = float(cv2.intersectConvexConvex(first, second)[0])
    areas = area(first), area(second)
    return both, sum(areas) - both, min(areas)


def iou(first: Quad, second: Quad) -> float:
    """Intersection over union of two convex quads, 0 to 1."""
    both, union, _ = overlap(first, second)
    return both / union if union > 0 else 0.0


def corner_error(found: Quad, truth: Quad) -> float:
    """Largest corner distance as a share of the true card's width, over the two readings that differ by 180°."""
    return float(corner_distances(found, truth).max())


def corner_distances(found: Quad, truth: Quad) -> NDArray[np.float32]:
    """How far off each corner is, [4], in widths of the true card; of the two readings the one closer to it."""
    off = [np.linalg.norm(turn(found, k) - truth, axis=1) for k in (0, 2)]
    return np.asarray(min(off, key=np.max) / max(size(truth)[0], 1.0), np.float32)


def corners(quad: Quad, digits: int = 2) -> list[tuple[float, float]]:
    """The corners as plain numbers, rounded: a hundredth of a pixel is finer than any detector."""
    return [(x, y) for x, y in np.round(quad.astype(np.float64), digits).tolist()]
