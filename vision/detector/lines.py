"""Straight lines in a picture: chains of edge pixels, cut where they bend, joined where they run on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MIN_CONTRAST = 60.0
MAX_SEGMENTS = 400
MAX_LINES = 90
_BIN = 2.0


@dataclass(frozen=True)
class Lines:
    """N lines: a point, a unit direction, the visible extent along it, and how much of each stretch carries an edge."""

    point: Floats
    direction: Floats
    extent: Floats
    covered: Floats
    """[N, bins]: covered length up to the bin, from -reach."""
    reach: float

    def coverage(self, line: NDArray[Any], start: Floats, end: Floats) -> Floats:
        """Covered length between two positions along `line`, px."""
        top = self.covered.shape[1] - 1
        first = np.clip(((start + self.reach) / _BIN).astype(np.int32), 0, top)
        last = np.clip(((end + self.reach) / _BIN).astype(np.int32), 0, top)
        return np.abs(self.covered[line, last] - self.covered[line, first])


def edges(picture, high=None):
    blurred = cv2.GaussianBlur(picture, (3, 3), 0)
    if high is None:
        dx = np.abs(cv2.Sobel(blurred[::4], cv2.CV_16S, 1, 0)).max(axis=2)
        high = max(MIN_CONTRAST, float(np.percentile(dx, 90)))
    return cv2.Canny(blurred, high / 2, high), high


def segments(edge_map, shortest=6.0):
    contours, _ = cv2.findContours(edge_map, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    chains = [cv2.approxPolyDP(c, 1.5, False) for c in contours if len(c) >= 14]
    if not chains:
        return np.zeros((0, 2, 2), np.float32)
    points = np.concatenate(chains).reshape(-1, 2).astype(np.float32)
    ends = np.cumsum([len(c) for c in chains])
    pairs = np.stack([points[:-1], points[1:]], axis=1)
    keep = np.ones(len(pairs), bool)
    keep[ends[:-1] - 1] = False
    pairs = pairs[keep]
    length = np.linalg.norm(pairs[:, 1] - pairs[:, 0], axis=1)
    order = np.argsort(-length, kind="stable")[:MAX_SEGMENTS]
    order = order[length[order] >= shortest]
    return pairs[order]


def _fit(moments):
    mass, mx, my, mxx, mxy, myy = moments.T
    cx, cy = mx / mass, my / mass
    vxx, vxy, vyy = mxx / mass - cx * cx, mxy / mass - cx * cy, myy / mass - cy * cy
    angle = 0.5 * np.arctan2(2 * vxy, vxx - vyy)
    return np.stack([cx, cy], 1), np.stack([np.cos(angle), np.sin(angle)], 1)


def join(pairs, size):
    a, b = pairs[:, 0].astype(np.float64), pairs[:, 1].astype(np.float64)
    mid = (a + b) / 2
    length = np.linalg.norm(b - a, axis=1)
    u = (b - a) / length[:, None]
    cov = length**3 / 12
    moments = np.stack([length, length * mid[:, 0], length * mid[:, 1],
                        length * mid[:, 0] ** 2 + cov * u[:, 0] ** 2,
                        length * mid[:, 0] * mid[:, 1] + cov * u[:, 0] * u[:, 1],
                        length * mid[:, 1] ** 2 + cov * u[:, 1] ** 2], 1)
    n = min(len(pairs), 160)
    point, direction = mid[:n], u[:n]
    for _ in range(2):
        ta, tb, da, db = _against(point, direction, a, b)
        half = length[:n, None] / 2
        gap = np.minimum(np.abs(ta), np.abs(tb)) - half
        gap[(ta * tb) < 0] = 0
        near = np.maximum(da, db) < 1.5
        member = near & (gap < 1.0 * (length[:n, None] + length[None]))
        member[np.arange(n), np.arange(n)] = True
        point, direction = _fit(member @ moments)
    ta, tb, da, db = _against(point, direction, a, b)
    member = np.maximum(da, db) < 1.5
    lo, hi = np.minimum(ta, tb), np.maximum(ta, tb)
    # one of each
    same = (np.maximum(da, db)[:, :n] < 1.2)
    total = np.where(member & (gap < 1.0 * (length[:n, None] + length[None])), hi - lo, 0).sum(1)
    order = np.argsort(-total, kind="stable")
    alive = np.ones(n, bool)
    kept = []
    for i in order:
        if alive[i]:
            kept.append(i)
            alive &= ~same[i]
            if len(kept) == MAX_LINES: break
    kept = np.array(kept)
    reach = float(np.hypot(*size))
    bins = int(2 * reach / _BIN) + 2
    change = np.zeros((len(kept), bins), np.float32)
    row, col = np.nonzero(member[kept])
    first = ((lo[kept][row, col] + reach) / _BIN).astype(np.int32)
    last = ((hi[kept][row, col] + reach) / _BIN).astype(np.int32) + 1
    np.add.at(change, (row, first), 1)
    np.add.at(change, (row, last), -1)
    covered = np.cumsum((np.cumsum(change, 1) > 0) * np.float32(_BIN), 1)
    inside = member[kept] & (gap[kept] < 1.0 * (length[kept, None] + length[None]))
    extent = np.stack([np.where(inside, lo[kept], np.inf).min(1), np.where(inside, hi[kept], -np.inf).max(1)], 1)
    ok = np.isfinite(extent).all(1)
    f = np.float32
    return Lines(point[kept][ok].astype(f), direction[kept][ok].astype(f), extent[ok].astype(f), covered[ok].astype(f), reach)


def _against(point, direction, a, b):
    normal = np.stack([-direction[:, 1], direction[:, 0]], 1)
    c, d = (point * direction).sum(1)[:, None], (point * normal).sum(1)[:, None]
    return direction @ a.T - c, direction @ b.T - c, np.abs(normal @ a.T - d), np.abs(normal @ b.T - d)
