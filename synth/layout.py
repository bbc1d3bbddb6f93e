"""The frames of the cards: where the art, the name, the attacks and the small print go, in the style of a set.

The canvas is 512 x 716 pixels, twice the size of the finished picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from synth.content import Attack, Content
from synth.draw import (
    BOLD,
    INK,
    PLAIN,
    SERIF,
    WHITE,
    Colour,
    Image,
    blend_field,
    box,
    colour,
    ellipse,
    mix,
    polygon,
    shade,
    soft_noise,
    text,
)
from synth.elements import ELEMENTS, Element, draw_symbol

WIDTH, HEIGHT = 512, 716

_BORDERS: tuple[Colour, ...] = (
    (196, 200, 204),
    (250, 214, 70),
    (34, 34, 38),
    (236, 234, 230),
    (176, 152, 96),
    (70, 92, 150),
    (200, 204, 208),
)


_PATTERNED = 0.3
"""How many cards repeat their symbol all over the body, as reverse foils do."""


@dataclass(frozen=True, slots=True)
class Style:
    """What all cards of a set have in common: border, geometry and lettering. Sizes in canvas pixels."""

    border: Colour
    rim: int
    window_top: int
    window_height: int
    window_side: int
    font: int
    name_bar: int
    panel: int
    pale: float
    texture: int
    seal: Colour
    seal_points: int

    @property
    def window(self) -> tuple[int, int, int, int]:
        """The art window as x, y, width, height."""
        side = self.rim + self.window_side
        return side, self.window_top, WIDTH - 2 * side, self.window_height


def style(rng: np.random.Generator) -> Style:
    """The look of one set."""
    return Style(
        border=_BORDERS[int(rng.integers(len(_BORDERS)))],
        rim=int(rng.choice([14, 18, 22, 26])),
        window_top=int(rng.integers(70, 84)),
        window_height=int(rng.integers(240, 320)),
        window_side=int(rng.choice([6, 14, 22, 30])),
        font=int(rng.choice([BOLD, BOLD, SERIF])),
        name_bar=int(rng.integers(4)),
        panel=int(rng.integers(3)),
        pale=float(rng.uniform(0.02, 0.42)),
        texture=int(rng.integers(3)),
        seal=colour(float(rng.random()), 0.6, 0.5),
        seal_points=int(rng.integers(3, 8)),
    )


def base(rng: np.random.Generator, look: Style, body: Colour, element: Element) -> Image:
    """An empty card: a border and a body with some texture."""
    light, dark = mix(body, WHITE, look.pale), mix(body, INK, float(rng.uniform(0.0, 0.38)))
    down, across = np.linspace(-1, 1, 90, dtype=np.float32)[:, None], np.linspace(-1, 1, 64, dtype=np.float32)
    share = 0.45 + soft_noise(rng, 90, 64, int(rng.integers(3, 12))) * 0.4
    canvas = blend_field(
        HEIGHT, WIDTH, light, dark, share + rng.uniform(-0.4, 0.4) * down + rng.uniform(-0.4, 0.4) * across
    )
    if look.texture == 1:
        for x in range(-HEIGHT, WIDTH, 34):
            cv2.line(canvas, (x, HEIGHT), (x + HEIGHT, 0), mix(light, WHITE, 0.25), 5, cv2.LINE_AA)
    if rng.random() < _PATTERNED:
        step, tint = int(rng.integers(48, 110)), mix(light, WHITE, float(rng.uniform(0.1, 0.5)))
        for row, y in enumerate(range(0, HEIGHT, step)):
            for x in range((row % 2) * step // 2, WIDTH, step):
                polygon(canvas, np.asarray(element.symbol) * step * 0.3 + np.array([x, y]), tint)
    rim(canvas, look)
    return canvas


def rim(canvas: Image, look: Style) -> None:
    """The border of the card with a thin line of light inside."""
    half = look.rim // 2
    cv2.rectangle(canvas, (half, half), (WIDTH - 1 - half, HEIGHT - 1 - half), look.border, look.rim)
    inner = look.rim
    cv2.rectangle(canvas, (inner, inner), (WIDTH - 1 - inner, HEIGHT - 1 - inner), mix(look.border, WHITE, 0.5), 2)


def window(canvas: Image, look: Style, art: Image) -> None:
    """The art, in its frame."""
    x, y, width, height = look.window
    canvas[y : y + height, x : x + width] = art
    cv2.rectangle(canvas, (x, y), (x + width, y + height), mix(look.border, INK, 0.55), 7)
    cv2.rectangle(canvas, (x, y), (x + width, y + height), mix(look.border, WHITE, 0.55), 3)


def _name_bar(canvas: Image, look: Style) -> Colour:
    """The ground that the name stands on, in the style of the set; returns the ink to write with."""
    corner, plate = look.rim, mix(look.border, WHITE, 0.4)
    if look.name_bar == 1:
        box(canvas, corner + 4, corner + 4, WIDTH - 2 * corner - 8, 40, fill=plate, radius=14)
    elif look.name_bar == 2:
        polygon(canvas, [(corner, corner), (WIDTH * 0.62, corner), (WIDTH * 0.56, 64), (corner, 64)], plate)
    elif look.name_bar == 3:
        shade(canvas, corner, corner, WIDTH - 2 * corner, 46, tint=INK, share=0.75)
        return WHITE
    return WHITE if look.name_bar and sum(plate) < 420 else INK


def title(
    canvas: Image, look: Style, name: str, points: int, element: Element | None, *, stage: str, bare: bool
) -> None:
    """Stage, name, hit points and symbol on top; `bare` writes straight on the picture, with a halo."""
    left, base_line = look.rim + 14, 56
    halo = WHITE if bare else None
    ink = INK if bare else _name_bar(canvas, look)
    if stage:
        box(canvas, left - 4, look.rim + 2, 82, 18, fill=mix(look.border, WHITE, 0.4), radius=8)
        text(canvas, stage, (left + 37, look.rim + 16), 0.42, INK, font=BOLD, thickness=1, align="centre")
        left += 70 if look.name_bar != 0 else 40
        base_line += 2
    text(canvas, name, (left, base_line), 1.08, ink, font=look.font, thickness=2, fit=290, halo=halo)
    if element is not None:
        draw_symbol(canvas, element, WIDTH - look.rim - 28, 46, 21)
        wide = text(
            canvas,
            str(points),
            (WIDTH - look.rim - 56, base_line),
            1.05,
            ink,
            font=BOLD,
            thickness=2,
            align="right",
            halo=halo,
        )
        text(
            canvas,
            "HP",
            (WIDTH - look.rim - 60 - wide, base_line),
            0.45,
            ink,
            font=BOLD,
            thickness=1,
            align="right",
            halo=halo,
        )


def caption(canvas: Image, look: Style, words: str) -> None:
    """The strip of small print under the art."""
    x, y, width, height = look.window
    top = y + height + 2
    polygon(
        canvas,
        [(x + 14, top), (x + width - 14, top), (x + width - 26, top + 20), (x + 26, top + 20)],
        mix(look.border, WHITE, 0.35),
    )
    text(canvas, words, (x + width / 2, top + 15), 0.36, INK, font=PLAIN, thickness=1, align="centre", fit=width - 60)


def wrap(words: str, columns: int) -> list[str]:
    """The words in lines of at most `columns` letters."""
    lines: list[str] = [""]
    for word in words.split():
        if len(lines[-1]) + len(word) + 1 > columns and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def attacks(canvas: Image, look: Style, lines: tuple[Attack, ...], top: int, bottom: int, *, bare: bool) -> None:
    """The attacks between two heights: cost, name, damage, rules text."""
    left, right = look.rim + 16, WIDTH - look.rim - 20
    halo, ink = (WHITE if bare else None), INK
    if not bare and look.panel == 1:
        shade(canvas, look.rim + 8, top - 8, WIDTH - 2 * look.rim - 16, bottom - top + 12, tint=WHITE, share=0.45)
    blocks = [(attack, wrap(attack.rules, 54) if attack.rules else []) for attack in lines]
    room = (bottom - top - 46 * len(blocks)) // 19 // len(blocks)
    blocks = [(attack, rules[: max(0, room)]) for attack, rules in blocks]
    used = sum(40 + 19 * len(rules) for _, rules in blocks)
    gap = max(6, min(44, (bottom - top - used) // (len(blocks) + 1)))
    y = top + gap
    for number, (attack, rules) in enumerate(blocks):
        for slot, element in enumerate(attack.cost):
            draw_symbol(canvas, element, left + 14 + 31 * slot, y + 16, 14)
        name_at = max(left + 40 + 31 * len(attack.cost), 150 if look.panel != 2 else 0)
        text(canvas, attack.name, (name_at, y + 25), 0.82, ink, font=look.font, thickness=2, fit=240, halo=halo)
        if attack.damage:
            text(
                canvas, str(attack.damage), (right, y + 26), 0.98, ink, font=BOLD, thickness=2, align="right", halo=halo
            )
        for row, line in enumerate(rules):
            text(
                canvas, line, (left, y + 52 + 19 * row), 0.47, ink, font=PLAIN, thickness=1, fit=right - left, halo=halo
            )
        y += 40 + 19 * len(rules) + gap
        if number + 1 < len(blocks) and look.panel == 0:
            cv2.line(canvas, (left, y - gap // 2), (right, y - gap // 2), mix(look.border, INK, 0.4), 1, cv2.LINE_AA)


def foot(rng: np.random.Generator, canvas: Image, look: Style, content: Content, *, number: str, set_id: str) -> None:
    """Weakness and retreat, the set's symbol, the number, the illustrator, two lines of story."""
    left, right, y = look.rim + 12, WIDTH - look.rim - 12, HEIGHT - look.rim - 62
    cv2.line(canvas, (left, y - 2), (right, y - 2), mix(look.border, INK, 0.3), 2, cv2.LINE_AA)
    shade(canvas, left, y, right - left, 20, tint=WHITE, share=0.5)
    text(canvas, "weakness", (left + 6, y + 14), 0.38)
    draw_symbol(canvas, content.weakness, left + 78, y + 10, 9)
    text(canvas, "x2", (left + 90, y + 15), 0.42, INK, font=BOLD)
    text(canvas, "retreat", (left + 250, y + 14), 0.38)
    for slot in range(content.retreat):
        draw_symbol(canvas, ELEMENTS[-1], left + 312 + 22 * slot, y + 10, 9)
    seal(canvas, look, left + 14, y + 38)
    box(canvas, left + 32, y + 30, 44, 16, fill=WHITE, radius=3)
    text(canvas, set_id.upper(), (left + 54, y + 42), 0.36, INK, font=BOLD, thickness=1, align="centre", fit=40)
    text(canvas, number, (left + 84, y + 43), 0.48, INK, font=BOLD, halo=WHITE)
    draw_symbol(canvas, ELEMENTS[int(rng.choice([5, 7, 8]))], left + 178, y + 37, 7, flat=True)
    for row, line in enumerate(wrap(content.story, 44)[:2]):
        text(
            canvas,
            line,
            (right, y + 36 + 15 * row),
            0.37,
            INK,
            font=PLAIN,
            thickness=1,
            align="right",
            fit=260,
            halo=mix(WHITE, look.border, 0.2),
        )


def seal(canvas: Image, look: Style, x: float, y: float) -> None:
    """The symbol of the set."""
    angles = np.linspace(0, 2 * np.pi, look.seal_points, endpoint=False) - np.pi / 2
    polygon(canvas, np.stack([x + 13 * np.cos(angles), y + 13 * np.sin(angles)], axis=1), look.seal, WHITE)
    ellipse(canvas, (x, y), (4, 4), WHITE)
