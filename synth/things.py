"""What lies about on tables: pens, coins, dice, notes, coasters, phones."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from synth.draw import INK, WHITE, Colour, colour, ellipse, mix, polygon

Image = NDArray[np.uint8]


def strew(image: Image, count: int, unit: float, rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """Lays up to `count` things about, in place: pens, coins, dice, notes, coasters, phones.

    `unit` is a card width in pixels. Things keep apart; one that finds no room is left out. Returns where they lie:
    x, y and about how far they reach, in pixels.
    """
    height, width = image.shape[:2]
    taken: list[tuple[float, float, float]] = []
    for _ in range(count):
        draw, reach = _THINGS[int(rng.integers(len(_THINGS)))]
        for _ in range(6):
            x, y = float(rng.uniform(0, width)), float(rng.uniform(0, height))
            if all(np.hypot(x - other[0], y - other[1]) > 0.8 * (reach * unit + other[2]) for other in taken):
                taken.append((x, y, reach * unit))
                draw(rng, image, x, y, unit)
                break
    return taken


def _turned(x: float, y: float, points: list[tuple[float, float]], angle: float, unit: float) -> NDArray[np.float64]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([(x + unit * (px * c - py * s), y + unit * (px * s + py * c)) for px, py in points])


def shade_under(image: Image, points: NDArray[np.float64], unit: float) -> None:
    """A contact shadow: the outline once more, a little lower, dark and soft-edged."""
    low = np.floor(points.min(axis=0) - 0.08 * unit).astype(int).clip(0)
    high = np.ceil(points.max(axis=0) + 0.12 * unit).astype(int)
    part = image[low[1] : high[1], low[0] : high[0]]
    if part.size == 0:
        return
    mask = np.zeros(part.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(points - low + 0.025 * unit).astype(np.int32)], 110, cv2.LINE_AA)
    soft = cv2.bitwise_not(cv2.GaussianBlur(mask, (0, 0), 0.025 * unit + 0.5))
    cv2.multiply(part, cv2.cvtColor(soft, cv2.COLOR_GRAY2RGB), dst=part, scale=1 / 255)


def _pen(rng: np.random.Generator, image: Image, x: float, y: float, unit: float) -> None:
    angle, tint = float(rng.uniform(0, 6.3)), colour(float(rng.random()), 0.7, float(rng.uniform(0.2, 0.8)))
    body = _turned(x, y, [(-1.1, -0.06), (0.9, -0.06), (1.1, 0), (0.9, 0.06), (-1.1, 0.06)], angle, unit)
    shade_under(image, body, unit)
    polygon(image, body, tint)
    polygon(
        image,
        _turned(x, y, [(-1.1, -0.04), (0.9, -0.04), (0.9, -0.015), (-1.1, -0.015)], angle, unit),
        mix(tint, WHITE, 0.5),
    )
    polygon(image, _turned(x, y, [(0.9, -0.06), (1.1, 0), (0.9, 0.06)], angle, unit), (200, 190, 170))
    polygon(
        image,
        _turned(x, y, [(-1.1, -0.065), (-0.4, -0.065), (-0.4, 0.065), (-1.1, 0.065)], angle, unit),
        mix(tint, INK, 0.4),
    )


def _coin(rng: np.random.Generator, image: Image, x: float, y: float, unit: float) -> None:
    radius = unit * float(rng.uniform(0.14, 0.21))
    tint: Colour = ((196, 160, 84), (182, 184, 188), (176, 112, 72))[int(rng.integers(3))]
    ring = np.array([(x + radius * np.cos(a), y + radius * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 40)])
    shade_under(image, ring, unit)
    for share, shade in ((1.0, mix(tint, INK, 0.3)), (0.93, mix(tint, WHITE, 0.35)), (0.82, tint)):
        ellipse(image, (x, y), (radius * share, radius * share), shade)
    ellipse(image, (x - radius * 0.15, y - radius * 0.1), (radius * 0.35, radius * 0.5), mix(tint, WHITE, 0.25))
    ellipse(image, (x + radius * 0.2, y + radius * 0.2), (radius * 0.3, radius * 0.3), mix(tint, INK, 0.25))


def _die(rng: np.random.Generator, image: Image, x: float, y: float, unit: float) -> None:
    angle, tint, half = float(rng.uniform(0, 6.3)), colour(float(rng.random()), 0.7, 0.8), float(rng.uniform(0.1, 0.14))
    outline = [
        (-half, -half * 0.8),
        (-half * 0.8, -half),
        (half * 0.8, -half),
        (half, -half * 0.8),
        (half, half * 0.8),
        (half * 0.8, half),
        (-half * 0.8, half),
        (-half, half * 0.8),
    ]
    body = _turned(x, y, outline, angle, unit)
    shade_under(image, body, unit * 1.6)
    polygon(image, body, tint, mix(tint, INK, 0.4))
    for px, py in [(-0.5, -0.5), (0.5, 0.5), (0, 0), (-0.5, 0.5), (0.5, -0.5)][: int(rng.integers(1, 6))]:
        at = _turned(x, y, [(px * half, py * half)], angle, unit)[0]
        ellipse(image, (float(at[0]), float(at[1])), (unit * half * 0.18, unit * half * 0.18), WHITE)


def _note(rng: np.random.Generator, image: Image, x: float, y: float, unit: float) -> None:
    angle = float(rng.uniform(0, 6.3))
    wide, tall = float(rng.uniform(0.4, 1.1)), float(rng.uniform(0.4, 1.1))
    tint: Colour = ((246, 244, 236), (250, 236, 130), (190, 220, 240), (240, 240, 244), (180, 150, 110))[
        int(rng.integers(5))
    ]
    body = _turned(x, y, [(-wide, -tall), (wide, -tall), (wide, tall), (-wide, tall)], angle, unit)
    shade_under(image, body, unit)
    polygon(image, body, tint)
    for row in np.arange(-0.85, 0.85, 0.16 / tall):
        if rng.random() < 0.7:
            ends = _turned(
                x, y, [(-wide * 0.85, row * tall), (wide * float(rng.uniform(-0.2, 0.85)), row * tall)], angle, unit
            )
            first, last = (tuple(int(v) for v in end) for end in ends)
            cv2.line(image, first, last, mix(tint, INK, 0.55), max(1, round(unit * 0.012)), cv2.LINE_AA)


def _coaster(rng: np.random.Generator, image: Image, x: float, y: float, unit: float) -> None:
    tint, radius = colour(float(rng.random()), 0.45, float(rng.uniform(0.3, 0.8))), unit * 0.7
    ring = np.array([(x + radius * np.cos(a), y + radius * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 48)])
    shade_under(image, ring, unit)
    for step, share in enumerate((1.0, 0.95, 0.7, 0.64)):
        ellipse(image, (x, y), (radius * share, radius * share), (tint, mix(tint, WHITE, 0.5))[step % 2])


def _phone(rng: np.random.Generator, image: Image, x: float, y: float, unit: float) -> None:
    angle = float(rng.uniform(0, 6.3))
    for wide, tall, tint in ((0.58, 1.18, (120, 122, 126)), (0.56, 1.16, (16, 16, 20))):
        cut = 0.1
        outline = [
            (-wide + cut, -tall),
            (wide - cut, -tall),
            (wide, -tall + cut),
            (wide, tall - cut),
            (wide - cut, tall),
            (-wide + cut, tall),
            (-wide, tall - cut),
            (-wide, -tall + cut),
        ]
        body = _turned(x, y, outline, angle, unit)
        if wide > 0.57:
            shade_under(image, body, unit)
        polygon(image, body, tint)
    polygon(image, _turned(x, y, [(-0.3, -1.1), (0.5, -1.1), (0.0, 0.9), (-0.5, 0.9)], angle, unit), (34, 36, 44))


_THINGS: tuple[tuple[Callable[[np.random.Generator, Image, float, float, float], None], float], ...] = (
    (_pen, 0.8),
    (_pen, 0.8),
    (_coin, 0.2),
    (_coin, 0.2),
    (_coin, 0.2),
    (_die, 0.15),
    (_die, 0.15),
    (_note, 1.1),
    (_note, 1.1),
    (_coaster, 0.7),
    (_phone, 1.0),
)
"""Each thing and about how far it reaches, in card widths."""
