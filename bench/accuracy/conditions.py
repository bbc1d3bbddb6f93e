"""The conditions that a model is graded under, each one thing that happens at a table, and two mixtures of them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.accuracy.degradations import HARSH, MEDIUM, Level, degrade
from synth.sleeve import dress
from vision.quad import Quad, as_quad
from vision.rectify import half_turn, rectify

Image = NDArray[np.uint8]
Rng = np.random.Generator
Condition = Callable[[Image, Rng], Image]
"""From a clean canonical crop uint8 RGB [358, 256, 3] to one as a camera might have shown it; the draws decide."""

_TABLE_PX = 60
"""Of table around the card, before it is cut out again."""


def _level(level: Level) -> Condition:
    return lambda crop, rng: degrade(crop, level, rng)


def _dressed(sleeve: str, rim: float = 0.0, foil: bool = False) -> Condition:
    """In a sleeve, on a table; up to `rim` of what is around the card was taken for it, in card widths."""

    def worn(crop: Image, rng: Rng) -> Image:
        height, width = crop.shape[:2]
        dressed = dress(crop, sleeve, foil, rng)
        table = np.empty((height + 2 * _TABLE_PX, width + 2 * _TABLE_PX, 3), np.uint8)
        table[:] = rng.integers(20, 220, 3)
        quad = _box(_TABLE_PX, _TABLE_PX, width, height)
        patch, scale = dressed.at(width)
        matrix = dressed.onto(quad, scale)
        size = (table.shape[1], table.shape[0])
        shown = cv2.warpPerspective(patch, matrix, size, flags=cv2.INTER_LINEAR)
        shown = shown[..., :3] + table * (1 - shown[..., 3:].astype(np.float32) / 255)
        away = round(rng.uniform(0, rim) * width)
        seen = rectify(
            np.clip(shown, 0, 255).astype(np.uint8),
            _box(_TABLE_PX - away, _TABLE_PX - away, width + 2 * away, height + 2 * away),
        )
        return degrade(seen, _PLAIN, rng)

    return worn


_PLAIN = Level(corner=0.01, exposure=0.1, noise=2)
"""What no camera is free of."""


def _box(x: float, y: float, width: float, height: float) -> Quad:
    return as_quad(np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float32))


def _reverse_holo(crop: Image, rng: Rng) -> Image:
    """Foil all over, or everywhere but in the artwork."""
    shiny = _dressed("none", foil=True)(crop, rng)
    if rng.random() < 0.5:
        height, width = crop.shape[:2]
        top, bottom, left, right = (round(v) for v in (0.1 * height, 0.5 * height, 0.08 * width, 0.92 * width))
        shiny[top:bottom, left:right] = crop[top:bottom, left:right]
    return shiny


def _shadow(crop: Image, rng: Rng) -> Image:
    """The soft edge of somebody's shadow: what lies in it keeps 30 to 60 % of its light."""
    height, width = crop.shape[:2]
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    away = (xs / width - rng.uniform(0.3, 0.7)) * np.cos(angle) + (ys / width - rng.uniform(0.4, 1.0)) * np.sin(angle)
    lit = 1 / (1 + np.exp(-away / rng.uniform(0.01, 0.1)))
    dark = rng.uniform(0.3, 0.6)
    return np.asarray(crop * (dark + (1 - dark) * lit)[..., None], np.uint8)


def _fingers(crop: Image, rng: Rng) -> Image:
    """A thumb or two to three fingers from one edge, 15 to 20 % of the card's width each."""
    height, width = crop.shape[:2]
    held = crop.copy()
    skin = rng.uniform(0.45, 1.0) * np.array([245.0, 195.0, 165.0])
    side = rng.integers(2)
    y = rng.uniform(0.15, 0.85) * height
    for _ in range(rng.integers(1, 4)):
        thick = rng.uniform(0.15, 0.2) * width
        reach = rng.uniform(0.15, 0.35) * width
        start = (-thick, y + rng.uniform(-10, 10))
        end = (reach, y)
        if side:
            start, end = (width - start[0], start[1]), (width - end[0], end[1])
        tone = tuple(float(v) for v in np.clip(skin * rng.uniform(0.92, 1.05), 0, 255))
        cv2.line(held, _whole(start), _whole(end), tone, round(thick), cv2.LINE_AA)
        nail = (end[0] + (-0.1 if not side else 0.1) * thick, end[1])
        cv2.circle(held, _whole(nail), round(0.22 * thick), tuple(min(255.0, v * 1.12) for v in tone), -1, cv2.LINE_AA)
        y += 1.15 * thick
    return held


def _whole(point: tuple[float, float]) -> tuple[int, int]:
    return round(point[0]), round(point[1])


def _small(crop: Image, rng: Rng) -> Image:
    """A card of 120 px in the frame, as a video shows it."""
    height, width = crop.shape[:2]
    small = cv2.resize(crop, (120, round(height * 120 / width)), interpolation=cv2.INTER_AREA)
    seen = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    return degrade(seen, Level(corner=0.01, jpeg=50, noise=3), rng)


def _low_light(crop: Image, rng: Rng) -> Image:
    dim = np.asarray(crop * rng.uniform(0.15, 0.35), np.uint8)
    return degrade(dim, Level(noise=10, tint=0.2, blur_px=1.0), rng)


def _medium(crop: Image, rng: Rng) -> Image:
    """Two in five cards wear a sleeve, as everywhere."""
    if rng.random() < 0.4:
        crop = _sleeved(crop, rng)
    return degrade(crop, MEDIUM, rng)


def _harsh(crop: Image, rng: Rng) -> Image:
    """Most of it at once: a sleeve or a toploader, a shadow, and the worst camera."""
    kind = rng.random()
    if kind < 0.7:
        crop = _dressed("toploader", rim=0.1)(crop, rng) if kind < 0.15 else _sleeved(crop, rng)
    if rng.random() < 0.4:
        crop = _shadow(crop, rng)
    return degrade(crop, HARSH, rng)


def _sleeved(crop: Image, rng: Rng) -> Image:
    return _dressed(("glossy", "matte", "scuffed")[rng.integers(3)])(crop, rng)


CONDITIONS: dict[str, Condition] = {
    "clean": lambda crop, _: crop,
    "4 % corner error": _level(Level(corner=0.04)),
    "glossy sleeve": _dressed("glossy"),
    "matte sleeve": _dressed("matte"),
    "scuffed sleeve": _dressed("scuffed"),
    "toploader": _dressed("toploader", rim=0.1),
    "glare": _level(Level(p_glare=1.0, glare=1.0)),
    "foil": _reverse_holo,
    "motion": _level(Level(motion_px=14.0)),
    "defocus": _level(Level(blur_px=3.5)),
    "shadow": _shadow,
    "20 % hidden": _level(Level(p_cover=1.0, cover=0.2)),
    "fingers": _fingers,
    "120 px": _small,
    "low light": _low_light,
    "combined, medium": _medium,
    "combined, harsh": _harsh,
    "upside down": lambda crop, rng: half_turn(_medium(crop, rng)),
}
"""All but the last are upright; the last is `combined, medium`, turned."""
UPSIDE_DOWN = "upside down"
