"""The sides of quads, found to a fraction of a pixel in the full picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

_NEXT, _BEFORE = np.array([1, 2, 3, 0]), np.array([3, 0, 1, 2])
"""Of each corner."""

_BOTH_IN_ONE = np.empty(0, np.float32)
"""Second map of `cv2.remap` where the first holds x and y."""

_SAMPLES = 32
_ENDS = 0.08
"""Share of a side left out at both ends: the corners are round (3 mm of 63 mm)."""

_FAINT, _STRONG = 12.0, 60.0
"""Colour steps (levels over two samples) that are no edge, and that weigh in full."""


def refine(frame: Pixels, quads: Floats, reach: Floats, steps: int) -> tuple[Floats, Floats]:
    """Quads [n, 4, 2] moved onto the edges within `reach` [n] pixels of their sides, and each side's support [n, 4].

    Each side is sampled along `_SAMPLES` normals of 2 * `steps` + 1 points; a line is fitted to the strongest edges by
    iterated reweighting (Geman-McClure), so that fingers and artwork drop out. Support is the share of normals on it.
    """
    vectors = edges(quads)
    length = np.maximum(np.linalg.norm(vectors, axis=2, keepdims=True), 1e-6)
    outward = np.stack([vectors[..., 1], -vectors[..., 0]], axis=-1) / length
    stride = (reach / steps).astype(np.float32)
    along = np.linspace(_ENDS, 1 - _ENDS, _SAMPLES, dtype=np.float32)
    points = quads[:, :, None] + vectors[:, :, None] * along[:, None]
    offset, strength = _edges_across(frame, points, outward, stride, steps)
    middle, slope, on_line = _fit(offset, strength, along - 0.5, np.maximum(stride, 0.7)[:, None, None])
    start = quads + outward * (middle - slope / 2)[..., None]
    end = quads + vectors + outward * (middle + slope / 2)[..., None]
    return corners(start, end - start), on_line


def edges(quads: Floats) -> Floats:
    """Vectors from each corner to the next, [n, 4, 2]."""
    return quads[:, _NEXT] - quads


def _edges_across(frame: Pixels, points: Floats, outward: Floats, stride: Floats, steps: int) -> tuple[Floats, Floats]:
    """Offset in pixels and strength of the strongest colour step on each normal: [n, 4, samples] each."""
    ticks = np.arange(-steps - 1, steps + 2, dtype=np.float32)
    shift = (ticks[:, None] * stride)[..., None, None, None] * outward[:, :, None]
    at = (points + shift).reshape(len(ticks), -1, 2)
    colours = cv2.remap(frame, at, _BOTH_IN_ONE, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    red, green, blue = cv2.split(cv2.absdiff(colours[2:], colours[:-2]))
    step = cv2.max(cv2.max(red, green), blue).astype(np.float32)
    inner = ticks[1:-1]
    # Of two equal edges the one where the line was seen in the reduced picture.
    nearness = np.exp(-0.5 * (inner / (0.6 * steps)) ** 2)
    best = (step * nearness[:, None]).argmax(axis=0)
    here, last = np.arange(len(best)), len(inner) - 1
    peak = step[best, here]
    before, after = step[np.maximum(best - 1, 0), here], step[np.minimum(best + 1, last), here]
    bend = np.maximum(2 * peak - before - after, 1e-3)
    fraction = np.clip((after - before) / (2 * bend), -0.5, 0.5)
    offset = (inner[best] + fraction).reshape(points.shape[:-1]) * stride[:, None, None]
    return offset.astype(np.float32), peak.reshape(points.shape[:-1])


def _fit(offset: Floats, strength: Floats, along: Floats, scale: NDArray[np.float32]) -> tuple[Floats, Floats, Floats]:
    """Fits offset = middle + slope * along by weighted least squares; the share of samples on that line."""
    real = strength > _FAINT
    weight = real * np.minimum(strength, _STRONG)
    trust = np.exp(-0.5 * (offset / (4 * scale)) ** 2)
    for _ in range(5):
        w = weight * trust + 1e-6
        s, sx, sxx = w.sum(axis=-1), (w * along).sum(axis=-1), (w * along**2).sum(axis=-1)
        sy, sxy = (w * offset).sum(axis=-1), (w * along * offset).sum(axis=-1)
        det = np.maximum(s * sxx - sx * sx, 1e-9)
        middle, slope = (sy * sxx - sxy * sx) / det, (sxy * s - sy * sx) / det
        residual = offset - middle[..., None] - slope[..., None] * along
        trust = 1 / (1 + (residual / scale) ** 2) ** 2
    return middle, slope, np.asarray((real & (np.abs(residual) < 1.5 * scale)).mean(axis=-1), np.float32)


def corners(start: Floats, vector: Floats) -> Floats:
    """Where each side meets the one before it."""
    before, onward = start[:, _BEFORE], vector[:, _BEFORE]
    cross = onward[..., 0] * vector[..., 1] - onward[..., 1] * vector[..., 0]
    cross = np.where(np.abs(cross) < 1e-6, 1e-6, cross)
    delta = start - before
    along = (delta[..., 0] * vector[..., 1] - delta[..., 1] * vector[..., 0]) / cross
    return np.asarray(before + onward * along[..., None], np.float32)


_REACH = 0.015
"""How far the networks may be off, in card widths. Not much farther lies a sleeve's rim, which is the stronger edge."""
_REACH_PX = 1.5
"""At least so many pixels: less shows no edge."""
_SUPPORT = 0.3
"""Share of the normals on the lines below which there are no edges to go by."""


def sharpen(frame: Pixels, quads: Floats) -> Floats:
    """Quads [n, 4, 2] moved onto the edges of the full frame, within what the networks may be off.

    A quad around which there are no edges stays as it is.
    """
    vectors = np.linalg.norm(edges(quads), axis=2)
    reach = np.maximum(_REACH * (vectors[:, 0] + vectors[:, 2]) / 2, _REACH_PX).astype(np.float32)
    closer, support = refine(frame, quads, reach, 5)
    away = np.abs(closer - quads).max(axis=(1, 2))
    good = np.isfinite(closer).all(axis=(1, 2)) & (away < 2 * reach) & (support.mean(axis=1) >= _SUPPORT)
    return np.where(good[:, None, None], closer, quads)
