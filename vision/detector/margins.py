"""Whether a quad is a card's outline, or that of its artwork or its sleeve: both keep an even margin to the card."""

from __future__ import annotations

import numpy as np

from vision.detector.choice import OUTER
from vision.detector.evidence import weigh
from vision.detector.lines import Floats, Pixels
from vision.detector.refine import corners
from vision.detector.shape import areas, edges, misfit, widths

_MARGINS = np.array([0.0, -0.035, -0.02, 0.03, 0.045, 0.06], np.float32)
"""Outward, in card widths: a sleeve's rim is 1.5 to 2.5 mm of 63 mm wide, a card's border 2 to 4.5 mm."""

_ASPECT = 1.0
"""Weight of the aspect beyond its weight in the evidence: an even margin of 5 % changes it by 3 %, and nothing else
tells a card's border from its sleeve."""

_NARROW = 50.0
"""Pixels: below this width a margin is thinner than the blur of an edge."""

_BETTER = 0.01
"""By this much the evidence must be better before a quad whose sides are lines of the picture gives way."""


def settle(picture: Pixels, quads: Floats) -> Floats:
    """The quads [n, 4, 2], each at the margin where most speaks for it."""
    vectors = edges(quads)
    outward = np.stack([vectors[..., 1], -vectors[..., 0]], axis=-1)
    outward /= np.maximum(np.linalg.norm(outward, axis=2, keepdims=True), 1e-6)
    shift = (_MARGINS[:, None] * widths(quads))[..., None, None] * outward
    moved = corners((quads + shift).reshape(-1, 4, 2), np.broadcast_to(vectors, shift.shape).reshape(-1, 4, 2))
    score = weigh(picture, moved, np.zeros((len(moved), 4), np.float32)).score + OUTER * np.log(areas(moved))
    score -= _ASPECT * misfit(moved, picture.shape[:2])[0]
    score = score.reshape(len(_MARGINS), -1)
    score[0] += np.where(widths(quads) < _NARROW, np.inf, _BETTER)
    return np.asarray(moved.reshape(len(_MARGINS), -1, 4, 2)[score.argmax(axis=0), np.arange(len(quads))], np.float32)
