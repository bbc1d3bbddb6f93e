"""What speaks for a quad being the outline of a card: a number from the colours along its sides."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detector.lines import Floats, Pixels, strongest
from vision.detector.shape import edges, inner_points, misfit, widths

_SAMPLES, _PARTS = 12, 4
_NEAR = 1.5
"""Pixels to both sides of an edge: just beyond its blur."""

_FAR, _FAR_PX = 0.025, 1.6
"""1.6 mm of 63 mm: on the card still its border (about 3 mm), outside the table and no longer a sleeve's rim."""

_NEAR_STEP, _FAR_STEP = 20.0, 30.0
"""Colour steps (levels) that count in full just at the edge and farther off."""

_EVEN = 30.0
"""A border's colour stays within this many levels along a side under uneven light."""

_ALIKE = 60.0
"""Mean colours of two sides of a border differ by less than this."""

_ODD = 0.15
"""A quad whose aspect is further off than this (logarithm) is no card: lenses and stretched pictures come to 0.06."""

_BLANK = 8.0
"""Standard deviation (levels) below which a surface carries no picture: camera noise stays below 5."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Per quad: `score` (1 is a flawless card), how `even` the border inside its sides is, whether it is `blank`."""

    score: Floats
    even: Floats
    blank: NDArray[np.bool_]


def weigh(picture: Pixels, quads: Floats, overrun: Floats) -> Evidence:
    """Evidence for quads [n, 4, 2] with overrun [n, 4] in a picture uint8 [h, w, 3].

    The weights follow a logistic fit that told a card's outline from the quads around it (its art frame, its sleeve,
    mixtures of both, half a card) on real photos and rendered scenes: both steps, the overrun and the aspect came out
    about equal, and the rest small. The overrun has 1.4 here, so that the two halves of a card never outweigh it.
    """
    strips = _strips(picture, quads)
    near = _step(strips[:, :, :, 0], strips[:, :, :, 1], _NEAR_STEP)
    far = _step(strips[:, :, :, 2], strips[:, :, :, 3], _FAR_STEP)
    border = strips[:, :, :, 2].astype(np.float32)
    side = border.mean(axis=2, keepdims=True)
    even = (strongest(np.abs(border - side)) < _EVEN).mean(axis=(1, 2)).astype(np.float32)
    differ = strongest(np.abs(side - side.mean(axis=1, keepdims=True))).mean(axis=(1, 2))
    alike = np.clip(1 - differ / _ALIKE, 0, 1)
    aspect, skew = misfit(quads, picture.shape[:2])
    near[aspect > _ODD] = 0
    score = near + far - 1.4 * overrun.mean(axis=1) - 1.1 * aspect - 0.5 * skew + 0.2 * alike + 0.1 * even
    return Evidence(np.asarray(score / 2.3, np.float32), even, _blank(picture, quads))


def _strips(picture: Pixels, quads: Floats) -> NDArray[np.int16]:
    """Colours [n, 4, samples, 4, 3] along each side: just inside and outside, farther inside and outside."""
    vectors = edges(quads)
    length = np.maximum(np.linalg.norm(vectors, axis=2, keepdims=True), 1e-6)
    outward = np.stack([vectors[..., 1], -vectors[..., 0]], axis=-1) / length
    far = np.maximum(_FAR * widths(quads), _FAR_PX)
    near = np.full_like(far, _NEAR)
    offset = np.stack([-near, near, -far, far], axis=1)[:, None, None, :, None] * outward[:, :, None, None]
    share = np.linspace(0.08, 0.92, _SAMPLES, dtype=np.float32)[:, None]
    points = (quads[:, :, None] + vectors[:, :, None] * share)[:, :, :, None] + offset
    return _look(picture, points)


def _look(picture: Pixels, points: Floats) -> NDArray[np.int16]:
    flat = points.reshape(len(points), -1, 2).astype(np.float32)
    colours = cv2.remap(picture, flat[..., 0], flat[..., 1], cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(colours.reshape(*points.shape[:-1], 3), np.int16)


def _step(inside: NDArray[np.int16], outside: NDArray[np.int16], full: float) -> Floats:
    """Mean over the sides' parts of the step between their mean colours: texture averages out, an edge does not."""
    step = (inside - outside).reshape(len(inside), 4, _PARTS, -1, 3).mean(axis=3)
    return np.asarray(np.minimum(strongest(np.abs(step)) / full, 1).mean(axis=(1, 2)), np.float32)


def _blank(picture: Pixels, quads: Floats) -> NDArray[np.bool_]:
    colours = _look(picture, inner_points(quads)).astype(np.float32)
    return np.asarray(strongest(colours.std(axis=1)) < _BLANK)
