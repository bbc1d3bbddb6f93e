"""People and things for the cards that show no creature."""

from __future__ import annotations

import cv2
import numpy as np

from synth.draw import INK, WHITE, Image, colour, ellipse, mix, polygon


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


def _face(
    rng: np.random.Generator,
    image: Image,
    head: tuple[float, float],
    size: float,
    skin: tuple[int, int, int],
    *,
    hair: tuple[int, int, int],
) -> None:
    polygon(
        image,
        [
            (head[0] + px * size, head[1] + py * size)
            for px, py in ((-0.12, 0.2), (0.12, 0.2), (0.14, 0.55), (-0.14, 0.55))
        ],
        mix(skin, INK, 0.2),
    )
    ellipse(image, head, (0.33 * size, 0.4 * size), skin, mix(skin, INK, 0.6))
    spikes = int(rng.integers(4, 9))
    fringe = [
        (head[0] + 0.4 * size * float(np.cos(a)), head[1] - 0.45 * size * float(np.sin(a)))
        for a in np.linspace(0, np.pi, 12)
    ]
    jag = [
        (
            head[0] + (-0.36 + 0.72 * (k + 0.5) / spikes) * size,
            head[1] - (0.05 + 0.2 * (k % 2) + 0.05 * float(rng.random())) * size,
        )
        for k in range(spikes)
    ]
    polygon(image, fringe + jag, hair, mix(hair, INK, 0.6))
    eye = colour(float(rng.random()), 0.7, 0.5)
    for side in (-1, 1):
        at = head[0] + side * 0.14 * size, head[1] + 0.08 * size
        ellipse(image, at, (0.07 * size, 0.075 * size), WHITE, INK)
        ellipse(image, at, (0.045 * size, 0.06 * size), eye)
    mouth = int(head[0]), int(head[1] + 0.22 * size)
    cv2.ellipse(image, mouth, (int(0.09 * size), int(0.05 * size)), 0, 10, 170, (110, 40, 40), 3, cv2.LINE_AA)


def thing(rng: np.random.Generator, image: Image, x: float, y: float, size: float) -> None:
    """A tool, a bottle, a gem or a machine, about `2 * size` pixels across, around (x, y)."""
    tint = colour(float(rng.random()), float(rng.uniform(0.4, 0.9)), float(rng.uniform(0.5, 0.9)))
    metal, edge = mix((190, 196, 206), tint, 0.15), mix(tint, INK, 0.75)
    ellipse(image, (x, y + 0.95 * size), (0.7 * size, 0.12 * size), mix(edge, (80, 80, 80), 0.5))
    kind = int(rng.integers(4))
    if kind == 0:
        polygon(
            image,
            [
                (x - 0.5 * size, y + 0.9 * size),
                (x - 0.55 * size, y),
                (x - 0.18 * size, y - 0.35 * size),
                (x + 0.18 * size, y - 0.35 * size),
                (x + 0.55 * size, y),
                (x + 0.5 * size, y + 0.9 * size),
            ],
            tint,
            edge,
        )
        polygon(
            image,
            [(x + px * size, y + py * size) for px, py in ((-0.2, -0.9), (0.2, -0.9), (0.18, -0.35), (-0.18, -0.35))],
            metal,
            edge,
        )
        ellipse(image, (x - 0.22 * size, y + 0.35 * size), (0.1 * size, 0.35 * size), mix(tint, WHITE, 0.6))
    elif kind == 1:
        points = [
            (x + r * size * float(np.cos(a)), y + r * size * float(np.sin(a)))
            for k, a in enumerate(np.linspace(0, 2 * np.pi, 32, endpoint=False))
            for r in (0.9 if k % 4 < 2 else 0.7,)
        ]
        polygon(image, points, metal, edge)
        ellipse(image, (x, y), (0.45 * size, 0.45 * size), tint, edge)
        ellipse(image, (x, y), (0.2 * size, 0.2 * size), mix(tint, INK, 0.7), edge)
    elif kind == 2:
        outline = [(-0.6, -0.3), (-0.3, -0.75), (0.3, -0.75), (0.6, -0.3), (0.0, 0.9)]
        polygon(image, [(x + px * size, y + py * size) for px, py in outline], tint, edge)
        for first, second in zip(outline, outline[1:], strict=False):
            facet = [first, second, (0.0, -0.1)]
            polygon(
                image,
                [(x + px * size, y + py * size) for px, py in facet],
                mix(tint, WHITE, float(rng.uniform(0, 0.6))),
                edge,
            )
    else:
        polygon(
            image,
            [(x + px * size, y + py * size) for px, py in ((-0.8, -0.4), (0.5, -0.7), (0.85, 0.5), (-0.5, 0.85))],
            tint,
            edge,
        )
        for _ in range(4):
            at = x + float(rng.uniform(-0.5, 0.5)) * size, y + float(rng.uniform(-0.4, 0.5)) * size
            ellipse(image, at, (0.16 * size, 0.16 * size), mix(metal, WHITE, float(rng.random())), edge)
