"""Generated trading cards: any number, each from its seed alone, in a familiar layout and in nobody's design."""

from __future__ import annotations

import csv
import functools
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from synth import layout, names
from synth.content import content_of
from synth.draw import WHITE, Image, box
from synth.faces import face
from synth.layout import Style

CARD_WIDTH, CARD_HEIGHT = 256, 358

_SET_SIZE = 120
_REPRINTS = 0.065
"""How many of the cards after the first set are reprints: about one in twenty of all."""
_CORNER_PX = 12


@dataclass(frozen=True)
class CardSpec:
    """Which card it is.

    `seed` decides all but the look, which is the set's; `reprint_of` is the seed of an earlier card whose name, art and
    text this one shows again, in the frame and with the symbol of its own set.
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
    return _spec(seed, seed // _SET_SIZE + 1, seed % _SET_SIZE + 1, _SET_SIZE)


def deck(count: int, seed: int = 0) -> list[CardSpec]:
    """`count` cards of several sets, about one in twenty a reprint of an earlier one; another seed gives others."""
    if count < 1 or seed < 0:
        raise ValueError(f"a deck has 1 card or more and a seed of 0 or more, not {count} and {seed}")
    rng = np.random.default_rng((seed, 11))
    size = -(-count // max(min(3, count), -(-count // _SET_SIZE)))
    cards: list[CardSpec] = []
    for index in range(count):
        earlier = [made.seed for made in cards[: index // size * size] if made.reprint_of is None]
        again = earlier[int(rng.integers(len(earlier)))] if earlier and rng.random() < _REPRINTS else None
        cards.append(_spec(seed * 1_000_003 + index, index // size + 1, index % size + 1, size, again))
    return cards


def _spec(seed: int, set_index: int, number: int, size: int, reprint_of: int | None = None) -> CardSpec:
    set_id = f"gen{set_index}"
    name = content_of(seed if reprint_of is None else reprint_of).name
    set_name = names.set_name(_set_rng(set_id))
    return CardSpec(f"{set_id}-{number}", name, set_id, set_name, f"{number:03d}/{size:03d}", seed, reprint_of)


def _set_rng(set_id: str) -> np.random.Generator:
    return np.random.default_rng((zlib.crc32(set_id.encode()), 5))


@functools.lru_cache(maxsize=64)
def _style(set_id: str) -> Style:
    return layout.style(_set_rng(set_id))


def draw(spec: CardSpec) -> Image:
    """The picture of the card, uint8 RGB [358, 256, 3]; white outside its rounded corners, as in the real sources."""
    again = spec.reprint_of is not None
    content = content_of(spec.seed if spec.reprint_of is None else spec.reprint_of)
    rng = np.random.default_rng((spec.seed, 2))
    canvas = face(rng, _style(spec.set_id), content, spec.number, spec.set_id, again=again)
    picture = np.asarray(cv2.resize(canvas, (CARD_WIDTH, CARD_HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)
    picture[_outside()] = 255
    return picture


@functools.lru_cache(maxsize=1)
def _outside() -> NDArray[np.bool_]:
    mask = np.zeros((CARD_HEIGHT, CARD_WIDTH, 3), np.uint8)
    box(mask, 0, 0, CARD_WIDTH, CARD_HEIGHT, fill=WHITE, radius=_CORNER_PX)
    return mask[..., 0] < 128


def write(folder: Path, count: int, seed: int = 0) -> None:
    """Writes `<id>.jpg` for each card of a deck and `cards.csv` (file, id, name, set, number) into `folder`."""
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
