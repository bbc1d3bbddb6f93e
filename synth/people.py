"""People and things for the cards that show no creature."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from synth.draw import INK, WHITE, Colour, Image, Point, colour, ellipse, mix, polygon


def person(rng: np.random.Generator, image: Image, x: float, y: float, size: float) -> None:
    """A person from the waist up, about `2 * size` pixels tall, around (x, y)."""
    skin = mix((250, 214, 184), (112, 72, 48), float(rng.random()) ** 1.5)
    hair = colour(float(rng.random()), float(rng.uniform(0.1, 0.8)), float(rng.uniform(0.15, 0.9)))
    cloth = colour(float(rng.random()), float(rng.uniform(0.2, 0.9)), float(rng.uniform(0.3, 0.95)))
    trim, edge = mix(cloth, WHITE, 0.6), mix(cloth, INK, 0.7)
    lean = float(rng.uniform(-0.2, 0.2))
    head = x + lean * size, y - 0.45 * size
    long_hair = float(rng.uniform(0.0, 0.8))
    ellipse(
        image, (head[0], head[1] + long_hair * 0.4 * size), (0.42 * size, (0.42 + long_hair * 0.5) * size), hair, edge
    )
    shoulders = [(-0.75, 1.3), (-0.6, 0.25), (-0.2, 0.05), (0.2, 0.05), (0.6, 0.25), (0.75, 1.3)]
    polygon(image, [(x + px * size, y + py * size) for px, py in shoulders], cloth, edge)
    polygon(
        image, [(x - 0.2 * size, y + 0.05 * size), (x + 0.2 * size, y + 0.05 * size), (x, y + 0.45 * size)], trim, edge
    )
    for side in (-1, 1):
        elbow = x + side * 0.85 * size, y + float(rng.uniform(0.3, 0.8)) * size
        hand = x + side * float(rng.uniform(0.2, 1.1)) * size, y + float(rng.uniform(-0.3, 0.6)) * size
        for start, end in (((x + side * 0.52 * size, y + 0.3 * size), elbow), (elbow, hand)):
            cv2.line(
                image, (int(start[0]), int(start[1])), (int(end[0]), int(end[1])), edge, int(0.27 * size), cv2.LINE_AA
            )
            cv2.line(
                image, (int(start[0]), int(start[1])), (int(end[0]), int(end[1])), cloth, int(0.23 * size), cv2.LINE_AA
            )
        ellipse(image, hand, (0.14 * size, 0.14 * size), skin, edge)
    _face(rng, image, head, size, skin, hair=hair)


def _face(rng: np.random.Generator, image: Image, head: Point, size: float, skin: Colour, *, hair: Colour) -> None:
    x, y = head
    neck = [(-0.12, 0.2), (0.12, 0.2), (0.14, 0.55), (-0.14, 0.55)]
    polygon(image, _spots(x, y, size, neck), mix(skin, INK, 0.2))
    ellipse(image, head, (0.33 * size, 0.4 * size), skin, mix(skin, INK, 0.6))
    spikes = int(rng.integers(4, 9))
    fringe = [(0.4 * float(np.cos(a)), -0.45 * float(np.sin(a))) for a in np.linspace(0, np.pi, 12)]
    fringe.extend(
        (-0.36 + 0.72 * (spike + 0.5) / spikes, -0.05 - 0.2 * (spike % 2) - 0.05 * float(rng.random()))
        for spike in range(spikes)
    )
    polygon(image, _spots(x, y, size, fringe), hair, mix(hair, INK, 0.6))
    eye = colour(float(rng.random()), 0.7, 0.5)
    for side in (-1, 1):
        at = x + side * 0.14 * size, y + 0.08 * size
        ellipse(image, at, (0.07 * size, 0.075 * size), WHITE, INK)
        ellipse(image, at, (0.045 * size, 0.06 * size), eye)
    mouth = int(x), int(y + 0.22 * size)
    cv2.ellipse(image, mouth, (int(0.09 * size), int(0.05 * size)), 0, 10, 170, (110, 40, 40), 3, cv2.LINE_AA)


def thing(rng: np.random.Generator, image: Image, x: float, y: float, size: float) -> None:
    """A bottle, a wheel, a gem or a box, about `2 * size` pixels across, around (x, y)."""
    tint = colour(float(rng.random()), float(rng.uniform(0.4, 0.9)), float(rng.uniform(0.5, 0.9)))
    ellipse(image, (x, y + 0.95 * size), (0.7 * size, 0.12 * size), mix(tint, (70, 70, 70), 0.75))
    _THINGS[int(rng.integers(len(_THINGS)))](rng, _Model(image, x, y, size, tint))


@dataclass(frozen=True, slots=True)
class _Model:
    """Where a thing stands, and its colour."""

    image: Image
    x: float
    y: float
    size: float
    tint: Colour

    @property
    def edge(self) -> Colour:
        return mix(self.tint, INK, 0.75)

    @property
    def metal(self) -> Colour:
        return mix((190, 196, 206), self.tint, 0.15)

    def shape(self, points: Sequence[Point], fill: Colour) -> None:
        polygon(self.image, _spots(self.x, self.y, self.size, points), fill, self.edge)

    def disc(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        at = self.x + x * self.size, self.y + y * self.size
        ellipse(self.image, at, (rx * self.size, ry * self.size), fill, self.edge)


def _spots(x: float, y: float, size: float, points: Sequence[Point]) -> list[Point]:
    return [(x + px * size, y + py * size) for px, py in points]


def _bottle(_rng: np.random.Generator, model: _Model) -> None:
    belly = [(-0.5, 0.9), (-0.55, 0.0), (-0.18, -0.35), (0.18, -0.35), (0.55, 0.0), (0.5, 0.9)]
    model.shape(belly, model.tint)
    model.shape([(-0.2, -0.9), (0.2, -0.9), (0.18, -0.35), (-0.18, -0.35)], model.metal)
    model.disc(-0.22, 0.35, 0.1, 0.35, mix(model.tint, WHITE, 0.6))


def _wheel(rng: np.random.Generator, model: _Model) -> None:
    teeth = int(rng.integers(5, 12))
    angles = np.linspace(0, 2 * np.pi, teeth * 4, endpoint=False)
    spans = np.where(np.arange(teeth * 4) % 4 < 2, 0.9, 0.7)
    model.shape(np.stack([spans * np.cos(angles), spans * np.sin(angles)], axis=1).tolist(), model.metal)
    hub = float(rng.uniform(0.3, 0.55))
    model.disc(0, 0, hub, hub, model.tint)
    model.disc(0, 0, hub * 0.45, hub * 0.45, mix(model.tint, INK, 0.7))


def _gem(rng: np.random.Generator, model: _Model) -> None:
    wide = float(rng.uniform(0.4, 0.8))
    outline = [(-wide, -0.3), (-wide / 2, -0.75), (wide / 2, -0.75), (wide, -0.3), (0.0, 0.9)]
    model.shape(outline, model.tint)
    for first, second in itertools.pairwise(outline):
        model.shape([first, second, (0.0, -0.1)], mix(model.tint, WHITE, float(rng.uniform(0, 0.6))))


def _box(rng: np.random.Generator, model: _Model) -> None:
    model.shape([(-0.8, -0.4), (0.5, -0.7), (0.85, 0.5), (-0.5, 0.85)], model.tint)
    for _ in range(int(rng.integers(2, 6))):
        x, y = float(rng.uniform(-0.5, 0.5)), float(rng.uniform(-0.4, 0.5))
        model.disc(x, y, 0.16, 0.16, mix(model.metal, WHITE, float(rng.random())))


_THINGS = (_bottle, _wheel, _gem, _box)
