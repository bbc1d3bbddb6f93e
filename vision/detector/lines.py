"""Straight lines in a picture: chains of edge pixels, cut where they bend, joined where they run on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.quad import Quad

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

CONTRAST = 60.0
"""Canny's upper threshold: Sobel weighs a step 4 times, so a straight step of 15 of 255 levels begins an edge."""

_BUSY = 0.9
"""Quantile of the gradient that the threshold rises to, so that a carpet does not fill the picture with edges."""

_BEND = 1.5
"""A chain is cut where it leaves its chord by this many pixels: the staircase of a slanted edge stays below 1."""

_SIDE = 5
"""Width in pixels of a side: the blur of its edge, and half a pixel of error on either side."""

_CLEAR = 480.0
"""Gradient of a step of 120 levels: edges count by their contrast up to here, so that wood grain crowds no card out."""

_SHORTEST, _MOST_SEGMENTS = 6.0, 300
_MOST_SEEDS, MOST_LINES = 130, 62
"""Bounds on work: the longest segments, those that seed a line, the lines with the most edge."""

_SAME = 1.2
"""Lines closer than this are one: a thinner gap cannot be told from the staircase."""

_THIRDS = np.array([[2], [1]], np.float32)
_BIN = 2.0
"""Resolution of `Lines.covered` in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """N lines: a point [n, 2], a unit direction [n, 2], the visible extent [n, 2] along it from the point."""

    point: Floats
    direction: Floats
    extent: Floats
    covered: Floats
    """[n, bins]: length of edge from -reach up to each bin."""
    reach: float

    def coverage(self, line: NDArray[Any], start: Floats, end: Floats) -> Floats:
        """Length of edge between two positions along the lines with these indices, in pixels; any equal shapes."""
        last = self.covered.shape[1] - 1
        first = np.clip(((start + self.reach) / _BIN).astype(np.int32), 0, last)
        second = np.clip(((end + self.reach) / _BIN).astype(np.int32), 0, last)
        return np.asarray(np.abs(self.covered[line, second] - self.covered[line, first]), np.float32)


def strongest(colours: NDArray[Any]) -> NDArray[Any]:
    """The largest of three channels; numpy's own max over so short an axis takes ten times as long."""
    return np.asarray(np.maximum(np.maximum(colours[..., 0], colours[..., 1]), colours[..., 2]))


def chains(picture: Pixels, hidden: Sequence[Quad] = ()) -> tuple[list[NDArray[np.int32]], NDArray[np.int16]]:
    """Chains of edges of a picture uint8 [h, w, 3], cut where they bend, each int32 [k, 2], and its gradient [h, w].

    The strongest channel counts, because a yellow border on skin differs in blue alone. Under the quads `hidden` and
    on their sides there are no edges.
    """
    dx, dy, strength = _gradient(picture)
    sample = strength[::4, ::4].ravel()
    busy = int(_BUSY * len(sample))
    high = max(CONTRAST, float(np.partition(sample, busy)[busy]))
    for quad in hidden:
        outline = np.round(quad).astype(np.int32)
        for layer in (dx, dy, strength):
            cv2.fillConvexPoly(layer, outline, 0)
            cv2.polylines(layer, [outline], True, 0, _SIDE)
    found, _ = cv2.findContours(cv2.Canny(dx, dy, high / 2, high), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cut = [cv2.approxPolyDP(chain, _BEND, False) for chain in found if len(chain) >= 2 * _SHORTEST]
    return [np.asarray(chain[:, 0], np.int32) for chain in cut], strength


def _gradient(picture: Pixels) -> tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.int16]]:
    """Gradient (dx, dy) of the channel with the largest |dx| + |dy|, and that; Canny alone takes 1.5 times as long."""
    best: list[Any] = []
    for channel in cv2.split(picture):
        dx, dy = cv2.Sobel(channel, cv2.CV_16S, 1, 0), cv2.Sobel(channel, cv2.CV_16S, 0, 1)
        strength = cv2.add(np.abs(dx), np.abs(dy))
        if best:
            more = cv2.compare(strength, best[2], cv2.CMP_GT)
            cv2.copyTo(dx, more, best[0])
            cv2.copyTo(dy, more, best[1])
            best[2] = cv2.max(strength, best[2])
        else:
            best = [dx, dy, strength]
    return best[0], best[1], best[2]


def segments(found: Sequence[NDArray[np.int32]], gradient: NDArray[np.int16]) -> Floats:
    """The clearest straight pieces of the chains, the longest and strongest first: [m, 2, 2]."""
    if not found:
        return np.zeros((0, 2, 2), np.float32)
    points = np.concatenate(found).astype(np.float32)
    pieces = np.stack([points[:-1], points[1:]], axis=1)
    inside = np.ones(len(pieces), bool)
    inside[np.cumsum([len(chain) for chain in found])[:-1] - 1] = False
    pieces = pieces[inside]
    length = np.hypot(*(pieces[:, 1] - pieces[:, 0]).T)
    pieces, length = pieces[length >= _SHORTEST], length[length >= _SHORTEST]
    thirds = ((pieces[:, :1] * _THIRDS + pieces[:, 1:] * _THIRDS[::-1]) / 3).astype(np.int32)
    strength = gradient[thirds[..., 1], thirds[..., 0]].mean(axis=1)
    order = np.argsort(-length * np.minimum(strength, _CLEAR), kind="stable")[:_MOST_SEGMENTS]
    return np.asarray(pieces[order], np.float32)


def join(pieces: Floats, size: tuple[int, int]) -> Lines:
    """Lines through collinear segments [m, 2, 2] (longest first); `size` is (height, width) of the picture.

    An edge interrupted by a finger is one line if the gap is no longer than what is seen on both sides of it.
    """
    length = np.hypot(*(pieces[:, 1] - pieces[:, 0]).T)
    moments = _moments(pieces, length)
    seeds = min(len(pieces), _MOST_SEEDS)
    point, direction = _fit(moments[:seeds])
    for _ in range(2):
        start, end, off = _against(point, direction, pieces)
        gap = np.minimum(np.abs(start), np.abs(end)) - length[:seeds, None] / 2
        runs_on = (off < _BEND) & ((gap < length[:seeds, None] + length) | (start * end < 0))
        np.fill_diagonal(runs_on, True)
        point, direction = _fit(runs_on @ moments)
    start, end, off = _against(point, direction, pieces)
    low, high = np.minimum(start, end), np.maximum(start, end)
    kept = _distinct(off[:, :seeds] < _SAME, np.where(runs_on, high - low, 0).sum(axis=1))
    low, high, runs_on, on_line = low[kept], high[kept], runs_on[kept], (off < _BEND)[kept]
    first, last = np.where(runs_on, low, np.inf).min(axis=1), np.where(runs_on, high, -np.inf).max(axis=1)
    extent = np.stack([first, last], axis=1)
    reach = float(np.hypot(*size))
    return Lines(point[kept], direction[kept], extent.astype(np.float32), _covered(on_line, low, high, reach), reach)


def _moments(pieces: Floats, length: Floats) -> Floats:
    """Length and its first and second moments of each segment, [m, 6]: they add up when segments are joined."""
    x, y = pieces.mean(axis=1).T
    ux, uy = (pieces[:, 1] - pieces[:, 0]).T / length
    own = length**3 / 12
    xx, xy, yy = length * x * x + own * ux * ux, length * x * y + own * ux * uy, length * y * y + own * uy * uy
    # float64: the spread of a long line is a small difference of large sums.
    return np.stack([length, length * x, length * y, xx, xy, yy], axis=1).astype(np.float64)


def _fit(moments: NDArray[Any]) -> tuple[Floats, Floats]:
    mass, x, y, xx, xy, yy = moments.T
    x, y = x / mass, y / mass
    angle = np.arctan2(2 * (xy / mass - x * y), (xx - yy) / mass - x * x + y * y) / 2
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.stack([x, y], axis=1).astype(np.float32), direction.astype(np.float32)


def _against(point: Floats, direction: Floats, pieces: Floats) -> tuple[Floats, Floats, Floats]:
    """Where both ends of each segment lie along each line, and how far the further end is off it: [n, m] each."""
    normal = np.stack([-direction[:, 1], direction[:, 0]], axis=1)
    along, across = (point * direction).sum(axis=1)[:, None], (point * normal).sum(axis=1)[:, None]
    a, b = pieces[:, 0].T, pieces[:, 1].T
    off = np.maximum(np.abs(normal @ a - across), np.abs(normal @ b - across))
    return direction @ a - along, direction @ b - along, off


def _distinct(same: NDArray[np.bool_], seen: Floats) -> NDArray[np.intp]:
    alive, kept = np.ones(len(seen), bool), []
    for line in np.argsort(-seen, kind="stable"):
        if alive[line]:
            kept.append(line)
            alive &= ~same[line]
            if len(kept) == MOST_LINES:
                break
    return np.array(kept)


def _covered(on_line: NDArray[np.bool_], low: Floats, high: Floats, reach: float) -> Floats:
    change = np.zeros((len(low), int(2 * reach / _BIN) + 2), np.float32)
    row, column = np.nonzero(on_line)
    np.add.at(change, (row, ((low[row, column] + reach) / _BIN).astype(np.int32)), 1)
    np.add.at(change, (row, ((high[row, column] + reach) / _BIN).astype(np.int32) + 1), -1)
    return np.cumsum((np.cumsum(change, axis=1) > 0) * np.float32(_BIN), axis=1, dtype=np.float32)
