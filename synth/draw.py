"""Drawing primitives of the card pictures: colours, soft fields, shapes with an outline, text that fits."""

from __future__ import annotations

import colorsys
import functools
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Field = NDArray[np.float32]
Colour = tuple[int, int, int]
Point = tuple[float, float]

WHITE: Colour = (252, 252, 252)
INK: Colour = (24, 22, 26)

BOLD, PLAIN, SERIF = cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_TRIPLEX

_SHIFT = 3


def colour(hue: float, saturation: float, value: float) -> Colour:
    """RGB from hue (turns, any real number), saturation and value (clipped to 0..1)."""
    clipped = min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0)
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, *clipped)
    return round(red * 255), round(green * 255), round(blue * 255)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first` with `share` (0..1) of `second`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def soft_noise(rng: np.random.Generator, height: int, width: int, cells: int) -> Field:
    """Smooth noise [height, width] within -1..1 with about `cells` bumps along the longer side."""
    rows = max(2, round(cells * height / max(height, width)))
    columns = max(2, round(cells * width / max(height, width)))
    grid = rng.uniform(-1.0, 1.0, (rows, columns)).astype(np.float32)
    return np.asarray(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def blend_field(height: int, width: int, first: Colour, second: Colour, share: Field) -> Image:
    """uint8 [height, width, 3]: `first` and `second` mixed by the small field `share` (0..1), scaled up to the size."""
    weight = np.clip(share, 0.0, 1.0)[..., None]
    small = np.array(first, np.float32) * (1 - weight) + np.array(second, np.float32) * weight
    return np.asarray(cv2.resize(small.astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def gradient(height: int, width: int, top: Colour, bottom: Colour, bend: float = 1.0) -> Image:
    """A vertical gradient uint8 [height, width, 3]; `bend` above 1 keeps the top colour longer."""
    ramp = np.linspace(0.0, 1.0, 32, dtype=np.float32) ** np.float32(bend)
    return blend_field(height, width, top, bottom, np.repeat(ramp[:, None], 2, axis=1))


def polygon(image: Image, points: Sequence[Point] | NDArray[Any], fill: Colour, edge: Colour | None = None) -> None:
    """A filled polygon with sub-pixel corners and, if wanted, a drawn outline."""
    corners = np.round(np.asarray(points, np.float32) * (1 << _SHIFT)).astype(np.int32).reshape(-1, 1, 2)
    cv2.fillPoly(image, [corners], fill, cv2.LINE_AA, _SHIFT)
    if edge is not None:
        cv2.polylines(image, [corners], True, edge, 3, cv2.LINE_AA, _SHIFT)


def ellipse(
    image: Image, centre: Point, radii: Point, fill: Colour, edge: Colour | None = None, *, angle: float = 0.0
) -> None:
    """A filled ellipse, `angle` in degrees, with an outline if wanted."""
    x, y = (round(v * (1 << _SHIFT)) for v in centre)
    rx, ry = (max(1, round(v * (1 << _SHIFT))) for v in radii)
    cv2.ellipse(image, (x, y), (rx, ry), angle, 0, 360, fill, -1, cv2.LINE_AA, _SHIFT)
    if edge is not None:
        cv2.ellipse(image, (x, y), (rx, ry), angle, 0, 360, edge, 3, cv2.LINE_AA, _SHIFT)


def box(image: Image, x: int, y: int, width: int, height: int, *, fill: Colour, radius: int = 0) -> None:
    """A filled rectangle with rounded corners."""
    if radius <= 0:
        cv2.rectangle(image, (x, y), (x + width - 1, y + height - 1), fill, -1)
        return
    right, bottom = x + width - 1, y + height - 1
    cv2.rectangle(image, (x + radius, y), (right - radius, bottom), fill, -1)
    cv2.rectangle(image, (x, y + radius), (right, bottom - radius), fill, -1)
    for cx in (x + radius, right - radius):
        for cy in (y + radius, bottom - radius):
            cv2.circle(image, (cx, cy), radius, fill, -1, cv2.LINE_AA)


@functools.lru_cache(maxsize=4096)
def text_width(string: str, scale: float, font: int, thickness: int) -> int:
    """Width in pixels that `text` will take."""
    return int(cv2.getTextSize(string, font, scale, thickness)[0][0])


def text(
    image: Image,
    string: str,
    at: Point,
    scale: float,
    fill: Colour = INK,
    *,
    font: int = PLAIN,
    thickness: int = 1,
    align: str = "left",
    fit: int = 10_000,
    halo: Colour | None = None,
) -> int:
    """Text on a baseline, made smaller where it is wider than `fit` pixels; returns its width in pixels."""
    width = text_width(string, scale, font, thickness)
    if width > fit:
        scale *= fit / width
        width = fit
    x = round(at[0] - {"left": 0.0, "centre": width / 2, "right": float(width)}[align])
    place = (x, round(at[1]))
    if halo is not None:
        cv2.putText(image, string, place, font, scale, halo, thickness + 4, cv2.LINE_AA)
    cv2.putText(image, string, place, font, scale, fill, thickness, cv2.LINE_AA)
    return width


def shade(image: Image, x: int, y: int, width: int, height: int, *, tint: Colour, share: float) -> None:
    """A see-through panel: the rectangle is mixed with `share` (0..1) of `tint` in place."""
    part = image[y : y + height, x : x + width]
    cv2.add(cv2.convertScaleAbs(part, alpha=1 - share), np.array([*tint, 0], np.float64) * share, dst=part)
