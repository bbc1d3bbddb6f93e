"""Tables to lay cards on: wood, felt, playmat, plain, desk, and the page of a binder."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from synth.draw import INK, WHITE, Colour, blend_field, colour, ellipse, mix, polygon, soft_noise
from synth.scenery import scenery
from synth.things import shade_under

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
    shade_under(image, page, unit * 2)
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
