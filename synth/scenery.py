"""What lies behind the creature on a card: a dozen kinds of places and patterns, drawn at random."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from synth.draw import WHITE, Colour, Image, blend_field, colour, ellipse, gradient, mix, polygon, soft_noise

Painter = Callable[[np.random.Generator, int, int], Image]


def scenery(rng: np.random.Generator, height: int, width: int) -> Image:
    """A background uint8 RGB [height, width, 3]."""
    return _PAINTERS[int(rng.integers(len(_PAINTERS)))](rng, height, width)


def _tone(rng: np.random.Generator, saturation: float, value: float, hue: float | None = None) -> Colour:
    base = float(rng.random()) if hue is None else hue + float(rng.normal(0, 0.04))
    return colour(base, saturation + float(rng.normal(0, 0.12)), value + float(rng.normal(0, 0.08)))


def _sky(rng: np.random.Generator, height: int, width: int) -> Image:
    hue = float(rng.choice([0.55, 0.6, 0.05, 0.9, 0.48, 0.68]))
    top, low = _tone(rng, 0.6, 0.85, hue), _tone(rng, 0.3, 0.95, hue + float(rng.normal(0, 0.12)))
    if rng.random() < 0.25:
        top, low = mix(top, (16, 14, 52), 0.8), mix(low, (60, 30, 90), 0.6)
    image = gradient(height, width, top, low, 1.2)
    if rng.random() < 0.6:
        place = float(rng.uniform(0.1, 0.9) * width), float(rng.uniform(0.08, 0.4) * height)
        radius = float(rng.uniform(0.05, 0.14) * width)
        ellipse(image, place, (radius * 1.35, radius * 1.35), mix(low, WHITE, 0.3))
        ellipse(image, place, (radius, radius), mix((255, 240, 190), _tone(rng, 0.4, 1.0), 0.3))
    for _ in range(int(rng.integers(0, 6))):
        x, y = rng.uniform(0, width), rng.uniform(0, 0.45 * height)
        for _ in range(4):
            at = float(x + rng.normal(0, 0.05 * width)), float(y + rng.normal(0, 0.012 * height))
            ellipse(image, at, (float(rng.uniform(0.04, 0.09) * width), 0.028 * height), mix(low, WHITE, 0.65))
    return image


def _ridge(rng: np.random.Generator, image: Image, base: float, rough: float, fill: Colour, *, sharp: bool) -> None:
    """A hill line at `base` (share of the height) filled down to the lower edge."""
    height, width = image.shape[:2]
    steps = int(rng.integers(5, 11))
    heights = (base + rng.normal(0, rough, steps)) * height
    if sharp:
        x = np.linspace(0, width, steps)
    else:
        heights = cv2.resize(heights.astype(np.float32)[None], (48, 1), interpolation=cv2.INTER_CUBIC)[0]
        x = np.linspace(0, width, 48)
    line = np.stack([x, heights], axis=1)
    polygon(image, np.vstack([line, [[width, height], [0, height]]]), fill)


def _hills(rng: np.random.Generator, height: int, width: int) -> Image:
    image = _sky(rng, height, width)
    hue, sharp = float(rng.choice([0.3, 0.25, 0.1, 0.6, 0.42, 0.0])), bool(rng.random() < 0.4)
    layers = int(rng.integers(2, 5))
    for layer in range(layers):
        depth = (layer + 1) / layers
        fill = mix(_tone(rng, 0.55, 0.7, hue), (200, 215, 235), 0.5 * (1 - depth))
        _ridge(rng, image, 0.35 + 0.4 * depth, 0.07, fill, sharp=sharp and layer < layers - 1)
    dots = _tone(rng, 0.5, 0.95)
    for _ in range(int(rng.integers(0, 60))):
        cv2.circle(image, (int(rng.integers(width)), int(rng.uniform(0.78, 1) * height)), 4, dots, -1, cv2.LINE_AA)
    return image


def _sea(rng: np.random.Generator, height: int, width: int) -> Image:
    image = _sky(rng, height, width)
    horizon = int(rng.uniform(0.35, 0.6) * height)
    near, far = _tone(rng, 0.75, 0.5, 0.57), _tone(rng, 0.5, 0.8, 0.53)
    image[horizon:] = gradient(height - horizon, width, far, near)
    for _ in range(30):
        y = int(horizon + (height - horizon) * rng.random() ** 1.5)
        x, length = int(rng.integers(width)), int(rng.uniform(0.04, 0.2) * width * (y - horizon + 20) / height * 2)
        cv2.line(image, (x, y), (x + length, y), mix(far, WHITE, 0.5), 2, cv2.LINE_AA)
    if rng.random() < 0.5:
        ellipse(image, (float(rng.uniform(0, width)), float(height)), (0.5 * width, 0.16 * height), (230, 206, 150))
    return image


def _forest(rng: np.random.Generator, height: int, width: int) -> Image:
    hue = float(rng.choice([0.3, 0.36, 0.08, 0.75]))
    image = gradient(height, width, _tone(rng, 0.35, 0.85, hue), _tone(rng, 0.6, 0.4, hue))
    pines = rng.random() < 0.5
    for layer in range(3):
        tint = mix(_tone(rng, 0.6, 0.45, hue), (210, 225, 200), 0.45 - 0.2 * layer)
        for _ in range(7 - layer):
            x, wide, base = rng.uniform(0, width), rng.uniform(0.05, 0.1) * width, (0.7 + 0.12 * layer) * height
            top = base - rng.uniform(0.35, 0.65) * height
            if pines:
                for part in range(3):
                    y = top + (base - top) * part / 3
                    span = wide * (0.6 + 0.3 * part)
                    polygon(
                        image, [(x, y), (x + span, y + (base - top) * 0.45), (x - span, y + (base - top) * 0.45)], tint
                    )
            else:
                polygon(image, [(x - wide / 5, 0), (x + wide / 5, 0), (x + wide / 3, base), (x - wide / 3, base)], tint)
                ellipse(image, (float(x), 0.0), (float(wide * 1.6), 0.18 * height), mix(tint, (120, 190, 90), 0.4))
    _ridge(rng, image, 0.86, 0.02, _tone(rng, 0.6, 0.4, hue), sharp=False)
    return image


def _crystals(rng: np.random.Generator, height: int, width: int) -> Image:
    hue = float(rng.random())
    image = gradient(height, width, _tone(rng, 0.7, 0.2, hue), _tone(rng, 0.6, 0.5, hue))
    for _ in range(int(rng.integers(10, 22))):
        x, up = rng.uniform(0, width), rng.random() < 0.5
        foot, tip = (height, height * rng.uniform(0.45, 0.9)) if up else (0.0, height * rng.uniform(0.08, 0.45))
        wide, lean = rng.uniform(0.03, 0.09) * width, rng.normal(0, 0.08) * width
        tint = _tone(rng, 0.5, 0.75, hue + float(rng.choice([0.0, 0.0, 0.3])))
        polygon(image, [(x - wide, foot), (x + lean, tip), (x + wide, foot)], tint)
        polygon(image, [(x, foot), (x + lean, tip), (x + wide, foot)], mix(tint, (10, 10, 40), 0.35))
    return image


def _city(rng: np.random.Generator, height: int, width: int) -> Image:
    image = _sky(rng, height, width)
    hue, lit = float(rng.random()), _tone(rng, 0.45, 1.0, 0.14)
    for layer in range(2):
        x = -int(rng.integers(40))
        while x < width:
            wide, top = (
                int(rng.uniform(0.08, 0.18) * width),
                int(rng.uniform(0.2, 0.65) * height + layer * 0.12 * height),
            )
            tint = mix(_tone(rng, 0.3, 0.55, hue), (60, 60, 90), 0.5 * layer)
            cv2.rectangle(image, (x, top), (x + wide, height), tint, -1)
            for wy in range(top + 10, height - 6, 22):
                for wx in range(x + 8, x + wide - 10, 18):
                    if rng.random() < 0.55:
                        cv2.rectangle(
                            image, (wx, wy), (wx + 8, wy + 11), lit if rng.random() < 0.6 else mix(tint, WHITE, 0.3), -1
                        )
            x += wide + int(rng.integers(0, 26))
    return image


def _space(rng: np.random.Generator, height: int, width: int) -> Image:
    share = soft_noise(rng, 40, 40, 5) * 0.5 + 0.4
    image = blend_field(height, width, _tone(rng, 0.8, 0.15), _tone(rng, 0.7, 0.65), share)
    for _ in range(90):
        at = int(rng.integers(width)), int(rng.integers(height))
        cv2.circle(image, at, int(rng.choice([1, 1, 2, 3])), (250, 245, 230), -1, cv2.LINE_AA)
    radius = float(rng.uniform(0.1, 0.25) * width)
    at_planet = float(rng.uniform(0, width)), float(rng.uniform(0, 0.5) * height)
    ellipse(image, at_planet, (radius, radius), _tone(rng, 0.5, 0.7))
    ellipse(image, at_planet, (radius * 1.7, radius * 0.22), _tone(rng, 0.3, 0.9), angle=float(rng.uniform(-30, 30)))
    return image


def _rays(rng: np.random.Generator, height: int, width: int) -> Image:
    first, second = _tone(rng, 0.7, 0.9), _tone(rng, 0.5, 0.7)
    image = gradient(height, width, first, mix(first, second, 0.5))
    centre = np.array([width * rng.uniform(0.3, 0.7), height * rng.uniform(0.3, 0.8)])
    count, reach, start = int(rng.integers(9, 22)), float(width + height), float(rng.random())
    for ray in range(count):
        a, b = ((ray + start) * 2 * np.pi / count, (ray + start + 0.45) * 2 * np.pi / count)
        points = [
            centre,
            centre + reach * np.array([np.cos(a), np.sin(a)]),
            centre + reach * np.array([np.cos(b), np.sin(b)]),
        ]
        polygon(image, np.array(points), second)
    for ring in range(int(rng.integers(0, 4))):
        cv2.circle(
            image,
            (int(centre[0]), int(centre[1])),
            int((ring + 1) * 0.14 * width),
            mix(first, WHITE, 0.6),
            5,
            cv2.LINE_AA,
        )
    return image


def _tiles(rng: np.random.Generator, height: int, width: int) -> Image:
    first, second, third = (_tone(rng, 0.5, 0.75) for _ in range(3))
    image = np.full((height, width, 3), first, np.uint8)
    step, kind = int(rng.integers(36, 80)), int(rng.integers(4))
    for row, y in enumerate(range(-step, height + step, step)):
        for column, x in enumerate(range(-step, width + step, step)):
            tint = second if (row + column) % 2 else third
            if kind == 0:
                polygon(image, [(x, y), (x + step, y), (x, y + step)], tint)
            elif kind == 1:
                ellipse(image, (x + step / 2 * (row % 2), float(y)), (step * 0.36, step * 0.36), tint)
            elif kind == 2:
                polygon(image, [(x, y - step / 2), (x + step / 2, y), (x, y + step / 2), (x - step / 2, y)], tint)
            else:
                polygon(
                    image,
                    [(x, y), (x + step / 2, y + step / 2), (x + step, y), (x + step, y + step / 3), (x, y + step / 3)],
                    tint,
                )
    return image


def _deep(rng: np.random.Generator, height: int, width: int) -> Image:
    image = gradient(height, width, _tone(rng, 0.5, 0.85, 0.5), _tone(rng, 0.85, 0.3, 0.6))
    for _ in range(5):
        x, lean = rng.uniform(0, width), rng.normal(0, 0.2) * width
        polygon(
            image,
            [(x, 0), (x + 0.06 * width, 0), (x + lean + 0.16 * width, height), (x + lean, height)],
            mix(_tone(rng, 0.4, 0.8, 0.5), (20, 60, 130), 0.3),
        )
    for _ in range(int(rng.integers(8, 26))):
        at = float(rng.uniform(0, width)), float(rng.uniform(0, height))
        radius = float(rng.uniform(4, 16))
        ellipse(image, at, (radius, radius), (190, 230, 245))
        ellipse(image, at, (radius * 0.75, radius * 0.75), (110, 180, 220))
    for _ in range(int(rng.integers(3, 9))):
        x, tall, tint = rng.uniform(0, width), rng.uniform(0.15, 0.5) * height, _tone(rng, 0.7, 0.7)
        for lean in (-0.06, 0.0, 0.07):
            polygon(image, [(x - 9, height), (x + lean * width, height - tall), (x + 9, height)], tint)
    return image


def _fire(rng: np.random.Generator, height: int, width: int) -> Image:
    hue = float(rng.choice([0.03, 0.03, 0.6, 0.8, 0.33]))
    image = gradient(height, width, _tone(rng, 0.8, 0.25, hue), _tone(rng, 0.9, 0.6, hue))
    for layer in range(3):
        tint = colour(hue + 0.04 * layer, 0.95 - 0.2 * layer, 0.75 + 0.12 * layer)
        xs = np.linspace(-0.05, 1.05, int(rng.integers(9, 17))) * width
        tops = height * (
            0.3
            + 0.2 * layer
            + rng.uniform(0, 0.3, len(xs)) * (np.arange(len(xs)) % 2)
            + 0.08 * rng.normal(size=len(xs))
        )
        polygon(image, np.vstack([np.stack([xs, tops], axis=1), [[width * 1.1, height], [-0.1 * width, height]]]), tint)
    for _ in range(40):
        cv2.circle(
            image,
            (int(rng.integers(width)), int(rng.integers(height))),
            int(rng.integers(2, 5)),
            colour(hue + 0.08, 0.5, 1),
            -1,
        )
    return image


def _brush(rng: np.random.Generator, height: int, width: int) -> Image:
    share = soft_noise(rng, 48, 48, int(rng.integers(3, 8))) * 0.6 + 0.5
    image = blend_field(height, width, _tone(rng, 0.5, 0.9), _tone(rng, 0.6, 0.7), share)
    for _ in range(int(rng.integers(8, 24))):
        start = np.array([rng.uniform(0, width), rng.uniform(0, height)])
        angle, length = rng.uniform(-0.6, 0.6), rng.uniform(0.1, 0.4) * width
        end = start + length * np.array([np.cos(angle), np.sin(angle)])
        cv2.line(
            image,
            tuple(start.astype(int).tolist()),
            tuple(end.astype(int).tolist()),
            _tone(rng, 0.5, 0.85),
            int(rng.integers(4, 28)),
            cv2.LINE_AA,
        )
    return image


_PAINTERS: tuple[Painter, ...] = (
    _hills,
    _hills,
    _sea,
    _forest,
    _crystals,
    _city,
    _space,
    _rays,
    _tiles,
    _deep,
    _fire,
    _brush,
)
