"""Many quads at once: float32 [n, 4, 2], clockwise on the screen, beginning with a short edge."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.quad import CARD_ASPECT

Floats = NDArray[np.float32]

FOCAL = 0.8
"""Focal length over the longer side of the picture: IMX500 0.75 (4.74 mm, 6.29 mm wide), phones 0.7 to 0.9."""

_GRID = np.stack(np.meshgrid(np.arange(0.1, 1, 0.2), np.arange(0.1, 1, 0.2)), axis=-1).reshape(-1, 2).astype(np.float32)


def edges(quads: Floats) -> Floats:
    """Vectors from each corner to the next, [n, 4, 2]."""
    return np.roll(quads, -1, axis=1) - quads


def _twice_signed_area(quads: Floats) -> Floats:
    x, y = quads[..., 0], quads[..., 1]
    return np.asarray((x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1), np.float32)


def areas(quads: Floats) -> Floats:
    """Area of each quad in square pixels, [n]."""
    return np.asarray(np.abs(_twice_signed_area(quads)) / 2, np.float32)


def widths(quads: Floats) -> Floats:
    """Mean length of the two short edges in pixels, [n]."""
    lengths = np.linalg.norm(edges(quads), axis=2)
    return np.asarray(np.minimum(lengths[:, 0] + lengths[:, 2], lengths[:, 1] + lengths[:, 3]) / 2, np.float32)


def ordered(quads: Floats, per_side: Floats) -> tuple[Floats, Floats]:
    """The quads clockwise from a short edge on, and their values [n, 4] per side (corner k to k + 1) in that order."""
    quads, per_side = quads.copy(), per_side.copy()
    flip = _twice_signed_area(quads) < 0
    quads[flip], per_side[flip] = quads[flip][:, [0, 3, 2, 1]], per_side[flip][:, [3, 2, 1, 0]]
    lengths = np.linalg.norm(edges(quads), axis=2)
    lying = lengths[:, 0] + lengths[:, 2] > lengths[:, 1] + lengths[:, 3]
    quads[lying], per_side[lying] = np.roll(quads[lying], -1, axis=1), np.roll(per_side[lying], -1, axis=1)
    return quads, per_side


def inner_points(quads: Floats) -> Floats:
    """A grid of 25 points inside each quad, [n, 25, 2]."""
    u, v = _GRID[:, :1], _GRID[:, 1:]
    a, b, c, d = (quads[:, None, k] for k in range(4))
    return np.asarray((1 - u) * (1 - v) * a + u * (1 - v) * b + u * v * c + (1 - u) * v * d, np.float32)


def overlaps(quads: Floats) -> Floats:
    """[n, n]: the share of quad i that lies inside quad j."""
    points, vectors = inner_points(quads), edges(quads)
    inside = np.ones((len(quads), points.shape[1], len(quads)), bool)
    for k in range(4):
        from_corner = points[:, :, None] - quads[:, k]
        inside &= vectors[:, k, 0] * from_corner[..., 1] - vectors[:, k, 1] * from_corner[..., 0] > 0
    return np.asarray(inside.mean(axis=1), np.float32)


def misfit(quads: Floats, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """How far each quad is from a card seen by a camera: |log aspect error| and |cosine| of the angle at its corners.

    The rectangle behind a quad follows from the vanishing points (Zhang and He, Whiteboard scanning, 2007); `size` is
    (height, width) of the picture. The focal length is assumed, so the aspect counts less the more a card is tilted:
    at 25° half.
    """
    height, width = size
    p = (quads - np.array([(width - 1) / 2, (height - 1) / 2])) / (FOCAL * max(size))
    x, y = p[..., 0], p[..., 1]
    dx1, dx2, dy1, dy2 = x[:, 1] - x[:, 2], x[:, 3] - x[:, 2], y[:, 1] - y[:, 2], y[:, 3] - y[:, 2]
    sx, sy = x[:, 0] - x[:, 3] - dx1, y[:, 0] - y[:, 3] - dy1
    det = dx1 * dy2 - dx2 * dy1
    det = np.where(np.abs(det) < 1e-9, 1e-9, det)
    g, h = (sx * dy2 - dx2 * sy) / det, (dx1 * sy - sx * dy1) / det
    across = np.stack([x[:, 1] - x[:, 0] + g * x[:, 1], y[:, 1] - y[:, 0] + g * y[:, 1], g], axis=1)
    down = np.stack([x[:, 3] - x[:, 0] + h * x[:, 3], y[:, 3] - y[:, 0] + h * y[:, 3], h], axis=1)
    a, d = _length(across), _length(down)
    facing = np.cross(across, down)
    tilt = np.degrees(np.arccos(np.clip(np.abs(facing[:, 2]) / _length(facing), 0, 1)))
    aspect = np.abs(np.log(a / d / CARD_ASPECT)) / (1 + (tilt / 25) ** 2)
    return np.asarray(aspect, np.float32), np.asarray(np.abs((across * down).sum(axis=1)) / (a * d), np.float32)


def _length(vectors: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.maximum(np.linalg.norm(vectors, axis=1), 1e-9))
