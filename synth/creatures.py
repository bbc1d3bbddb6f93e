"""Invented creatures made of blobs and polygons: body plans, heads, eyes, limbs and markings drawn at random.

Everything is drawn around the origin in units of the creature's size and moved into the picture by `_Brush`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from synth.draw import INK, WHITE, Colour, Image, Point, colour, ellipse, mix, polygon


@dataclass(frozen=True, slots=True)
class _Brush:
    """Where the creature stands and in which colours; `flip` mirrors it."""

    image: Image
    x: float
    y: float
    size: float
    flip: int
    main: Colour
    second: Colour
    eye: Colour

    @property
    def edge(self) -> Colour:
        return mix(self.main, INK, 0.75)

    def at(self, x: float, y: float) -> Point:
        return self.x + self.flip * x * self.size, self.y + y * self.size

    def blob(self, x: float, y: float, rx: float, ry: float, fill: Colour | None = None, *, angle: float = 0.0) -> None:
        """An outlined ellipse with a lighter side where the light falls."""
        tint = fill or self.main
        radii = rx * self.size, ry * self.size
        ellipse(self.image, self.at(x, y), radii, tint, self.edge, angle=self.flip * angle)
        lit = self.at(x - 0.18 * rx * self.flip, y - 0.22 * ry)
        ellipse(self.image, lit, (radii[0] * 0.62, radii[1] * 0.58), mix(tint, WHITE, 0.22), angle=self.flip * angle)

    def shape(self, points: Sequence[Point], fill: Colour | None = None) -> None:
        polygon(self.image, [self.at(x, y) for x, y in points], fill or self.main, self.edge)

    def limb(self, start: Point, end: Point, width: float, fill: Colour | None = None) -> None:
        first, last = (tuple(round(v) for v in self.at(*p)) for p in (start, end))
        thick = max(2, round(width * self.size))
        cv2.line(self.image, first, last, self.edge, thick + 5, cv2.LINE_AA)
        cv2.line(self.image, first, last, fill or self.main, thick, cv2.LINE_AA)


def creature(rng: np.random.Generator, image: Image, x: float, y: float, size: float) -> None:
    """Draws a creature about `2 * size` pixels across around (x, y) into `image`."""
    hue = float(rng.random())
    vivid = float(rng.uniform(0.25, 0.85))
    main = colour(hue, vivid, float(rng.uniform(0.5, 0.95)))
    second = colour(hue + float(rng.choice([0.08, 0.33, 0.5, 0.62])), vivid * 0.8, float(rng.uniform(0.6, 1.0)))
    eye = colour(float(rng.random()), 0.8, 0.6)
    brush = _Brush(image, x, y, size, 1 if rng.random() < 0.5 else -1, main, second, eye)
    _PLANS[int(rng.integers(len(_PLANS)))](rng, brush)


def _eyes(rng: np.random.Generator, brush: _Brush, x: float, y: float, *, gap: float, radius: float) -> None:
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


def _mouth(rng: np.random.Generator, brush: _Brush, x: float, y: float, width: float) -> None:
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


def _crown(rng: np.random.Generator, brush: _Brush, x: float, y: float, reach: float) -> None:
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


def _markings(rng: np.random.Generator, brush: _Brush, x: float, y: float, *, rx: float, ry: float) -> None:
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


def _tail(rng: np.random.Generator, brush: _Brush, x: float, y: float) -> None:
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


def _wing(rng: np.random.Generator, brush: _Brush, x: float, y: float, side: int) -> None:
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


def _walker(rng: np.random.Generator, brush: _Brush) -> None:
    rx, ry = float(rng.uniform(0.45, 0.65)), float(rng.uniform(0.26, 0.42))
    leg = float(rng.uniform(0.3, 0.55))
    _tail(rng, brush, -rx * 0.8, 0.1)
    for x in (-0.6, -0.25, 0.3, 0.62):
        brush.limb((x * rx, 0.25), (x * rx + 0.03, 0.25 + leg), float(rng.uniform(0.12, 0.2)))
        brush.blob(x * rx + 0.06, 0.27 + leg, 0.11, 0.07, brush.second)
    if rng.random() < 0.3:
        _wing(rng, brush, -0.1, -0.1, -1)
    brush.blob(0.0, 0.15, rx, ry)
    _markings(rng, brush, 0.0, 0.15, rx=rx, ry=ry)
    head = float(rng.uniform(0.26, 0.4))
    hx, hy = rx * 0.85, -0.3
    _crown(rng, brush, hx, hy - head * 0.8, head)
    brush.blob(hx, hy, head * 1.1, head)
    brush.blob(hx + head * 0.75, hy + head * 0.3, head * 0.5, head * 0.38, mix(brush.main, WHITE, 0.35))
    _eyes(rng, brush, hx + 0.15 * head, hy - 0.12 * head, gap=head * 0.42, radius=head * 0.22)
    ellipse(brush.image, brush.at(hx + head * 1.1, hy + head * 0.2), (head * 9, head * 7), INK)


def _stander(rng: np.random.Generator, brush: _Brush) -> None:
    rx, ry = float(rng.uniform(0.3, 0.5)), float(rng.uniform(0.4, 0.55))
    if rng.random() < 0.5:
        _tail(rng, brush, -rx * 0.7, 0.5)
    if rng.random() < 0.4:
        for side in (-1, 1):
            _wing(rng, brush, side * rx * 0.6, 0.1, side)
    for side in (-1, 1):
        brush.blob(side * rx * 0.55, 0.8, 0.2, 0.13, brush.second)
        brush.limb(
            (side * rx * 0.8, 0.1), (side * (rx + float(rng.uniform(0.1, 0.35))), float(rng.uniform(-0.2, 0.5))), 0.15
        )
    brush.blob(0.0, 0.32, rx, ry)
    _markings(rng, brush, 0.0, 0.32, rx=rx, ry=ry)
    head = float(rng.uniform(0.34, 0.5))
    _crown(rng, brush, 0.0, -0.35 - head * 0.7, head)
    brush.blob(0.0, -0.35, head * float(rng.uniform(0.95, 1.25)), head)
    _eyes(rng, brush, 0.0, -0.38, gap=head * 0.45, radius=head * float(rng.uniform(0.18, 0.28)))
    _mouth(rng, brush, 0.0, -0.35 + head * 0.4, head * 0.25)


def _flier(rng: np.random.Generator, brush: _Brush) -> None:
    for side in (-1, 1):
        _wing(rng, brush, side * 0.15, 0.0, side)
    for side in (-1, 1):
        brush.shape([(side * 0.05, 0.4), (side * 0.3, 0.95), (side * 0.02, 0.8)], brush.second)
    brush.blob(0.0, 0.15, 0.28, 0.42, angle=float(rng.uniform(-20, 20)))
    _markings(rng, brush, 0.0, 0.2, rx=0.28, ry=0.42)
    _crown(rng, brush, 0.0, -0.55, 0.25)
    brush.blob(0.0, -0.35, 0.27, 0.25)
    _eyes(rng, brush, 0.0, -0.4, gap=0.12, radius=0.075)
    _mouth(rng, brush, 0.0, -0.25, 0.1)


def _serpent(rng: np.random.Generator, brush: _Brush) -> None:
    waves, thick = float(rng.uniform(0.8, 2.0)), float(rng.uniform(0.16, 0.26))
    spikes = rng.random() < 0.5
    for step in range(26):
        share = step / 25
        x, y = -0.9 + 1.5 * share, 0.75 - 1.1 * share + 0.32 * float(np.sin(waves * 2 * np.pi * share))
        radius = thick * (0.35 + 0.65 * share)
        if spikes and step % 3 == 0:
            brush.shape(
                [(x - 0.08, y - radius * 0.7), (x, y - radius * 1.9), (x + 0.08, y - radius * 0.7)], brush.second
            )
        brush.blob(x, y, radius, radius, brush.second if step % 5 == 2 else None)
    head = thick * 1.5
    _crown(rng, brush, 0.65, -0.35 - head, head)
    brush.blob(0.68, -0.35, head * 1.2, head)
    _eyes(rng, brush, 0.72, -0.42, gap=head * 0.45, radius=head * 0.25)
    _mouth(rng, brush, 0.8, -0.25, head * 0.35)


def _swimmer(rng: np.random.Generator, brush: _Brush) -> None:
    rx, ry = float(rng.uniform(0.5, 0.7)), float(rng.uniform(0.25, 0.5))
    brush.shape([(-rx * 0.8, 0.0), (-rx - 0.45, -0.4), (-rx - 0.25, 0.0), (-rx - 0.45, 0.4)], brush.second)
    fin = float(rng.uniform(0.25, 0.6))
    brush.shape([(-0.4 * rx, -ry * 0.7), (-0.2, -ry - fin), (0.5 * rx, -ry * 0.7)], brush.second)
    brush.shape([(-0.2 * rx, ry * 0.7), (-0.25, ry + fin * 0.7), (0.3 * rx, ry * 0.7)], brush.second)
    brush.blob(0.0, 0.0, rx, ry)
    _markings(rng, brush, -0.1, 0.0, rx=rx * 0.8, ry=ry)
    _eyes(rng, brush, rx * 0.55, -ry * 0.2, gap=0.13, radius=0.1)
    _mouth(rng, brush, rx * 0.75, ry * 0.3, 0.1)


def _golem(rng: np.random.Generator, brush: _Brush) -> None:
    def rock(x: float, y: float, radius: float) -> None:
        angles = np.sort(rng.uniform(0, 2 * np.pi, 7))
        spans = radius * rng.uniform(0.75, 1.1, 7)
        points = [(x + float(r * np.cos(a)), y + float(r * np.sin(a))) for a, r in zip(angles, spans, strict=True)]
        brush.shape(points, mix(brush.main, INK, float(rng.uniform(0, 0.3))))
        brush.shape([points[0], points[1], (x, y)], mix(brush.main, WHITE, 0.35))

    for side in (-1, 1):
        for step in range(3):
            rock(side * (0.55 + 0.1 * step), -0.1 + 0.28 * step, 0.2)
        rock(side * 0.3, 0.75, 0.26)
    cv2.circle(
        brush.image, tuple(round(v) for v in brush.at(0, 0.15)), round(0.42 * brush.size), brush.main, -1, cv2.LINE_AA
    )
    rock(0.0, 0.2, 0.58)
    rock(0.0, -0.45, 0.4)
    brush.blob(0.0, -0.45, 0.27, 0.2, brush.second)
    _eyes(rng, brush, 0.0, -0.45, gap=0.13, radius=0.08)


def _spirit(rng: np.random.Generator, brush: _Brush) -> None:
    lobes, wobble = int(rng.integers(5, 14)), float(rng.uniform(0.05, 0.3))
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    spans = 0.62 * (
        1 + wobble * np.cos(lobes * angles + float(rng.uniform(0, 6))) * np.clip(np.sin(angles) + 0.6, 0, 1)
    )
    brush.shape([(float(r * np.cos(a)), float(r * np.sin(a) * 1.1)) for a, r in zip(angles, spans, strict=True)])
    _crown(rng, brush, 0.0, -0.55, 0.4)
    _markings(rng, brush, 0.0, 0.25, rx=0.42, ry=0.36)
    _eyes(rng, brush, 0.0, -0.15, gap=0.22, radius=float(rng.uniform(0.1, 0.18)))
    _mouth(rng, brush, 0.0, 0.15, 0.16)
    for _ in range(int(rng.integers(0, 6))):
        brush.blob(float(rng.uniform(-1, 1)), float(rng.uniform(-0.9, 0.9)), 0.08, 0.08, brush.second)


def _bloom(rng: np.random.Generator, brush: _Brush) -> None:
    petals, long = int(rng.integers(5, 11)), float(rng.uniform(0.3, 0.5))
    brush.limb((0.0, 0.1), (0.05, 1.0), 0.12, (90, 150, 70))
    for side in (-1, 1):
        brush.blob(side * 0.35, 0.75, 0.34, 0.13, (104, 168, 78), angle=side * -25.0)
    for step in range(petals):
        angle = 2 * np.pi * step / petals
        brush.blob(
            0.48 * float(np.cos(angle)),
            -0.2 + 0.48 * float(np.sin(angle)),
            long,
            0.17,
            brush.second,
            angle=float(np.degrees(angle)),
        )
    brush.blob(0.0, -0.2, 0.38, 0.36)
    _eyes(rng, brush, 0.0, -0.27, gap=0.15, radius=0.09)
    _mouth(rng, brush, 0.0, -0.06, 0.12)


def _beetle(rng: np.random.Generator, brush: _Brush) -> None:
    for y in (-0.05, 0.25, 0.55):
        for side in (-1, 1):
            knee = side * 0.75, y - 0.15
            brush.limb((side * 0.3, y), knee, 0.06, brush.edge)
            brush.limb(knee, (side * 0.9, y + 0.2), 0.05, brush.edge)
    brush.blob(0.0, 0.3, 0.5, 0.6)
    brush.limb((0.0, -0.2), (0.0, 0.85), 0.02, brush.edge)
    for side in (-1, 1):
        for _ in range(3):
            brush.blob(side * float(rng.uniform(0.12, 0.3)), float(rng.uniform(-0.05, 0.7)), 0.09, 0.09, brush.second)
    brush.blob(0.0, -0.4, 0.33, 0.26, brush.second)
    _crown(rng, brush, 0.0, -0.58, 0.32)
    _eyes(rng, brush, 0.0, -0.42, gap=0.17, radius=0.09)


_PLANS: tuple[Callable[[np.random.Generator, _Brush], None], ...] = (
    _walker,
    _stander,
    _flier,
    _serpent,
    _swimmer,
    _golem,
    _spirit,
    _bloom,
    _beetle,
    _walker,
    _stander,
)
