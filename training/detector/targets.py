"""What the network should say about a made picture, cell by cell."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.detector.compose import Made
from vision.detector.decode import STRIDE

Floats = NDArray[np.float32]

SHOWN, HIDDEN = 0.45, 0.15
"""A card counts from the first share to be seen on, and does not up to the second; between them nothing is asked."""


def targets(made: Made) -> dict[str, NDArray[Any]]:
    """Arrays [c, h, w] of float32, cells of `STRIDE` pixels; see `training.detector.losses` for their use.

    `heat` 1: a bell of height 1 on the middle of each card; `care` 1: 0 where nothing is asked; `corners` 8: the pixels
    from the cell's middle to the card's corners; `size` 1: the card's width in pixels, 0 where there is none; `near` 1:
    a bell on each corner; `shift` 2: the pixels to the nearest corner.
    """
    cells = made.image.shape[0] // STRIDE
    middle = (np.arange(cells, dtype=np.float32) + 0.5) * STRIDE - 0.5
    grid = np.stack(np.meshgrid(middle, middle), axis=0)
    heat, care, size = (np.full((1, cells, cells), value, np.float32) for value in (0, 1, 0))
    corners, near, shift = (np.zeros((channels, cells, cells), np.float32) for channels in (8, 1, 2))
    for quad, visible, seen in zip(made.quads, made.visible, made.seen, strict=True):
        width = float(np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])) / 2
        centre = crossing(quad)
        bell = _bell(grid, centre, float(np.clip(0.13 * width, 0.55 * STRIDE, 4 * STRIDE)))
        if visible < SHOWN:
            if visible > HIDDEN:
                care[0][bell > 0.1] = 0
            continue
        if not ((centre > -0.5) & (centre < made.image.shape[0] - 0.5)).all():
            continue
        row, column = (int(v) for v in np.clip((centre[::-1] + 0.5) // STRIDE, 0, cells - 1))
        bell[row, column] = 1.0
        own = (bell > heat[0]) & (bell > 0.3)
        np.maximum(heat[0], bell, out=heat[0])
        size[0][own] = width
        corners[:, own] = (quad[:, :, None] - grid[None][..., own].reshape(1, 2, -1)).reshape(8, -1)
        for corner in quad[seen]:
            close = _bell(grid, corner, 0.6 * STRIDE)
            row, column = (int(v) for v in np.clip((corner[::-1] + 0.5) // STRIDE, 0, cells - 1))
            close[row, column] = 1.0
            nearest = (close > near[0]) & (close > 0.1)
            shift[:, nearest] = corner[:, None] - grid[:, nearest]
            np.maximum(near[0], close, out=near[0])
    return {"heat": heat, "care": care, "corners": corners, "size": size, "near": near, "shift": shift}


def crossing(quad: Floats) -> Floats:
    """Where the diagonals cross, [2]: the middle of the card whatever the perspective."""
    a, c, b, d = quad[0], quad[2], quad[1], quad[3]
    first, second = c - a, d - b
    cross = float(first[0] * second[1] - first[1] * second[0])
    if abs(cross) < 1e-6:
        return np.asarray(quad.mean(axis=0), np.float32)
    along = float((b - a)[0] * second[1] - (b - a)[1] * second[0]) / cross
    return np.asarray(a + along * first, np.float32)


def _bell(grid: NDArray[Any], at: Floats, sigma: float) -> Floats:
    away = (grid[0] - at[0]) ** 2 + (grid[1] - at[1]) ** 2
    return np.asarray(np.exp(-away / (2 * sigma**2)), np.float32)
