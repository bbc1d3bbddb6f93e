"""Generated trading cards: any number of them, each from its seed alone, in a layout that everyone knows and in nobody's design."""

from __future__ import annotations

import csv
import functools
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from synth import layout, names
from synth.creatures import creature
from synth.draw import BOLD, INK, PLAIN, WHITE, Image, box, colour, gradient, mix, polygon, shade, soft_noise, text
from synth.elements import ELEMENTS, Element, draw_burst
from synth.layout import HEIGHT, WIDTH, Attack, Style
from synth.people import person, thing
from synth.scenery import scenery

CARD_WIDTH, CARD_HEIGHT = 256, 358
_SET_SIZE = 120
_REPRINT_SHARE = 0.05
_CORNER = 12


@dataclass(frozen=True)
class CardSpec:
    """What is printed on one card.

    `seed` decides everything but the set's look; `reprint_of` is the seed of an earlier card whose name, art and text
    this one shows again, in the frame and with the symbol of its own set.
    """

    id: str
    name: str
    set_id: str
    set_name: str
    number: str
    seed: int
    reprint_of: int | None


def card(seed: int) -> CardSpec:
    """The card of a seed (0 or more). Different seeds give different ids."""
    if seed < 0:
        raise ValueError(f"a card's seed is 0 or more, not {seed}")
    return _spec(seed, seed // _SET_SIZE + 1, seed % _SET_SIZE + 1, _SET_SIZE, None)


def deck(count: int, seed: int = 0) -> list[CardSpec]:
    """`count` cards of several sets, about one in twenty a reprint of an earlier one. Other seeds give other cards."""
    if count < 1 or seed < 0:
        raise ValueError(f"a deck has 1 card or more and a seed of 0 or more, not {count} and {seed}")
    rng = np.random.default_rng((seed, 11))
    sets = max(min(3, count), -(-count // _SET_SIZE))
    size = -(-count // sets)
    cards: list[CardSpec] = []
    for index in range(count):
        earlier = [made for made in cards[: index // size * size] if made.reprint_of is None]
        again = (
            earlier[int(rng.integers(len(earlier)))].seed if earlier and rng.random() < _REPRINT_SHARE * 1.3 else None
        )
        cards.append(_spec(seed * 1_000_003 + index, index // size + 1, index % size + 1, size, again))
    return cards


def _spec(seed: int, set_index: int, number: int, size: int, reprint_of: int | None) -> CardSpec:
    set_id = f"gen{set_index}"
    content = _content(seed if reprint_of is None else reprint_of)
    title = names.set_name(_rng_of_set(set_id))
    return CardSpec(f"{set_id}-{number}", content.name, set_id, title, f"{number:03d}/{size:03d}", seed, reprint_of)


def _rng_of_set(set_id: str) -> np.random.Generator:
    return np.random.default_rng((zlib.crc32(set_id.encode()), 5))


@functools.lru_cache(maxsize=64)
def _style(set_id: str) -> Style:
    return layout.style(_rng_of_set(set_id))


@dataclass(frozen=True, slots=True)
class _Content:
    """What a reprint repeats."""

    kind: str
    name: str
    element: Element
    points: int
    stage: str
    attacks: tuple[Attack, ...]
    weakness: Element
    retreat: int


def _content(seed: int) -> _Content:
    rng = np.random.default_rng((seed, 1))
    kind = str(
        rng.choice(
            ["creature", "creature", "creature", "creature", "creature", "person", "thing", "energy"],
            p=[0.15, 0.15, 0.2, 0.2, 0.12, 0.08, 0.07, 0.03],
        )
    )
    element = ELEMENTS[int(rng.integers(len(ELEMENTS)))]
    name = {"creature": names.creature_name, "person": names.person_name, "thing": names.item_name}.get(
        kind, lambda _: f"{element.name} Energy"
    )(rng)
    lines = []
    for _ in range(int(rng.choice([1, 2], p=[0.35, 0.65]))):
        cost = tuple(element if rng.random() < 0.6 else ELEMENTS[-1] for _ in range(int(rng.integers(1, 4))))
        rules = names.rules_text(rng) if kind != "creature" or rng.random() < 0.6 else ""
        lines.append(Attack(cost, names.attack_name(rng), int(rng.integers(0, 19)) * 10, rules))
    stage = str(rng.choice(["BASIC", "BASIC", "STAGE 1", "STAGE 2"]))
    weakness = ELEMENTS[int(rng.integers(len(ELEMENTS) - 1))]
    return _Content(
        kind, name, element, int(rng.integers(4, 34)) * 10, stage, tuple(lines), weakness, int(rng.integers(4))
    )


def draw(spec: CardSpec) -> Image:
    """The picture of the card, uint8 RGB [358, 256, 3]; white outside its rounded corners, as in the real sources."""
    art_seed = spec.seed if spec.reprint_of is None else spec.reprint_of
    content, look = _content(art_seed), _style(spec.set_id)
    own = np.random.default_rng((spec.seed, 2))
    full = content.kind != "energy" and own.random() < (0.5 if spec.reprint_of is not None else 0.16)
    if content.kind == "energy":
        canvas = _energy(own, look, content, spec)
    elif full:
        canvas = _full_art(own, look, content, spec, art_seed)
    else:
        canvas = _framed(own, look, content, spec, art_seed)
    if own.random() < 0.2:
        _foil(own, canvas)
    small = cv2.resize(canvas, (CARD_WIDTH, CARD_HEIGHT), interpolation=cv2.INTER_AREA)
    small[_outside()] = 255
    return np.asarray(small, np.uint8)


@functools.lru_cache(maxsize=1)
def _outside() -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    mask = np.zeros((CARD_HEIGHT, CARD_WIDTH, 3), np.uint8)
    box(mask, 0, 0, CARD_WIDTH, CARD_HEIGHT, fill=WHITE, radius=_CORNER)
    return mask[..., 0] < 128


def _art(art_seed: int, kind: str, height: int, width: int) -> Image:
    """The picture in the window. The same seed gives the same motif at any size."""
    rng = np.random.default_rng((art_seed, 3))
    image = scenery(rng, height, width)
    size = min(height, width) * float(rng.uniform(0.36, 0.56))
    x, y = width * float(rng.uniform(0.36, 0.64)), height * float(rng.uniform(0.48, 0.62))
    figure = {"creature": creature, "person": person, "thing": thing}[kind]
    if kind == "creature" and rng.random() < 0.15:
        creature(rng, image, width * 0.25, height * 0.6, size * 0.6)
        x = width * 0.7
    figure(rng, image, x, y, size)
    return image


def _framed(rng: np.random.Generator, look: Style, content: _Content, spec: CardSpec, art_seed: int) -> Image:
    living = content.kind == "creature"
    element = (
        content.element
        if living
        else Element("", colour(0.55 if content.kind == "thing" else 0.06, 0.25, 0.8), content.element.symbol)
    )
    canvas = layout.base(rng, look, element)
    _, _, width, height = look.window
    layout.window(canvas, look, _art(art_seed, content.kind, height, width))
    bottom = look.window_top + look.window_height
    if living:
        layout.title(canvas, look, content.name, content.points, content.element, stage=content.stage, bare=False)
        layout.caption(
            canvas,
            look,
            f"No. {art_seed % 997:04d}  {content.element.name} creature  height {content.points / 70:.1f} m",
        )
        layout.attacks(canvas, look, content.attacks, bottom + 28, HEIGHT - look.rim - 70, bare=False)
    else:
        _role(canvas, look, content, bare=False)
        _paragraph(canvas, look, content, bottom + 26)
    layout.foot(
        rng,
        canvas,
        look,
        spec.number,
        spec.set_id,
        words=names.rules_text(rng),
        weakness=content.weakness,
        retreat=content.retreat,
    )
    return canvas


def _full_art(rng: np.random.Generator, look: Style, content: _Content, spec: CardSpec, art_seed: int) -> Image:
    canvas = _art(art_seed, content.kind, HEIGHT, WIDTH)
    thin = Style(**{**{f: getattr(look, f) for f in look.__slots__}, "rim": 10})
    if look.panel == 1:
        shade(canvas, 12, 430, WIDTH - 24, 206, tint=WHITE, share=0.55)
    layout.rim(canvas, thin)
    if content.kind == "creature":
        layout.title(canvas, thin, content.name, content.points, content.element, stage=content.stage, bare=True)
        layout.attacks(canvas, thin, content.attacks, 440, HEIGHT - 80, bare=True)
    else:
        _role(canvas, thin, content, bare=True)
        _paragraph(canvas, thin, content, 470)
    layout.foot(
        rng,
        canvas,
        thin,
        spec.number,
        spec.set_id,
        words=names.rules_text(rng),
        weakness=content.weakness,
        retreat=content.retreat,
    )
    return canvas


def _role(canvas: Image, look: Style, content: _Content, bare: bool) -> None:
    layout.title(canvas, look, content.name, 0, None, stage="", bare=bare)
    word = "HELPER" if content.kind == "person" else "ITEM"
    box(canvas, WIDTH - look.rim - 128, look.rim + 6, 116, 30, fill=mix(look.seal, WHITE, 0.2), radius=10)
    text(canvas, word, (WIDTH - look.rim - 70, look.rim + 29), 0.72, WHITE, font=BOLD, thickness=2, align="centre")


def _paragraph(canvas: Image, look: Style, content: _Content, top: int) -> None:
    left, width = look.rim + 14, WIDTH - 2 * look.rim - 28
    shade(canvas, left, top, width, HEIGHT - look.rim - 76 - top, tint=WHITE, share=0.72)
    words = " ".join(attack.rules for attack in content.attacks)
    for row, line in enumerate(layout.wrap(words, 44)):
        text(canvas, line, (left + 14, top + 36 + 25 * row), 0.58, INK, font=PLAIN, thickness=1, fit=width - 28)


def _energy(rng: np.random.Generator, look: Style, content: _Content, spec: CardSpec) -> Image:
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
    text(canvas, spec.number, (look.rim + 48, HEIGHT - look.rim - 20), 0.5, INK, font=BOLD, halo=WHITE)
    return canvas


def _foil(rng: np.random.Generator, canvas: Image) -> None:
    """Soft rainbow bands over the picture."""
    phase = soft_noise(rng, 45, 32, 4) * 1.5 + np.linspace(0, float(rng.uniform(1, 3)), 45, dtype=np.float32)[:, None]
    waves = np.stack([np.sin(2 * np.pi * (phase + shift)) for shift in (0.0, 1 / 3, 2 / 3)], axis=2)
    glow = (128 + float(rng.uniform(14, 34)) * waves).astype(np.uint8)
    cv2.addWeighted(canvas, 1, cv2.resize(glow, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR), 1, -124, dst=canvas)


def write(folder: Path, count: int, seed: int = 0) -> None:
    """Writes `<id>.jpg` for each card of `deck(count, seed)` and `cards.csv` (file, id, name, set, number) into `folder`."""
    cards = deck(count, seed)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "cards.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["file", "id", "name", "set", "number"])
        for spec in cards:
            file = f"{spec.id}.jpg"
            picture = cv2.cvtColor(draw(spec), cv2.COLOR_RGB2BGR)
            if not cv2.imwrite(str(folder / file), picture, [cv2.IMWRITE_JPEG_QUALITY, 92]):
                raise OSError(f"cannot write {folder / file}")
            rows.writerow([file, spec.id, spec.name, spec.set_name, spec.number])
