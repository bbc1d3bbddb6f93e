"""What the cards of a made picture look like: given pictures, generated cards, and cards of games that do not exist."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from synth.cards import card, draw
from synth.sleeve import SLEEVES, Dressed, dress

Image = NDArray[np.uint8]
Rng = np.random.Generator

WIDTH, HEIGHT = 256, 358


class Faces:
    """A supply of dressed cards. `pictures` are card pictures uint8 RGB (may be empty), `grounds` any pictures.

    Dressing takes longer than showing: `kept` of them are kept, and one is replaced whenever one is taken.
    """

    def __init__(self, pictures: list[Image], grounds: list[Image], kept: int = 500) -> None:
        self._pictures, self._grounds, self._kept = pictures, grounds, kept
        self._supply: list[Dressed] = []

    def refresh(self, rng: Rng) -> None:
        """Make one new card, in the place of an old one once the supply is full."""
        made = self._dressed(rng)
        if len(self._supply) < self._kept:
            self._supply.append(made)
        else:
            self._supply[int(rng.integers(self._kept))] = made

    def take(self, rng: Rng, sleeve: str | None = None) -> Dressed:
        """Any card of the supply, of those in such a sleeve if there are any."""
        if not self._supply:
            self.refresh(rng)
        like = [one for one in self._supply if one.sleeve == sleeve] or self._supply
        return like[int(rng.integers(len(like)))]

    def _dressed(self, rng: Rng) -> Dressed:
        kind = rng.random()
        if kind < 0.3 and self._grounds:
            face = other_game(rng, self._ground(rng), self._ground(rng))
        elif kind < 0.75 and self._pictures:
            face = self._pictures[int(rng.integers(len(self._pictures)))]
        else:
            face = draw(card(int(rng.integers(1_000_000))))
        sleeve = SLEEVES[int(rng.integers(1, len(SLEEVES)))] if rng.random() < 0.62 else "none"
        return dress(face, sleeve, bool(rng.random() < 0.2), rng)

    def _ground(self, rng: Rng) -> Image:
        return self._grounds[int(rng.integers(len(self._grounds)))]


def other_game(rng: Rng, art: Image, paper: Image) -> Image:
    """A card of no game that exists, or its back: border, art, bars, text in any colours; uint8 RGB [358, 256, 3]."""
    border = _tone(rng, dark=rng.random() < 0.55)
    face = np.full((HEIGHT, WIDTH, 3), border, np.uint8)
    rim = round(WIDTH * float(rng.choice([0.0, rng.uniform(0.025, 0.075)])))
    inner = face[rim : HEIGHT - rim, rim : WIDTH - rim]
    if rng.random() < 0.25:
        _back(rng, inner, art)
        return face
    rows, columns = inner.shape[:2]
    inner[:] = _crop(rng, paper, rows, columns) if rng.random() < 0.5 else _tone(rng, dark=False)
    top, bottom = round(rows * float(rng.uniform(0.02, 0.12))), round(rows * float(rng.uniform(0.45, 0.95)))
    edge = round(columns * float(rng.uniform(0.0, 0.08)))
    inner[top:bottom, edge : columns - edge] = _crop(rng, art, bottom - top, columns - 2 * edge)
    if rng.random() < 0.6:
        cv2.rectangle(inner, (edge, top), (columns - edge - 1, bottom), _tone(rng, dark=rng.random() < 0.7), 2)
    ink = _tone(rng, dark=True)
    _text(rng, inner, ink, 1, left=4, bottom=max(6, top - 3), width=columns - 8)
    if bottom < rows * 0.85:
        box = inner[bottom + 4 : rows - 8, edge + 2 : columns - edge - 2]
        if rng.random() < 0.6:
            box[:] = _tone(rng, dark=False)
        _text(rng, box, ink, int(rng.integers(2, 9)), left=6, bottom=box.shape[0] - 4, width=box.shape[1] - 12)
    return face


def _back(rng: Rng, inner: Image, art: Image) -> None:
    """A back looks the same upside down."""
    rows, columns = inner.shape[:2]
    inner[:] = _crop(rng, art, rows, columns) if rng.random() < 0.5 else _tone(rng, dark=rng.random() < 0.6)
    centre = columns // 2, rows // 2
    for share in np.sort(rng.uniform(0.15, 0.95, int(rng.integers(1, 4))))[::-1]:
        axes = round(columns / 2 * float(share)), round((rows if rng.random() < 0.5 else columns) / 2 * float(share))
        thick = -1 if rng.random() < 0.6 else int(rng.integers(2, 10))
        cv2.ellipse(inner, centre, axes, 0, 0, 360, _tone(rng, dark=bool(rng.random() < 0.4)), thick, cv2.LINE_AA)
    if rng.random() < 0.7:
        half = inner[: rows // 2]
        inner[rows - rows // 2 :] = half[::-1, ::-1]


def _text(rng: Rng, image: Image, ink: tuple[int, int, int], lines: int, *, left: int, bottom: int, width: int) -> None:
    step = max(8, bottom // max(1, lines))
    for line in range(lines):
        y = 4 + line * step + step // 2
        if y >= image.shape[0] or width < 12:
            return
        end = left + round(width * float(rng.uniform(0.4, 1)))
        x = left
        while x < end:
            word = int(rng.integers(4, 22))
            cv2.line(image, (x, y), (min(end, x + word), y), ink, int(rng.integers(2, 5)))
            x += word + 4


def _tone(rng: Rng, dark: bool) -> tuple[int, int, int]:
    low, high = (0, 70) if dark else (120, 255)
    tone = rng.integers(low, high, 3) if rng.random() < 0.6 else np.full(3, rng.integers(low, high))
    return int(tone[0]), int(tone[1]), int(tone[2])


def _crop(rng: Rng, image: Image, rows: int, columns: int) -> Image:
    """Any part of a picture, at `rows` x `columns`."""
    if rows < 1 or columns < 1:
        return np.zeros((max(0, rows), max(0, columns), 3), np.uint8)
    height, width = image.shape[:2]
    share = float(rng.uniform(0.25, 0.9))
    tall = max(2, round(min(height, width * rows / columns) * share))
    wide = max(2, min(width, round(tall * columns / rows)))
    y, x = int(rng.integers(height - tall + 1)), int(rng.integers(width - wide + 1))
    return np.asarray(
        cv2.resize(image[y : y + tall, x : x + wide], (columns, rows), interpolation=cv2.INTER_AREA), np.uint8
    )
