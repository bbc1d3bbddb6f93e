"""Invented creatures: body plans drawn at random from the parts in `synth.anatomy`."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from synth.anatomy import Brush, crown, eyes, markings, mouth, tail, wing
from synth.draw import INK, WHITE, Image, colour, ellipse, mix, polygon


def creature(rng: np.random.Generator, image: Image, x: float, y: float, size: float) -> None:
    """Draws a creature about `2 * size` pixels across around (x, y) into `image`."""
    hue = float(rng.random())
    vivid = float(rng.uniform(0.25, 0.85))
    main = colour(hue, vivid, float(rng.uniform(0.5, 0.95)))
    second = colour(hue + float(rng.choice([0.08, 0.33, 0.5, 0.62])), vivid * 0.8, float(rng.uniform(0.6, 1.0)))
    eye = colour(float(rng.random()), 0.8, 0.6)
    flip = 1 if rng.random() < 0.5 else -1
    lean, stretch = float(rng.normal(0, 0.16)), float(rng.uniform(0.78, 1.3))
    brush = Brush(image, x, y, size, flip, lean, stretch, main, second, eye)
    _aura(rng, brush)
    _PLANS[int(rng.integers(len(_PLANS)))](rng, brush)
    _sparks(rng, brush)


def _aura(rng: np.random.Generator, brush: Brush) -> None:
    """Now and then a ring or a jagged glow behind the creature."""
    kind, tint = int(rng.integers(6)), mix(brush.second, WHITE, 0.4)
    radius = float(rng.uniform(0.9, 1.3)) * brush.size
    if kind == 0:
        for share in (1.0, 0.9):
            ellipse(
                brush.image,
                (brush.x, brush.y),
                (radius * share, radius * share),
                tint if share == 1.0 else mix(tint, WHITE, 0.5),
            )
    elif kind == 1:
        angles = np.linspace(0, 2 * np.pi, 2 * int(rng.integers(7, 15)), endpoint=False)
        spans = radius * np.where(np.arange(len(angles)) % 2, 0.72, rng.uniform(0.95, 1.35, len(angles)))
        polygon(
            brush.image, np.stack([brush.x + spans * np.cos(angles), brush.y + spans * np.sin(angles)], axis=1), tint
        )


def _sparks(rng: np.random.Generator, brush: Brush) -> None:
    """Now and then flakes, sparks or bubbles in front of it."""
    kind, tint = int(rng.integers(5)), mix(brush.second, WHITE, 0.6)
    for _ in range(int(rng.integers(6, 18)) if kind < 3 else 0):
        x, y = (float(v) for v in rng.uniform(-1.5, 1.5, 2))
        reach = float(rng.uniform(0.03, 0.09))
        if kind == 0:
            brush.shape([(x, y - reach * 2), (x + reach, y), (x, y + reach * 2), (x - reach, y)], tint)
        elif kind == 1:
            brush.limb((x, y), (x + 4 * reach, y - 2 * reach), 0.03, tint)
        else:
            brush.blob(x, y, reach, reach, tint)


def _walker(rng: np.random.Generator, brush: Brush) -> None:
    rx, ry = float(rng.uniform(0.45, 0.65)), float(rng.uniform(0.26, 0.42))
    leg = float(rng.uniform(0.3, 0.55))
    tail(rng, brush, -rx * 0.8, 0.1)
    for x in (-0.6, -0.25, 0.3, 0.62):
        brush.limb((x * rx, 0.25), (x * rx + 0.03, 0.25 + leg), float(rng.uniform(0.12, 0.2)))
        brush.blob(x * rx + 0.06, 0.27 + leg, 0.11, 0.07, brush.second)
    if rng.random() < 0.3:
        wing(rng, brush, -0.1, -0.1, -1)
    brush.blob(0.0, 0.15, rx, ry)
    markings(rng, brush, 0.0, 0.15, rx=rx, ry=ry)
    head = float(rng.uniform(0.26, 0.4))
    hx, hy = rx * 0.85, -0.3
    crown(rng, brush, hx, hy - head * 0.8, head)
    brush.blob(hx, hy, head * 1.1, head)
    brush.blob(hx + head * 0.75, hy + head * 0.3, head * 0.5, head * 0.38, mix(brush.main, WHITE, 0.35))
    eyes(rng, brush, hx + 0.15 * head, hy - 0.12 * head, gap=head * 0.42, radius=head * 0.22)
    ellipse(brush.image, brush.at(hx + head * 1.1, hy + head * 0.2), (head * 9, head * 7), INK)


def _stander(rng: np.random.Generator, brush: Brush) -> None:
    rx, ry = float(rng.uniform(0.3, 0.5)), float(rng.uniform(0.4, 0.55))
    if rng.random() < 0.5:
        tail(rng, brush, -rx * 0.7, 0.5)
    if rng.random() < 0.4:
        for side in (-1, 1):
            wing(rng, brush, side * rx * 0.6, 0.1, side)
    for side in (-1, 1):
        brush.blob(side * rx * 0.55, 0.8, 0.2, 0.13, brush.second)
        brush.limb(
            (side * rx * 0.8, 0.1), (side * (rx + float(rng.uniform(0.1, 0.35))), float(rng.uniform(-0.2, 0.5))), 0.15
        )
    brush.blob(0.0, 0.32, rx, ry)
    markings(rng, brush, 0.0, 0.32, rx=rx, ry=ry)
    head = float(rng.uniform(0.34, 0.5))
    crown(rng, brush, 0.0, -0.35 - head * 0.7, head)
    brush.blob(0.0, -0.35, head * float(rng.uniform(0.95, 1.25)), head)
    eyes(rng, brush, 0.0, -0.38, gap=head * 0.45, radius=head * float(rng.uniform(0.18, 0.28)))
    mouth(rng, brush, 0.0, -0.35 + head * 0.4, head * 0.25)


def _flier(rng: np.random.Generator, brush: Brush) -> None:
    for side in (-1, 1):
        wing(rng, brush, side * 0.15, 0.0, side)
    for side in (-1, 1):
        brush.shape([(side * 0.05, 0.4), (side * 0.3, 0.95), (side * 0.02, 0.8)], brush.second)
    brush.blob(0.0, 0.15, 0.28, 0.42, angle=float(rng.uniform(-20, 20)))
    markings(rng, brush, 0.0, 0.2, rx=0.28, ry=0.42)
    crown(rng, brush, 0.0, -0.55, 0.25)
    brush.blob(0.0, -0.35, 0.27, 0.25)
    eyes(rng, brush, 0.0, -0.4, gap=0.12, radius=0.075)
    mouth(rng, brush, 0.0, -0.25, 0.1)


def _serpent(rng: np.random.Generator, brush: Brush) -> None:
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
    crown(rng, brush, 0.65, -0.35 - head, head)
    brush.blob(0.68, -0.35, head * 1.2, head)
    eyes(rng, brush, 0.72, -0.42, gap=head * 0.45, radius=head * 0.25)
    mouth(rng, brush, 0.8, -0.25, head * 0.35)


def _swimmer(rng: np.random.Generator, brush: Brush) -> None:
    rx, ry = float(rng.uniform(0.5, 0.7)), float(rng.uniform(0.25, 0.5))
    brush.shape([(-rx * 0.8, 0.0), (-rx - 0.45, -0.4), (-rx - 0.25, 0.0), (-rx - 0.45, 0.4)], brush.second)
    fin = float(rng.uniform(0.25, 0.6))
    brush.shape([(-0.4 * rx, -ry * 0.7), (-0.2, -ry - fin), (0.5 * rx, -ry * 0.7)], brush.second)
    brush.shape([(-0.2 * rx, ry * 0.7), (-0.25, ry + fin * 0.7), (0.3 * rx, ry * 0.7)], brush.second)
    brush.blob(0.0, 0.0, rx, ry)
    markings(rng, brush, -0.1, 0.0, rx=rx * 0.8, ry=ry)
    eyes(rng, brush, rx * 0.55, -ry * 0.2, gap=0.13, radius=0.1)
    mouth(rng, brush, rx * 0.75, ry * 0.3, 0.1)


def _golem(rng: np.random.Generator, brush: Brush) -> None:
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
    eyes(rng, brush, 0.0, -0.45, gap=0.13, radius=0.08)


def _spirit(rng: np.random.Generator, brush: Brush) -> None:
    lobes, wobble = int(rng.integers(5, 14)), float(rng.uniform(0.05, 0.3))
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    spans = 0.62 * (
        1 + wobble * np.cos(lobes * angles + float(rng.uniform(0, 6))) * np.clip(np.sin(angles) + 0.6, 0, 1)
    )
    brush.shape([(float(r * np.cos(a)), float(r * np.sin(a) * 1.1)) for a, r in zip(angles, spans, strict=True)])
    crown(rng, brush, 0.0, -0.55, 0.4)
    markings(rng, brush, 0.0, 0.25, rx=0.42, ry=0.36)
    eyes(rng, brush, 0.0, -0.15, gap=0.22, radius=float(rng.uniform(0.1, 0.18)))
    mouth(rng, brush, 0.0, 0.15, 0.16)
    for _ in range(int(rng.integers(0, 6))):
        brush.blob(float(rng.uniform(-1, 1)), float(rng.uniform(-0.9, 0.9)), 0.08, 0.08, brush.second)


def _bloom(rng: np.random.Generator, brush: Brush) -> None:
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
    eyes(rng, brush, 0.0, -0.27, gap=0.15, radius=0.09)
    mouth(rng, brush, 0.0, -0.06, 0.12)


def _beetle(rng: np.random.Generator, brush: Brush) -> None:
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
    crown(rng, brush, 0.0, -0.58, 0.32)
    eyes(rng, brush, 0.0, -0.42, gap=0.17, radius=0.09)


_PLANS: tuple[Callable[[np.random.Generator, Brush], None], ...] = (
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
