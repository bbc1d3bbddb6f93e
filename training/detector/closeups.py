"""Close-ups of made pictures: cards a little beside their place, and what is no card."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.detector.compose import Made
from training.detector.targets import HIDDEN, SHOWN
from vision.detector.closeup import close_ups, off_by
from vision.detector.pyramid import Pyramid
from vision.quad import CARD_ASPECT, iou, is_convex, portrait, size

Floats = NDArray[np.float32]
Rng = np.random.Generator

_SMALLEST_PX = 16.0
_LOOKS = 4
"""Close-ups of each card."""
_APART = 0.35
"""Overlap (IoU) with every card below which a place shows none."""


def examples(made: Made, rng: Rng) -> list[dict[str, NDArray[Any]]]:
    """All close-ups of a picture: `image`, `off` [8] (see `vision.detector.closeup.off_by`) and `card` [1], 1 or 0."""
    quads, truths = [], []
    for quad, visible in zip(made.quads, made.visible, strict=True):
        if visible >= SHOWN and size(quad)[0] >= _SMALLEST_PX:
            for _ in range(_LOOKS):
                quads.append(_beside(rng, quad))
                truths.append(_as_seen(rng, quad))
                quads[-1] = quads[-1] if np.array_equal(truths[-1], quad) else np.roll(quads[-1], 2, axis=0)
    good = [is_convex(quad) for quad in quads]
    quads = [quad for quad, convex in zip(quads, good, strict=True) if convex]
    truths = [truth for truth, convex in zip(truths, good, strict=True) if convex]
    cards = len(quads)
    quads += _elsewhere(rng, made)
    if not quads:
        return []
    images = close_ups(Pyramid(made.image), np.stack(quads))
    offsets = np.zeros((len(quads), 8), np.float32)
    if cards:
        offsets[:cards] = off_by(np.stack(truths), np.stack(quads[:cards]))
    return [
        {"image": image, "off": offset, "card": np.array([number < cards], np.float32)}
        for number, (image, offset) in enumerate(zip(images, offsets, strict=True))
    ]


def _beside(rng: Rng, quad: Floats) -> Floats:
    """A quad as the first network might have seen it: moved, scaled, and each corner off on its own."""
    width = size(quad)[0]
    spread = float(rng.choice([0.015, 0.05, 0.1])) * width
    centre = quad.mean(axis=0)
    scaled = (quad - centre) * float(np.exp(rng.normal(0, spread / width))) + centre
    return np.asarray(scaled + rng.normal(0, 0.7 * spread, 2) + rng.normal(0, 0.5 * spread, (4, 2)), np.float32)


def _as_seen(rng: Rng, quad: Floats) -> Floats:
    """Upright or upside down: which end is the top is not known yet."""
    return np.roll(quad, 2, axis=0) if rng.random() < 0.5 else quad


def _elsewhere(rng: Rng, made: Made) -> list[Floats]:
    """Some places that look like a card's and are none: lures, parts of cards, pairs of cards, anything."""
    side = made.image.shape[0]
    places = []
    for _ in range(int(rng.integers(2, 7))):
        kind = rng.random()
        if kind < 0.5 and len(made.lures):
            quad = made.lures[int(rng.integers(len(made.lures)))]
        elif kind < 0.8 and len(made.quads):
            quad = _misread(rng, made.quads[int(rng.integers(len(made.quads)))])
        else:
            wide = side * float(np.exp(rng.uniform(np.log(0.04), np.log(0.6))))
            half = np.array([wide, wide / CARD_ASPECT]) / 2
            turn = float(rng.uniform(0, 2 * np.pi))
            spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
            quad = half * [[-1, -1], [1, -1], [1, 1], [-1, 1]] @ spin + rng.uniform(0, side, 2)
        quad = portrait(quad)
        known = [one for one, visible in zip(made.quads, made.visible, strict=True) if visible > HIDDEN]
        if is_convex(quad) and size(quad)[0] >= _SMALLEST_PX and all(iou(quad, one) < _APART for one in known):
            places.append(quad)
    return places


def _misread(rng: Rng, quad: Floats) -> Floats:
    """The artwork or the text of a card, a card and half its neighbour, or twice a card."""
    across, down = quad[1] - quad[0], quad[3] - quad[0]
    left, top = rng.uniform(-0.3, 0.5, 2)
    wide, tall = (float(v) for v in rng.choice([0.45, 0.6, 1.4, 2.0]) * rng.uniform(0.8, 1.2, 2))
    start = quad[0] + left * across + top * down
    return np.asarray(
        [start, start + wide * across, start + wide * across + tall * down, start + tall * down], np.float32
    )
