"""Tables to lay cards on: wood, felt, playmat, plain and desk, and the things that lie about on them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from synth.draw import INK, WHITE, Colour, blend_field, colour, ellipse, mix, polygon, soft_noise
from synth.scenery import scenery

Image = NDArray[np.uint8]


def table(kind: str, height: int, width: int, unit: float, rng: np.random.Generator) -> Image:
    """An empty table uint8 RGB [height, width, 3], evenly lit. ValueError for a kind that does not exist.

    `unit` is a card width in pixels; the pockets of a binder follow it, from the middle of the picture.
    """
    if kind == "binder":
        return _binder(rng, height, width, unit)
    if kind not in _KINDS:
        raise ValueError(f"no table is called {kind!r}; there are {', '.join((*TABLES, 'binder'))}")
    return _KINDS[kind](rng, height, width)


def _textured(image: Image, texture: NDArray[np.float32]) -> Image:
    """The picture with a grey texture [h, w] added."""
    grey = np.clip(texture + 128, 0, 255).astype(np.uint8)
    return np.asarray(cv2.addWeighted(image, 1, cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), 1, -128), np.uint8)


def _grain(rng: np.random.Generator, height: int, width: int, strength: float, blur: float) -> NDArray[np.float32]:
    tile = rng.normal(0, 1, (509, 509)).astype(np.float32)
    if blur:
        tile = np.asarray(cv2.GaussianBlur(tile, (0, 0), blur, borderType=cv2.BORDER_REFLECT_101), np.float32)
    tile *= strength / float(tile.std())
    repeated = np.tile(tile, (height // 509 + 1, width // 509 + 1))
    return repeated[:height, :width]


def _wood(rng: np.random.Generator, height: int, width: int) -> Image:
    tone: Colour = ((176, 128, 84), (128, 84, 54), (206, 170, 126), (96, 66, 48))[int(rng.integers(4))]
    image = np.empty((height, width, 3), np.uint8)
    planks = int(rng.integers(3, 7))
    for plank in range(planks):
        top, bottom = height * plank // planks, height * (plank + 1) // planks
        tall = bottom - top
        stripes = cv2.resize(
            rng.normal(0, 1, (tall // 2 + 2, max(3, width // 260))).astype(np.float32),
            (width, tall),
            interpolation=cv2.INTER_CUBIC,
        )
        rings = np.sin(
            soft_noise(rng, tall, width, 3) * 5
            + np.linspace(0, float(rng.uniform(6, 22)), tall, dtype=np.float32)[:, None]
        )
        share = 0.45 + 0.16 * stripes + 0.14 * rings
        weight = np.clip(share, 0, 1)[..., None]
        own = mix(tone, INK, float(rng.uniform(0, 0.2)))
        dark, light = np.array(mix(own, INK, 0.35), np.float32), np.array(mix(own, WHITE, 0.16), np.float32)
        image[top:bottom] = (dark * weight + light * (1 - weight)).astype(np.uint8)
        if plank:
            cv2.line(image, (0, top), (width, top), mix(tone, INK, 0.75), max(1, height // 500), cv2.LINE_AA)
    image = _textured(image, _grain(rng, height, width, 4, 0.7))
    return (
        image
        if rng.random() < 0.5
        else np.ascontiguousarray(cv2.resize(image.transpose(1, 0, 2)[::-1], (width, height)))
    )


def _felt(rng: np.random.Generator, height: int, width: int) -> Image:
    tone = colour(
        float(rng.choice([0.38, 0.6, 0.98, 0.75, 0.33])), float(rng.uniform(0.4, 0.7)), float(rng.uniform(0.25, 0.5))
    )
    image = blend_field(
        height, width, mix(tone, INK, 0.15), mix(tone, WHITE, 0.1), soft_noise(rng, 48, 48, 6) * 0.5 + 0.5
    )
    return _textured(image, _grain(rng, height, width, 7, 0.8) + _grain(rng, height, width, 4, 2.5))


def _plain(rng: np.random.Generator, height: int, width: int) -> Image:
    tone: Colour = ((222, 220, 214), (62, 64, 70), (178, 186, 194), (232, 226, 210), (40, 44, 58))[int(rng.integers(5))]
    image = blend_field(height, width, tone, mix(tone, INK, 0.08), soft_noise(rng, 24, 24, 4) * 0.5 + 0.5)
    return _textured(image, _grain(rng, height, width, 2.5, 0.9))


def _playmat(rng: np.random.Generator, height: int, width: int) -> Image:
    small = scenery(rng, min(height, 760), min(width, 760))
    image = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    tone = colour(float(rng.random()), 0.5, 0.35)
    image = np.asarray(cv2.addWeighted(image, 0.5, np.full_like(image, tone), 0.45, 0), np.uint8)
    unit, line = min(height, width), mix(tone, WHITE, 0.6)
    cv2.circle(image, (width // 2, height // 2), unit // 4, line, max(2, unit // 200), cv2.LINE_AA)
    cv2.line(image, (0, height // 2), (width, height // 2), line, max(2, unit // 250), cv2.LINE_AA)
    return _textured(image, _grain(rng, height, width, 5, 0.8))


def _desk(rng: np.random.Generator, height: int, width: int) -> Image:
    return (_wood if rng.random() < 0.5 else _plain)(rng, height, width)


def _binder(rng: np.random.Generator, height: int, width: int, unit: float) -> Image:
    image = _plain(rng, height, width)
    tone: Colour = ((28, 28, 32), (196, 200, 204), (36, 44, 70))[int(rng.integers(3))]
    cell_width, cell_height = POCKET[0] * unit, POCKET[1] * unit
    left, top = width / 2 - 1.5 * cell_width, height / 2 - 1.5 * cell_height
    page = np.array(
        [
            [left - 0.25 * unit, top - 0.1 * unit],
            [left + 3 * cell_width + 0.08 * unit, top - 0.1 * unit],
            [left + 3 * cell_width + 0.08 * unit, top + 3 * cell_height + 0.1 * unit],
            [left - 0.25 * unit, top + 3 * cell_height + 0.1 * unit],
        ]
    )
    _shade_under(image, page, unit * 2)
    polygon(image, page, tone)
    seam, line = mix(tone, WHITE, 0.28), max(1, round(unit * 0.012))
    for step in range(4):
        x, y = round(left + step * cell_width), round(top + step * cell_height)
        cv2.line(image, (x, round(top)), (x, round(top + 3 * cell_height)), seam, line, cv2.LINE_AA)
        cv2.line(image, (round(left), y), (round(left + 3 * cell_width), y), seam, line, cv2.LINE_AA)
    for hole in range(3):
        ellipse(
            image,
            (left - 0.15 * unit, top + (0.5 + hole) * cell_height),
            (0.05 * unit, 0.05 * unit),
            mix(tone, (160, 140, 120), 0.8),
        )
    return _textured(image, _grain(rng, height, width, 2, 0.8))


POCKET = (1.1, 1.5)
"""Width and height of a binder's pocket in card widths."""

_KINDS: dict[str, Callable[[np.random.Generator, int, int], Image]] = {
    "wood": _wood,
    "felt": _felt,
    "playmat": _playmat,
    "plain": _plain,
    "desk": _desk,
}
TABLES = tuple(_KINDS)


def strew(image: Image, count: int, unit: float, rng: np.random.Generator) -> None:
    """Lays up to `count` things about, in place: pens, coins, dice, notes, coasters, phones.

    `unit` is a card width in pixels. Things keep apart; one that finds no room is left out.
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


def _turned(x: float, y: float, points: list[tuple[float, float]], angle: float, unit: float) -> NDArray[np.float64]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([(x + unit * (px * c - py * s), y + unit * (px * s + py * c)) for px, py in points])


def _shade_under(image: Image, points: NDArray[np.float64], unit: float) -> None:
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
    _shade_under(image, body, unit)
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
    _shade_under(image, ring, unit)
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
    _shade_under(image, body, unit * 1.6)
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
    _shade_under(image, body, unit)
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
    _shade_under(image, ring, unit)
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
            _shade_under(image, body, unit)
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
