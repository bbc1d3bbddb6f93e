"""Where cards lie in a made picture: scattered, in rows and pages, in piles and fans, held up, as a scan.

A layout is a list of card outlines [4, 2] in pixels of a square picture, clockwise from the card's own top-left corner,
the lowest first. The camera looks at the table from anywhere above it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from synth.pose import Pose, pose_quad
from vision.quad import CARD_ASPECT

Quads = list[NDArray[np.float32]]
Rng = np.random.Generator

SMALLEST, LARGEST = 0.032, 0.82
"""Width of a card in shares of the picture."""


def layout(rng: Rng, side: int) -> Quads:
    """A random layout for a picture of `side` x `side` pixels; one in twelve is empty."""
    kind = _KINDS[int(rng.choice(len(_KINDS), p=_SHARES))]
    return [quad for quad in kind(rng, float(side)) if _reasonable(quad)]


def _reasonable(quad: NDArray[np.float32]) -> bool:
    edges = np.roll(quad, -1, axis=0) - quad
    turns = edges[:, 0] * np.roll(edges[:, 1], -1) - edges[:, 1] * np.roll(edges[:, 0], -1)
    return bool(np.isfinite(quad).all() and (turns > 0).all() and np.linalg.norm(edges, axis=1).min() > 5)


def _rect(x: float, y: float, width: float, angle: float) -> NDArray[np.float64]:
    turn = np.radians(angle)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (width / 2, width / CARD_ASPECT / 2)
    c, s = np.cos(turn), np.sin(turn)
    return np.asarray(corners @ np.array([[c, s], [-s, c]]) + (x, y), np.float64)


def _camera(rng: Rng, side: float, steepest: float) -> NDArray[np.float64]:
    """The homography of a table tilted by up to `steepest` degrees and seen from one to three picture sides away."""
    tilt, turn, distance = np.radians(rng.uniform(0, steepest)), rng.uniform(0, 2 * np.pi), rng.uniform(1.0, 3.0)
    c, s = np.cos(turn), np.sin(turn)
    spin = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    middle, back = np.eye(3), np.eye(3)
    middle[:2, 2], back[:2, 2] = -side / 2, side / 2
    lean = np.array([[1, 0, 0], [0, np.cos(tilt), 0], [0, np.sin(tilt) / (distance * side), 1]])
    return np.asarray(back @ spin.T @ lean @ spin @ middle, np.float64)


def _seen(quads: list[NDArray[np.float64]], camera: NDArray[np.float64]) -> Quads:
    seen = []
    for quad in quads:
        points = np.concatenate([quad, np.ones((4, 1))], axis=1) @ camera.T
        if (points[:, 2] > 0.2).all():
            seen.append(np.asarray(points[:, :2] / points[:, 2:], np.float32))
    return seen


def _angle(rng: Rng) -> float:
    """Most cards lie about straight, some sideways or upside down, some anyhow."""
    if rng.random() < 0.35:
        return float(rng.uniform(0, 360))
    return float(rng.choice([0, 0, 0, 0, 90, 180, 270]) + rng.normal(0, 8))


def _wide(rng: Rng, low: float = SMALLEST, high: float = LARGEST) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _scattered(rng: Rng, side: float) -> Quads:
    """One to nine cards of about one size, or of any."""
    placed: list[tuple[float, float, float]] = []
    quads = []
    usual, alike, touching = _wide(rng, SMALLEST, 0.35), rng.random() < 0.6, rng.random() < 0.25
    for _ in range(int(rng.integers(1, 10))):
        width = side * (usual * float(rng.uniform(0.9, 1.1)) if alike else _wide(rng, SMALLEST, 0.45))
        for _ in range(12):
            x, y = (float(v) for v in rng.uniform(-0.05, 1.05, 2) * side)
            if touching or all(np.hypot(x - a, y - b) > 0.8 * (width + w) for a, b, w in placed):
                placed.append((x, y, width))
                quads.append(_rect(x, y, width, _angle(rng)))
                break
    return _seen(quads, _camera(rng, side, 45))


def _page(rng: Rng, side: float) -> Quads:
    """Rows and columns: binder pages, a display, cards laid out for a photo."""
    rows, columns = int(rng.integers(1, 5)), int(rng.integers(2, 6))
    width = side * float(rng.uniform(0.5, 1.3)) / max(columns, rows / CARD_ASPECT)
    across, down = width * (1 + rng.uniform(0.0, 0.35)), width * (1 / CARD_ASPECT + rng.uniform(0.0, 0.35))
    angle, sloppy = _angle(rng), width * float(rng.choice([0.004, 0.04]))
    turn = np.radians(angle)
    x0, y0 = side / 2 + rng.normal(0, 0.1 * side, 2)
    quads = []
    for row in range(rows):
        for column in range(columns):
            dx, dy = (column - (columns - 1) / 2) * across, (row - (rows - 1) / 2) * down
            x = x0 + dx * np.cos(turn) - dy * np.sin(turn) + rng.normal(0, sloppy)
            y = y0 + dx * np.sin(turn) + dy * np.cos(turn) + rng.normal(0, sloppy)
            if rng.random() < 0.93:
                flipped = 180.0 * float(rng.random() < 0.05)
                quads.append(_rect(x, y, width, angle + flipped + float(rng.normal(0, 40 * sloppy / width))))
    return _seen(quads, _camera(rng, side, 40))


def _pile(rng: Rng, side: float) -> Quads:
    """A stack, a fan, a cascade."""
    width, count = side * _wide(rng, 0.1, 0.45), int(rng.integers(2, 7))
    x, y = (float(v) for v in rng.uniform(0.25, 0.75, 2) * side)
    step_x, step_y = (float(v) for v in rng.normal(0, 0.35 * width, 2))
    angle, fan = _angle(rng), float(rng.choice([0.0, rng.normal(0, 14)]))
    quads = [
        _rect(x + k * step_x, y + k * step_y, width, angle + k * fan + float(rng.normal(0, 4))) for k in range(count)
    ]
    return _seen(quads, _camera(rng, side, 45))


def _single(rng: Rng, side: float) -> Quads:
    """One card, held into the camera at some tilt, up to all of the picture."""
    width = side * float(rng.uniform(0.15, 0.75))
    x, y = (float(v) for v in side * (0.5 + rng.normal(0, 0.1, 2)))
    angle = float(rng.normal(0, 15)) if rng.random() < 0.7 else _angle(rng)
    tilt_x, tilt_y = (float(v) for v in np.clip(rng.normal(0, 16, 2), -50, 50))
    return [pose_quad(Pose(x, y, width, angle, tilt_x, tilt_y))]


def _scan(rng: Rng, side: float) -> Quads:
    """A card that fills the picture but for a hair's breadth."""
    height = side * float(rng.uniform(0.93, 1.01))
    x = float(rng.choice([0.5, 0.5 * CARD_ASPECT]))
    quad = _rect(x * side, side / 2, height * CARD_ASPECT, 0) + rng.normal(0, 0.006 * side, (4, 2))
    return [np.asarray(quad, np.float32)]


def _nothing(_rng: Rng, _side: float) -> Quads:
    return []


_KINDS: tuple[Callable[[Rng, float], Quads], ...] = (_scattered, _page, _pile, _single, _scan, _nothing)
_SHARES = (0.36, 0.18, 0.12, 0.21, 0.05, 0.08)
