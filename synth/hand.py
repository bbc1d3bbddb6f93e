"""Hands that carry and hold cards: fingers as tapering capsules, shaded as round, with nails, a palm and a cuff.

A hand has two layers: what lies under the card that it holds, and the fingers that lie over the card's edge. It is
drawn once in millimetres and then scaled and turned to what a scene needs.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from synth.draw import Colour, colour, mix
from synth.layers import Image, Layer, layer

CARD_MM = 63.0
_SCALE = 2.5
"""Pixels per millimetre of the drawing that all hands are scaled from."""
_LEFT, _ABOVE, _COLUMNS, _ROWS = 95.0, 75.0, 190.0, 820.0
"""The drawing in millimetres around the gripping point, the arm downwards; long enough to leave any picture."""

Capsule = tuple[float, float, float, float, float, float]
"""x, y, radius at one end, x, y, radius at the other, in millimetres from the gripping point."""

_PALM: tuple[Capsule, ...] = ((-14, 78, 27, 14, 72, 27), (0, 84, 34, 2, 116, 26), (2, 108, 26, 4, 158, 23))
_CLOTH: tuple[Capsule, ...] = ((4, 166, 31, 6, 860, 46),)
_CUFF: tuple[Capsule, ...] = ((-24, 156, 6, 32, 156, 6),)
_FADE_FROM, _FADE_TO = 34.0, 58.0
"""Where the fingers over the card go over into the palm below it, in millimetres."""

_GRIPS: dict[str, tuple[tuple[Capsule, ...], tuple[tuple[Capsule, ...], ...]]] = {
    "thumb": (
        (
            (26, 66, 11, 40, 22, 8),
            (40, 22, 8, 39, -20, 7),
            (14, 60, 11, 23, 18, 9),
            (23, 18, 9, 21, -33, 7.6),
            (0, 58, 11, 6, 18, 9),
            (6, 18, 9, 3, -38, 7.8),
            (-14, 62, 11, -12, 20, 8.6),
            (-12, 20, 8.6, -14, -30, 7.5),
        ),
        (((-26, 84, 17, -25, 48, 12), (-25, 48, 12, -19, 20, 10), (-19, 20, 10, -7, -12, 8.5)),),
    ),
    "fingers": (
        ((-30, 82, 16, -32, 44, 11), (-32, 44, 11, -22, -10, 9)),
        (
            ((-16, 76, 12, -20, 34, 9.5), (-20, 34, 9.5, -16, -12, 7.6)),
            ((1, 72, 12, 0, 30, 9.8), (0, 30, 9.8, 2, -19, 7.8)),
            ((17, 76, 12, 20, 34, 9), (20, 34, 9, 20, -14, 7.2)),
        ),
    ),
    "tip": (
        ((10, 70, 12, 20, 34, 9), (20, 34, 9, 14, 8, 8), (24, 74, 12, 36, 40, 9), (36, 40, 9, 28, 16, 8)),
        (((-10, 76, 13, -10, 36, 10), (-10, 36, 10, -4, 10, 9), (-4, 10, 9, 0, -16, 7.6)),),
    ),
}
GRIPS = tuple(_GRIPS)


@dataclass(frozen=True, slots=True, eq=False)
class Hand:
    """A hand at some size and angle: layers placed around the gripping point (0, 0), and the way its arm points."""

    under: Layer
    over: Layer
    arm: tuple[float, float]


@functools.lru_cache(maxsize=12)
def hand(grip: str, card_width: int, angle: int, arm_length: int, seed: int) -> Hand:
    """A hand for a card of `card_width` pixels whose arm points downwards, turned by `angle` degrees clockwise.

    The arm ends `arm_length` pixels from the gripping point. ValueError for a grip that does not exist.
    """
    if grip not in _GRIPS:
        raise ValueError(f"no grip is called {grip!r}; there are {', '.join(GRIPS)}")
    under, over = _drawing(grip, seed)
    zoom = card_width / CARD_MM / _SCALE
    rows = min(under.shape[0], round(_ABOVE * _SCALE + arm_length / zoom))
    radians = np.radians(angle)
    arm = -float(np.sin(radians)), float(np.cos(radians))
    return Hand(_placed(under[:rows], zoom, angle), _placed(over[:rows], zoom, angle), arm)


def _placed(drawing: Image, zoom: float, angle: int) -> Layer:
    """The drawing scaled, turned and cropped; x and y are relative to the gripping point."""
    turn = np.asarray(cv2.getRotationMatrix2D((0.0, 0.0), -angle, zoom), np.float64)
    turn[:, 2] = -turn[:, :2] @ (_LEFT * _SCALE, _ABOVE * _SCALE)
    rows, columns = np.nonzero(drawing[::4, ::4, 3])
    xs, ys = np.array([columns.min(), columns.max() + 1]) * 4, np.array([rows.min(), rows.max() + 1]) * 4
    corners = np.array([(x, y) for x in xs for y in ys]) @ turn[:, :2].T + turn[:, 2]
    low, high = np.floor(corners.min(axis=0)) - 2, np.ceil(corners.max(axis=0)) + 2
    turn[:, 2] -= low
    size = int(high[0] - low[0]), int(high[1] - low[1])
    return layer(
        np.asarray(cv2.warpAffine(drawing, turn, size, flags=cv2.INTER_LINEAR), np.uint8), int(low[0]), int(low[1])
    )


@functools.lru_cache(maxsize=4)
def _drawing(grip: str, seed: int) -> tuple[Image, Image]:
    """Both layers as premultiplied RGBA."""
    rng = np.random.default_rng((seed, 21))
    skin = mix((238, 190, 160), (104, 66, 46), float(rng.random()) ** 1.6)
    cloth = colour(float(rng.random()), float(rng.uniform(0.1, 0.6)), float(rng.uniform(0.2, 0.6)))
    behind, front = _GRIPS[grip]
    under, over = _blank(), _blank()
    _add(under, (*_PALM, *behind, *(part for finger in front for part in finger)), skin, 9.0, rng)
    _add(under, _CLOTH, cloth, 30.0, rng)
    _add(under, _CUFF, mix(cloth, (250, 250, 250), 0.15), 6.0, rng)
    for finger in front:
        _add(over, finger, skin, 8.5, rng)
        for joint in finger[1:]:
            _crease(over, joint, skin)
        _nail(over, finger[-1], skin)
    _shadow(under, 5.0, 0.42)
    _shadow(over, 2.2, 0.5)
    return under, _faded(over)


def _blank() -> Image:
    return np.zeros((round(_ROWS * _SCALE), round(_COLUMNS * _SCALE), 4), np.uint8)


def _pixels(x: float, y: float) -> tuple[float, float]:
    return (x + _LEFT) * _SCALE, (y + _ABOVE) * _SCALE


def _outline(capsules: tuple[Capsule, ...]) -> Image:
    mask = _blank()[..., 0].copy()
    for x0, y0, r0, x1, y1, r1 in capsules:
        along = np.array([x1 - x0, y1 - y0])
        side = np.array([-along[1], along[0]]) / float(np.hypot(*along))
        ends = ((x0, y0, r0), (x1, y1, r1), (x1, y1, -r1), (x0, y0, -r0))
        corners = [_pixels(x + r * side[0], y + r * side[1]) for x, y, r in ends]
        cv2.fillPoly(mask, [np.round(np.array(corners) * 8).astype(np.int32)], 255, cv2.LINE_AA, 3)
        for x, y, r in ends[:2]:
            at = _pixels(x, y)
            cv2.circle(mask, (round(at[0] * 8), round(at[1] * 8)), round(r * _SCALE * 8), 255, -1, cv2.LINE_AA, 3)
    return mask


def _add(
    drawing: Image, capsules: tuple[Capsule, ...], tint: Colour, roundness: float, rng: np.random.Generator
) -> None:
    """One rounded part, painted over what is there; its edge curves down within `roundness` millimetres."""
    mask = _outline(capsules)
    x, y, width, height = cv2.boundingRect(mask)
    window = slice(y, y + height), slice(x, x + width)
    alpha = mask[window].astype(np.float32)[..., None] / 255
    light = _relief(mask[window], roundness * _SCALE)
    grain = rng.normal(0, 0.018, (height // 3 + 1, width // 3 + 1)).astype(np.float32)
    light += cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC)
    lit = np.array(tint, np.float32) * light[..., None]
    lit[..., 0] += 14 * (1 - np.minimum(1, light))
    part = drawing[window].astype(np.float32) * (1 - alpha)
    part[..., :3] += np.clip(lit, 0, 255) * alpha
    part[..., 3:] += 255 * alpha
    drawing[window] = part.astype(np.uint8)


def _relief(mask: Image, radius: float) -> NDArray[np.float32]:
    """How bright a rounded part is: its height from the distance to its edge, lit from the upper left."""
    framed = cv2.copyMakeBorder(mask, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(0,))
    depth = np.clip(cv2.distanceTransform(framed, cv2.DIST_L2, 3) / radius, 0, 1)
    height = cv2.GaussianBlur(np.sqrt(1 - (1 - depth) ** 2).astype(np.float32), (0, 0), max(1.0, radius / 7))
    slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3) * (radius / 8)
    slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3) * (radius / 8)
    facing = (0.45 * slope_x + 0.5 * slope_y + 0.74) / np.sqrt(slope_x**2 + slope_y**2 + 1)
    return np.asarray(0.46 + 0.66 * np.clip(facing, 0, 1), np.float32)[2:-2, 2:-2]


def _ellipse(
    drawing: Image,
    at: tuple[float, float],
    radii: tuple[float, float],
    angle: float,
    tint: Colour,
    *,
    arc: tuple[int, int],
) -> None:
    """Filled for a whole turn, otherwise a thin arc; all in millimetres."""
    x, y = (round(v * 8) for v in _pixels(*at))
    axes = round(radii[0] * _SCALE * 8), round(radii[1] * _SCALE * 8)
    thick = -1 if arc == (0, 360) else 2
    cv2.ellipse(drawing, (x, y), axes, angle, *arc, (*tint, 255), thick, cv2.LINE_AA, 3)


def _nail(drawing: Image, capsule: Capsule, skin: Colour) -> None:
    x0, y0, _, x1, y1, radius = capsule
    angle = float(np.degrees(np.arctan2(y1 - y0, x1 - x0)))
    for grow, tint in ((1.12, mix(skin, (120, 60, 50), 0.3)), (1.0, mix(skin, (252, 206, 200), 0.45))):
        _ellipse(drawing, (x1, y1), (radius * 0.66 * grow, radius * 0.5 * grow), angle, tint, arc=(0, 360))
    _ellipse(
        drawing,
        (x1 - 0.5, y1 - 0.5),
        (radius * 0.3, radius * 0.14),
        angle,
        mix(skin, (255, 240, 236), 0.7),
        arc=(0, 360),
    )


def _crease(drawing: Image, joint: Capsule, skin: Colour) -> None:
    """The folds of the skin at the knuckle where this part of the finger begins."""
    x, y, radius, x1, y1, _ = joint
    angle = float(np.degrees(np.arctan2(y1 - y, x1 - x)))
    for shift, depth in ((-1.2, 0.22), (1.4, 0.3)):
        at = x + shift * float(np.cos(np.radians(angle))), y + shift * float(np.sin(np.radians(angle)))
        _ellipse(drawing, at, (radius * 0.25, radius * 0.55), angle, mix(skin, (70, 30, 20), depth), arc=(100, 260))


def _shadow(drawing: Image, reach: float, strength: float) -> None:
    """Puts the part's own soft shadow below it, in place; `reach` in millimetres."""
    step = reach * _SCALE
    move = np.array([[0.25, 0, step * 0.6 / 4], [0, 0.25, step / 4]], np.float32)
    rows, columns = drawing.shape[:2]
    own = np.ascontiguousarray(drawing[..., 3])
    small = cv2.warpAffine(own, move, (columns // 4, rows // 4), flags=cv2.INTER_LINEAR)
    small = cv2.convertScaleAbs(cv2.GaussianBlur(small, (0, 0), max(0.8, step / 8)), alpha=strength)
    dark = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR)
    drawing[..., 3] = cv2.add(own, cv2.multiply(dark, cv2.bitwise_not(own), scale=1 / 255))


def _faded(drawing: Image) -> Image:
    """The fingers above the card, seamlessly gone where the palm begins."""
    start, end = (round((_ABOVE + mm) * _SCALE) for mm in (_FADE_FROM, _FADE_TO))
    ramp = np.zeros(drawing.shape[0], np.float32)
    ramp[:start] = 1
    ramp[start:end] = np.linspace(1, 0, end - start, dtype=np.float32)
    return (drawing[:end] * ramp[:end, None, None]).astype(np.uint8)
