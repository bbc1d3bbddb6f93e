"""The elements of the generated game: a colour and a symbol each."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from synth.draw import INK, WHITE, Colour, Image, ellipse, mix, polygon


@dataclass(frozen=True, slots=True)
class Element:
    """A kind of creature: the name on energy cards, the body colour of the card, and the outline of its symbol.

    `symbol` holds the corners of a polygon within -1..1, y down.
    """

    name: str
    colour: Colour
    symbol: tuple[tuple[float, float], ...]


def _star(points: int, inner: float, turn: float = 0.0) -> tuple[tuple[float, float], ...]:
    angles = np.arange(points * 2) * np.pi / points - np.pi / 2 + turn
    radii = np.where(np.arange(points * 2) % 2 == 0, 1.0, inner)
    return tuple((float(r * np.cos(a)), float(r * np.sin(a))) for r, a in zip(radii, angles, strict=True))


ELEMENTS = (
    Element(
        "Ember", (226, 92, 52), ((0, -1), (0.6, -0.1), (0.7, 0.5), (0.2, 1), (-0.4, 0.9), (-0.7, 0.3), (-0.3, -0.2))
    ),
    Element("Tide", (72, 158, 220), ((0, -1), (0.65, 0.2), (0.5, 0.8), (0, 1), (-0.5, 0.8), (-0.65, 0.2))),
    Element("Leaf", (120, 184, 70), ((0.9, -0.9), (0.7, 0.4), (0, 0.8), (-0.8, 0.9), (-0.75, 0), (-0.2, -0.7))),
    Element("Volt", (244, 204, 48), ((0.3, -1), (-0.6, 0.15), (0, 0.15), (-0.3, 1), (0.65, -0.25), (0.05, -0.25))),
    Element("Mind", (170, 104, 184), _star(8, 0.45)),
    Element("Stone", (196, 132, 72), ((-0.5, -0.9), (0.5, -0.8), (1, 0), (0.5, 0.9), (-0.6, 0.8), (-1, -0.1))),
    Element(
        "Shade",
        (62, 78, 92),
        ((0.2, -1), (-0.3, -0.4), (-0.2, 0.4), (0.6, 0.9), (-0.4, 0.9), (-0.9, 0.1), (-0.5, -0.8)),
    ),
    Element("Alloy", (158, 172, 180), _star(6, 0.7)),
    Element("Wyrm", (186, 158, 66), _star(4, 0.35)),
    Element("Plain", (222, 214, 204), _star(6, 0.3)),
)


def draw_symbol(image: Image, element: Element, x: float, y: float, radius: float, *, flat: bool = False) -> None:
    """The element's symbol in a disc; `flat` leaves the disc out."""
    dark = sum(element.colour) < 280
    if not flat:
        ellipse(image, (x, y), (radius, radius), mix(element.colour, INK, 0.45))
        ellipse(image, (x, y), (radius * 0.88, radius * 0.88), mix(element.colour, WHITE, 0.15))
    points = np.asarray(element.symbol) * radius * (0.62 if not flat else 1.0) + (x, y)
    polygon(image, points, WHITE if dark else INK)


def draw_burst(image: Image, element: Element, x: int, y: int, radius: int) -> None:
    """The large relief symbol of an energy card."""
    for share, tint in (
        (1.0, mix(element.colour, INK, 0.55)),
        (0.94, mix(element.colour, WHITE, 0.75)),
        (0.86, element.colour),
    ):
        cv2.circle(image, (x, y), round(radius * share), tint, -1, cv2.LINE_AA)
    cv2.ellipse(
        image,
        (x, y - radius // 3),
        (round(radius * 0.6), round(radius * 0.36)),
        0,
        0,
        360,
        mix(element.colour, WHITE, 0.4),
        -1,
        cv2.LINE_AA,
    )
    offset = radius * 0.03
    points = np.asarray(element.symbol) * radius * 0.58
    polygon(image, points + np.array([x + offset, y + offset]), mix(element.colour, INK, 0.7))
    polygon(image, points + np.array([x - offset, y - offset]), mix(element.colour, WHITE, 0.9))
