"""The faces of the cards: art in a frame, art over the whole card, people and things, energy."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from synth import layout
from synth.content import Content
from synth.creatures import creature
from synth.draw import BOLD, INK, PLAIN, WHITE, Image, box, gradient, mix, polygon, shade, soft_noise, text
from synth.elements import draw_burst
from synth.layout import HEIGHT, WIDTH, Style
from synth.people import person, thing
from synth.scenery import scenery

_FULL_ART, _FULL_ART_AGAIN, _TALL_ART, _FOIL = 0.26, 0.5, 0.25, 0.2
"""Shares: of cards with art all over, the same of reprints, of framed cards with a taller window, of shiny cards."""


def face(rng: np.random.Generator, look: Style, content: Content, number: str, set_id: str, *, again: bool) -> Image:
    """The whole card, uint8 RGB [716, 512, 3]; `again` for a reprint. `rng` decides what a reprint does not repeat."""
    full = rng.random() < (_FULL_ART_AGAIN if again else _FULL_ART)
    if content.kind == "energy":
        canvas = _energy(rng, look, content, number)
    elif full:
        canvas = _full_art(rng, look, content, number, set_id)
    else:
        canvas = _framed(rng, look, content, number, set_id)
    if rng.random() < _FOIL:
        _foil(rng, canvas)
    return canvas


def _art(content: Content, height: int, width: int) -> Image:
    """The picture in the window: the same motif at any size."""
    rng = np.random.default_rng((content.seed, 3))
    image = scenery(rng, height, width)
    size = min(height, width) * float(rng.uniform(0.36, 0.56))
    x, y = width * float(rng.uniform(0.36, 0.64)), height * float(rng.uniform(0.48, 0.62))
    figure = {"creature": creature, "person": person, "thing": thing}[content.kind]
    if content.kind == "creature" and rng.random() < 0.15:
        creature(rng, image, width * 0.25, height * 0.6, size * 0.6)
        x = width * 0.7
    figure(rng, image, x, y, size)
    return image


def _framed(rng: np.random.Generator, look: Style, content: Content, number: str, set_id: str) -> Image:
    living = content.kind == "creature"
    body = content.element.colour if living else mix(content.element.colour, (190, 190, 196), 0.7)
    if rng.random() < _TALL_ART:
        look = dataclasses.replace(look, window_height=look.window_height + int(rng.integers(50, 110)))
    canvas = layout.base(rng, look, body, content.element)
    _, _, width, height = look.window
    layout.window(canvas, look, _art(content, height, width))
    bottom = look.window_top + look.window_height
    if living:
        layout.title(canvas, look, content.name, content.points, content.element, stage=content.stage, bare=False)
        words = f"No. {content.seed % 997:04d}  {content.element.name} creature  height {content.points / 70:.1f} m"
        layout.caption(canvas, look, words)
        layout.attacks(canvas, look, content.attacks, bottom + 28, HEIGHT - look.rim - 70, bare=False)
    else:
        _role(canvas, look, content, bare=False)
        _paragraph(canvas, look, content, bottom + 26)
    layout.foot(rng, canvas, look, content, number=number, set_id=set_id)
    return canvas


def _full_art(rng: np.random.Generator, look: Style, content: Content, number: str, set_id: str) -> Image:
    canvas = _art(content, HEIGHT, WIDTH)
    thin = dataclasses.replace(look, rim=10)
    if look.panel == 1:
        shade(canvas, 12, 430, WIDTH - 24, 206, tint=WHITE, share=0.55)
    layout.rim(canvas, thin)
    if content.kind == "creature":
        layout.title(canvas, thin, content.name, content.points, content.element, stage=content.stage, bare=True)
        layout.attacks(canvas, thin, content.attacks, 440, HEIGHT - 80, bare=True)
    else:
        _role(canvas, thin, content, bare=True)
        _paragraph(canvas, thin, content, 470)
    layout.foot(rng, canvas, thin, content, number=number, set_id=set_id)
    return canvas


def _role(canvas: Image, look: Style, content: Content, bare: bool) -> None:
    layout.title(canvas, look, content.name, 0, None, stage="", bare=bare)
    word = "HELPER" if content.kind == "person" else "ITEM"
    box(canvas, WIDTH - look.rim - 128, look.rim + 6, 116, 30, fill=mix(look.seal, WHITE, 0.2), radius=10)
    text(canvas, word, (WIDTH - look.rim - 70, look.rim + 29), 0.72, WHITE, font=BOLD, thickness=2, align="centre")


def _paragraph(canvas: Image, look: Style, content: Content, top: int) -> None:
    left, width = look.rim + 14, WIDTH - 2 * look.rim - 28
    shade(canvas, left, top, width, HEIGHT - look.rim - 76 - top, tint=WHITE, share=0.5)
    words = " ".join(dict.fromkeys(attack.rules for attack in content.attacks))
    for row, line in enumerate(layout.wrap(words, 44)):
        text(canvas, line, (left + 14, top + 36 + 25 * row), 0.58, INK, font=PLAIN, thickness=1, fit=width - 28)


def _energy(rng: np.random.Generator, look: Style, content: Content, number: str) -> Image:
    element = content.element
    canvas = gradient(HEIGHT, WIDTH, mix(element.colour, WHITE, 0.55), mix(element.colour, INK, 0.25))
    rays = int(rng.integers(8, 20))
    for ray in range(rays):
        a, b = (np.array([ray, ray + 0.5]) * 2 * np.pi / rays).tolist()
        corner = [(256 + 700 * float(np.cos(t)), 360 + 700 * float(np.sin(t))) for t in (a, b)]
        polygon(canvas, [(256.0, 360.0), *corner], mix(element.colour, WHITE, 0.3))
    draw_burst(canvas, element, 256, 360, int(rng.integers(130, 190)))
    layout.rim(canvas, look)
    layout.title(canvas, look, content.name, 0, None, stage="", bare=True)
    layout.seal(canvas, look, look.rim + 26, HEIGHT - look.rim - 26)
    text(canvas, number, (look.rim + 48, HEIGHT - look.rim - 20), 0.5, INK, font=BOLD, halo=WHITE)
    return canvas


def _foil(rng: np.random.Generator, canvas: Image) -> None:
    """Soft rainbow bands over the picture."""
    phase = soft_noise(rng, 45, 32, 4) * 1.5 + np.linspace(0, float(rng.uniform(1, 3)), 45, dtype=np.float32)[:, None]
    waves = np.stack([np.sin(2 * np.pi * (phase + shift)) for shift in (0.0, 1 / 3, 2 / 3)], axis=2)
    glow = (128 + float(rng.uniform(10, 28)) * waves).astype(np.uint8)
    cv2.addWeighted(canvas, 1, cv2.resize(glow, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR), 1, -124, dst=canvas)
