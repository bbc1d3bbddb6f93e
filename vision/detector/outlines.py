"""Quads that are the hull of one chain of edge pixels: a card that lies free has a closed outline, however small."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detector.lines import Floats

_SHAPE = (0.045, 0.0745)
"""Area over squared perimeter: 0.0609 for a card, 0.0625 for a square, 0.045 for 1 : 3; round corners add 0.012."""


def of_chains(chains: Sequence[NDArray[np.int32]], shortest: float) -> Floats:
    """Quads [n, 4, 2] around chains whose hull has four straight sides, at least `shortest` pixels wide."""
    found = []
    for chain in chains:
        if len(chain) < 4:
            continue
        _, _, width, height = cv2.boundingRect(chain)
        if min(width, height) >= shortest:
            quad = _four_sides(np.asarray(cv2.convexHull(chain), np.int32))
            if quad is not None:
                found.append(quad)
    return np.array(found, np.float32).reshape(-1, 4, 2)


def _four_sides(hull: NDArray[np.int32]) -> Floats | None:
    area, perimeter = cv2.contourArea(hull), cv2.arcLength(hull, True)
    if not _SHAPE[0] < area / perimeter**2 < _SHAPE[1]:
        return None
    corners = cv2.approxPolyDP(hull, 0.02 * perimeter, True)[:, 0].astype(np.float32)
    if not 4 <= len(corners) <= 8:
        return None
    vectors = np.roll(corners, -1, axis=0) - corners
    length = np.hypot(*vectors.T)
    longest = np.sort(np.argsort(-length)[:4])
    if length[longest].sum() < 0.75 * perimeter:
        return None
    quad = _crossed(corners[longest], vectors[longest], length[longest])
    if quad is None or not 0.85 < area / max(1.0, cv2.contourArea(quad)) < 1.05:
        return None
    return quad


def _crossed(start: Floats, vector: Floats, length: Floats) -> Floats | None:
    """Where each of four sides meets the next; None where two are nearly parallel."""
    delta, other = np.roll(start, -1, axis=0) - start, np.roll(vector, -1, axis=0)
    cross = vector[:, 0] * other[:, 1] - vector[:, 1] * other[:, 0]
    if (np.abs(cross) < 0.3 * length * np.roll(length, -1)).any():
        return None
    along = (delta[:, 0] * other[:, 1] - delta[:, 1] * other[:, 0]) / cross
    return np.asarray(start + vector * along[:, None], np.float32)
