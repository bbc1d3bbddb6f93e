"""What creatures are made of: blobs, limbs, eyes, mouths, horns, markings, tails and wings.

Everything is drawn around the origin in units of the creature's size and moved into the picture by a `Brush`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from synth.draw import INK, WHITE, Colour, Image, Point, ellipse, mix, polygon


@dataclass(frozen=True, slots=True)
class Brush:
    """Where a creature stands and in which colours.

    (x, y) and `size` in pixels; `flip` mirrors it, `lean` turns it (radians), `stretch` makes it wider.
    """

    image: Image
    x: float
    y: float
    size: float
    flip: int
    lean: float
    stretch: float
    main: Colour
    second: Colour
    eye: Colour

    @property
    def edge(self) -> Colour:
        """The colour of the outlines."""
        return mix(self.main, INK, 0.75)

    def at(self, x: float, y: float) -> Point:
        """The pixel of a place within the creature, whose body is about -1..1."""
        x = self.flip * x * self.stretch
        across, down = math.cos(self.lean), math.sin(self.lean)
        return self.x + (x * across - y * down) * self.size, self.y + (x * down + y * across) * self.size

    def blob(self, x: float, y: float, rx: float, ry: float, fill: Colour | None = None, *, angle: float = 0.0) -> None:
        """An outlined ellipse with a lighter side where the light falls."""
        tint = fill or self.main
        radii = rx * self.size * self.stretch, ry * self.size
        turn = self.flip * angle + math.degrees(self.lean)
        ellipse(self.image, self.at(x, y), radii, tint, self.edge, angle=turn)
        lit = self.at(x - 0.18 * rx * self.flip, y - 0.22 * ry)
        ellipse(self.image, lit, (radii[0] * 0.62, radii[1] * 0.58), mix(tint, WHITE, 0.22), angle=turn)

    def shape(self, points: Sequence[Point], fill: Colour | None = None) -> None:
        """An outlined polygon."""
        polygon(self.image, [self.at(x, y) for x, y in points], fill or self.main, self.edge)

    def limb(self, start: Point, end: Point, width: float, fill: Colour | None = None) -> None:
        """An outlined bar."""
        first, last = ((round(x), round(y)) for x, y in (self.at(*start), self.at(*end)))
        thick = max(2, round(width * self.size))
        cv2.line(self.image, first, last, self.edge, thick + 5, cv2.LINE_AA)
        cv2.line(self.image, first, last, fill or self.main, thick, cv2.LINE_AA)


def eyes(rng: np.random.Generator, brush: Brush, x: float, y: float, *, gap: float, radius: float) -> None:
    """A pair of eyes around (x, y): round, fierce or shut."""
    mood = int(rng.integers(4))
    for side in (-1, 1):
        at = x + side * gap, y
        r = radius * brush.size
        if mood == 3:
            cv2.ellipse(
                brush.image,
                tuple(round(v) for v in brush.at(*at)),
                (round(r), round(r * 0.7)),
                0,
                180,
                360,
                INK,
                4,
                cv2.LINE_AA,
            )
            continue
        ellipse(brush.image, brush.at(*at), (r, r * 1.15), WHITE, INK)
        ellipse(brush.image, brush.at(at[0] + 0.2 * radius, at[1] + 0.1 * radius), (r * 0.62, r * 0.8), brush.eye)
        ellipse(brush.image, brush.at(at[0] + 0.2 * radius, at[1] + 0.15 * radius), (r * 0.34, r * 0.5), INK)
        ellipse(brush.image, brush.at(at[0] - 0.1 * radius, at[1] - 0.4 * radius), (r * 0.25, r * 0.25), WHITE)
        if mood == 1:
            brush.limb(
                (at[0] - side * radius, at[1] - radius * 0.7),
                (at[0] + side * radius, at[1] - radius * 1.5),
                radius * 0.25,
            )


def mouth(rng: np.random.Generator, brush: Brush, x: float, y: float, width: float) -> None:
    """A smile, an open mouth with teeth, or a beak."""
    centre = tuple(round(v) for v in brush.at(x, y))
    axes = round(width * brush.size), round(width * 0.6 * brush.size)
    kind = int(rng.integers(3))
    if kind == 0:
        cv2.ellipse(brush.image, centre, axes, 0, 10, 170, INK, 4, cv2.LINE_AA)
    elif kind == 1:
        cv2.ellipse(brush.image, centre, axes, 0, 0, 180, (120, 30, 40), -1, cv2.LINE_AA)
        for side in (-0.6, 0.6):
            brush.shape(
                [(x + width * (side - 0.2), y), (x + width * (side + 0.2), y), (x + width * side, y + width * 0.4)],
                WHITE,
            )
    else:
        brush.shape([(x - width, y - width * 0.4), (x + width, y - width * 0.4), (x, y + width * 0.8)], (244, 176, 60))


def crown(rng: np.random.Generator, brush: Brush, x: float, y: float, reach: float) -> None:
    """Ears, horns, a crest, feelers or a leaf on a head whose top is at (x, y)."""
    kind = int(rng.integers(6))
    if kind < 3:
        tall, wide = float(rng.uniform(0.5, 1.5)) * reach, float(rng.uniform(0.25, 0.5)) * reach
        for side in (-1, 1):
            foot, tip = x + side * reach * 0.6, (x + side * reach * float(rng.uniform(0.6, 1.3)), y - tall)
            brush.shape(
                [(foot - wide, y + wide), tip, (foot + wide, y + wide)], (None, brush.second, (236, 226, 200))[kind]
            )
    elif kind == 3:
        for step in range(-2, 3):
            brush.shape(
                [
                    (x + (step - 0.7) * 0.3 * reach, y + 0.15),
                    (x + step * 0.38 * reach, y - reach * (0.9 - 0.15 * abs(step))),
                    (x + (step + 0.7) * 0.3 * reach, y + 0.15),
                ],
                brush.second,
            )
    elif kind == 4:
        for side in (-1, 1):
            end = x + side * reach * 0.7, y - reach * 0.9
            brush.limb((x + side * 0.1, y + 0.05), end, 0.03, brush.edge)
            brush.blob(*end, 0.09, 0.09, brush.second)
    else:
        for angle in (-50, 0, 50):
            brush.blob(
                x + reach * 0.5 * np.sin(np.radians(angle)),
                y - reach * 0.45 * np.cos(np.radians(angle)),
                reach * 0.2,
                reach * 0.5,
                brush.second,
                angle=float(angle),
            )


def markings(rng: np.random.Generator, brush: Brush, x: float, y: float, *, rx: float, ry: float) -> None:
    """A belly, stripes or spots on a body, or nothing."""
    kind = int(rng.integers(4))
    if kind == 0:
        brush.blob(x, y + 0.2 * ry, rx * 0.6, ry * 0.62, mix(brush.second, WHITE, 0.45))
    elif kind == 1:
        for step in (-0.5, 0.0, 0.5):
            brush.shape(
                [
                    (x + step * rx - 0.05, y - ry * 0.85),
                    (x + step * rx + 0.07, y - ry * 0.85),
                    (x + step * rx, y - ry * 0.15),
                ],
                brush.second,
            )
    elif kind == 2:
        for _ in range(7):
            spot = brush.at(x + float(rng.uniform(-0.6, 0.6)) * rx, y + float(rng.uniform(-0.6, 0.6)) * ry)
            radius = float(rng.uniform(0.04, 0.1)) * brush.size
            ellipse(brush.image, spot, (radius, radius), brush.second)


def tail(rng: np.random.Generator, brush: Brush, x: float, y: float) -> None:
    """A bushy, knobbed, jagged or beaded tail that begins at (x, y)."""
    kind, lift = int(rng.integers(4)), float(rng.uniform(0.2, 0.8))
    end = x - 0.5, y - lift
    if kind == 0:
        brush.blob(x - 0.32, y - 0.5 * lift, 0.16, 0.42, brush.second, angle=-35)
    elif kind == 1:
        brush.limb((x, y), end, 0.1)
        brush.blob(*end, 0.16, 0.16, brush.second)
    elif kind == 2:
        brush.shape(
            [(x, y - 0.1), (x - 0.35, y - lift), (x - 0.3, y - 0.6 * lift), (x - 0.75, y - lift), (x - 0.1, y + 0.15)],
            brush.second,
        )
    else:
        for step in range(5):
            share = step / 4
            brush.blob(x - 0.55 * share, y - lift * share**2, 0.15 - 0.02 * step, 0.15 - 0.02 * step)


def wing(rng: np.random.Generator, brush: Brush, x: float, y: float, side: int) -> None:
    """A wing from (x, y) to one side."""
    span, tall = float(rng.uniform(0.6, 1.0)), float(rng.uniform(0.4, 0.9))
    feathers = int(rng.integers(2, 5))
    points = [(x, y), (x + side * span * 0.7, y - tall)]
    for step in range(feathers):
        share = step / feathers
        points += [
            (x + side * span * (1 - 0.5 * share), y - tall * (0.7 - 0.9 * share)),
            (x + side * span * (0.7 - 0.5 * share), y - tall * (0.5 - 0.8 * share)),
        ]
    brush.shape(points, brush.second)
