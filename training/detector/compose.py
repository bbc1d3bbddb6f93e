"""Makes the pictures that the detector learns from: cards on any ground, in any light, half hidden, with their truth.

A picture is small from the start, as the network sees it, so that a hundred a second can be made.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from synth.hand import GRIPS, Hand, hand
from synth.layers import Layer, layer, paste, shadow, warp
from synth.sleeve import SLEEVES, Dressed
from synth.table import TABLES, table
from synth.things import strew
from training.detector.camera import camera, smeared
from training.detector.faces import Faces
from training.detector.layouts import Rng, layout
from training.detector.lures import around, blanks, papers, pockets
from vision.quad import Quad

Image = NDArray[np.uint8]

_FRESH = 0.3
"""How often a new card is dressed before a picture: dressing takes as long as the rest of the picture."""

_HAND_WIDTH = 128
"""Width of the card that the kept hands are drawn for."""


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A picture uint8 RGB [side, side, 3] and its cards: outer corners [n, 4, 2], share to be seen of each [n], 0..1.

    `seen` [n, 4] says which corners nothing hides. What lies outside of the picture is not seen. `lures` [m, 4, 2] are
    rectangles that are no cards.
    """

    image: Image
    quads: NDArray[np.float32]
    visible: NDArray[np.float32]
    seen: NDArray[np.bool_]
    lures: NDArray[np.float32]


class Composer:
    """Endless pictures of `side` pixels. `pictures`: card pictures; `grounds`: any pictures without cards in them.

    Both are uint8 RGB and may be empty lists: then all cards and tables are generated.
    """

    def __init__(self, side: int, pictures: list[Image], grounds: list[Image]) -> None:
        self._side, self._grounds = side, grounds
        self._faces = Faces(pictures, grounds)
        self._hands: list[Hand] = []

    def make(self, rng: Rng) -> Made:
        """One picture."""
        side = self._side
        if rng.random() < _FRESH:
            self._faces.refresh(rng)
        quads = layout(rng, side)
        lures: list[Quad] = []
        image = self._ground(rng, quads, lures)
        sleeve = None
        if rng.random() < 0.45:
            pockets(rng, image, quads)
            if rng.random() < 0.6:  # whoever fills a page sleeves it from one pack
                sleeve = "glossy" if rng.random() < 0.5 else SLEEVES[int(rng.integers(len(SLEEVES)))]
        order = np.full((side, side), -1, np.int16)
        light = _Streak(rng, side)
        for number, quad in enumerate(quads):
            self._lay(rng, image, order, number=number, quad=quad, light=light, sleeve=sleeve)
        if quads and rng.random() < 0.4:
            self._fingers(rng, image, order, quads)
        if rng.random() < 0.1:
            _strip(rng, image, order)
        beyond = self._beyond(rng, quads)
        order[beyond] = -1
        areas = [max(1.0, float(cv2.contourArea(quad))) for quad in quads]
        counts = np.bincount(order[order >= 0], minlength=len(quads)) if quads else np.zeros(0)
        visible = np.array([min(1.0, count / area) for count, area in zip(counts, areas, strict=True)], np.float32)
        stacked = np.stack(quads).astype(np.float32) if quads else np.zeros((0, 4, 2), np.float32)
        image = camera(rng, image)
        image[beyond] = 0
        return Made(image, stacked, visible, _seen(order, stacked), np.array(lures, np.float32).reshape(-1, 4, 2))

    def _beyond(self, rng: Rng, quads: list[Quad]) -> tuple[slice, slice]:
        """What a picture that is not square leaves black, at its right or bottom; a scan ends where its card ends."""
        start = self._side
        if len(quads) == 1 and np.linalg.norm(quads[0][3] - quads[0][0]) > 0.9 * self._side and rng.random() < 0.6:
            return slice(None), slice(min(start, round(float(quads[0][:, 0].max()) + float(rng.normal(1, 2)))), None)
        if rng.random() < 0.3:
            start = round(start * float(rng.uniform(0.5, 1)))
        beyond = slice(start, None), slice(None)
        return beyond if rng.random() < 0.5 else beyond[::-1]

    def _ground(self, rng: Rng, quads: list[Quad], lures: list[Quad]) -> Image:
        """What the cards lie on; the rectangles that lie there are added to `lures`."""
        side = self._side
        if self._grounds and rng.random() < 0.75:
            image = _part(rng, self._grounds[int(rng.integers(len(self._grounds)))], side)
        else:
            unit = float(rng.uniform(0.15, 0.4)) * side
            image = table(TABLES[int(rng.integers(len(TABLES)))], side, side, unit, rng)
        if rng.random() < 0.45:
            widths = [float(np.linalg.norm(quad[1] - quad[0])) for quad in quads]
            unit = float(np.median(widths)) if widths else 0.2 * side
            unit = max(unit, 0.08 * side) * float(rng.uniform(0.7, 1.4))
            lures += [around(rng, *thing) for thing in strew(image, int(rng.integers(1, 12)), unit, rng)]
        if self._grounds and rng.random() < 0.35:
            lures += papers(rng, image, self._faces, self._grounds)
        if rng.random() < 0.15:
            lures += blanks(rng, image)
        if rng.random() < 0.25:
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.6, 4))), np.uint8)
        gain = rng.uniform(0.4, 1.25)
        return np.asarray(cv2.convertScaleAbs(image, alpha=float(gain), beta=float(rng.uniform(-10, 25))), np.uint8)

    def _lay(
        self,
        rng: Rng,
        image: Image,
        order: NDArray[np.int16],
        *,
        number: int,
        quad: Quad,
        light: _Streak,
        sleeve: str | None,
    ) -> None:
        """One more card on top, in place; `order` holds which card is to be seen at each pixel."""
        dressed = self._faces.take(rng, sleeve)
        width = float(np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])) / 2
        if rng.random() < 0.8:
            reach = width * float(rng.uniform(0.005, 0.09))
            away = rng.normal(0, 0.7, 2) * reach
            paste(image, shadow(quad, float(away[0]), float(away[1]), reach, float(rng.uniform(0.1, 0.7))))
        paste(image, warped(rng, dressed, quad, width))
        light.add(image, quad, dressed.shine * float(rng.uniform(0.2, 1.2)))
        mask = np.zeros(order.shape, np.uint8)
        outer = _outer(dressed, quad)
        cv2.fillConvexPoly(mask, np.round(outer * 16).astype(np.int32), 1, cv2.LINE_8, 4)
        opaque = float(dressed.patch[1, 1, 3] if dressed.margin[0] else 0)
        if opaque > 200:
            order[mask > 0] = -1
        mask[:] = 0
        cv2.fillConvexPoly(mask, np.round(quad * 16).astype(np.int32), 1, cv2.LINE_8, 4)
        order[mask > 0] = number

    def _fingers(self, rng: Rng, image: Image, order: NDArray[np.int16], quads: list[Quad]) -> None:
        """Hands at one or two of the cards, gripping them at an edge or merely near."""
        if len(self._hands) < 24 or rng.random() < 0.005:
            kept = hand(
                GRIPS[int(rng.integers(len(GRIPS)))],
                _HAND_WIDTH,
                int(rng.integers(36)) * 10,
                500,
                int(rng.integers(40)),
            )
            self._hands = [*self._hands[-23:], kept]
        for quad in (quads[int(k)] for k in rng.integers(0, len(quads), int(rng.integers(1, 3)))):
            width = float(np.linalg.norm(quad[1] - quad[0]))
            if width < 0.06 * self._side:
                continue
            held = self._hands[int(rng.integers(len(self._hands)))]
            zoom = width / _HAND_WIDTH * float(rng.uniform(0.8, 1.3))
            side, share = int(rng.integers(4)), float(rng.uniform(0.1, 0.9))
            x, y = quad[side] * share + quad[(side + 1) % 4] * (1 - share) + rng.normal(0, 0.1 * width, 2)
            for part in (held.over, held.under) if rng.random() < 0.3 else (held.over,):
                self._cover(image, order, _zoomed(part, zoom, float(x), float(y)))

    @staticmethod
    def _cover(image: Image, order: NDArray[np.int16], top: Layer) -> None:
        paste(image, top)
        part = top.cut(image.shape[1], image.shape[0])
        if part is not None:
            rows, columns = part.keep.shape[:2]
            order[part.y : part.y + rows, part.x : part.x + columns][part.keep[..., 0] < 60] = -1


def _seen(order: NDArray[np.int16], quads: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether each corner is to be seen, by what lies on top a little inside of it, [n, 4]."""
    inside = np.round(quads * 0.92 + quads.mean(axis=1, keepdims=True) * 0.08).astype(int)
    within = ((inside >= 0) & (inside < order.shape[0])).all(axis=2)
    at = inside.clip(0, order.shape[0] - 1)
    return np.asarray(within & (order[at[..., 1], at[..., 0]] == np.arange(len(quads))[:, None]), np.bool_)


def _outer(dressed: Dressed, quad: Quad) -> NDArray[np.float32]:
    """The sleeve's corners around a card's."""
    (left, top), (columns, rows) = dressed.margin, dressed.card
    card = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    matrix = cv2.getPerspectiveTransform(card, np.asarray(quad, np.float32))
    a, b = left / columns, top / rows
    sleeve = np.array([[[-a, -b], [1 + a, -b], [1 + a, 1 + b], [-a, 1 + b]]], np.float32)
    return np.asarray(cv2.perspectiveTransform(sleeve, matrix)[0], np.float32)


def warped(rng: Rng, dressed: Dressed, quad: Quad, width: float) -> Layer:
    """A dressed card as it stands in the picture, in a light of its own and perhaps moving."""
    patch, scale = dressed.at(max(4.0, width))
    gain = float(np.exp(rng.normal(0, 0.18)))
    slope = rng.uniform(-0.25, 0.25, (2, 2, 1)).astype(np.float32)
    tint = 1 + rng.uniform(-0.08, 0.08, 3).astype(np.float32)
    grid = np.concatenate([gain * (1 + slope) * tint, np.ones((2, 2, 1), np.float32)], axis=2).astype(np.float32)
    rows, columns = patch.shape[:2]
    lit = cv2.multiply(patch, cv2.resize(grid, (columns, rows)), dtype=cv2.CV_8U)
    shown, x, y = warp(np.asarray(lit, np.uint8), dressed.onto(quad, scale))
    return layer(smeared(rng, shown, 0.12 * width) if rng.random() < 0.12 else shown, x, y)


def _zoomed(part: Layer, zoom: float, x: float, y: float) -> Layer:
    rows, columns = (max(1, round(v * zoom)) for v in part.colour.shape[:2])
    resized = [
        np.asarray(cv2.resize(side, (columns, rows), interpolation=cv2.INTER_LINEAR), np.uint8)
        for side in (part.colour, part.keep)
    ]
    return Layer(resized[0], resized[1], round(x + part.x * zoom), round(y + part.y * zoom))


def _strip(rng: Rng, image: Image, order: NDArray[np.int16]) -> None:
    """Something long across the picture: an arm, a cable, a ruler."""
    side = image.shape[0]
    first, last = (tuple(int(v) for v in rng.uniform(-0.2, 1.2, 2) * side) for _ in range(2))
    thick = max(1, round(side * float(rng.uniform(0.005, 0.09))))
    tone = tuple(int(v) for v in rng.integers(0, 255, 3))
    cv2.line(image, first, last, tone, thick, cv2.LINE_AA)
    cv2.line(order, first, last, -1, thick)


class _Streak:
    """Glare across the picture, which shows on what shines."""

    def __init__(self, rng: Rng, side: int) -> None:
        self._level: NDArray[np.float32] | None = None
        if rng.random() < 0.5:
            y, x = np.mgrid[0:side:4, 0:side:4].astype(np.float32) / side
            turn, place = float(rng.uniform(0, np.pi)), rng.uniform(-0.1, 1.1, 2)
            across = (x - place[0]) * np.cos(turn) + (y - place[1]) * np.sin(turn)
            along = -(x - place[0]) * np.sin(turn) + (y - place[1]) * np.cos(turn)
            wide, long = float(rng.uniform(0.01, 0.2)), float(rng.uniform(0.1, 3))
            level = float(rng.uniform(20, 240)) * np.exp(-((across / wide) ** 2) - (along / long) ** 2)
            self._level = np.asarray(cv2.resize(level.astype(np.float32), (side, side)), np.float32)

    def add(self, image: Image, quad: Quad, shine: float) -> None:
        """Let a card shine, in place."""
        if self._level is None or shine <= 0:
            return
        low = np.clip(np.floor(quad.min(axis=0)), 0, image.shape[0]).astype(int)
        high = np.clip(np.ceil(quad.max(axis=0)) + 1, 0, image.shape[0]).astype(int)
        if (high <= low).any():
            return
        window = slice(low[1], high[1]), slice(low[0], high[0])
        mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
        cv2.fillConvexPoly(mask, np.round((quad - low) * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
        extra = np.clip(self._level[window] * shine, 0, 255).astype(np.uint8)
        extra = cv2.bitwise_and(extra, mask)
        image[window] = cv2.add(image[window], cv2.cvtColor(extra, cv2.COLOR_GRAY2RGB))


def _part(rng: Rng, ground: Image, side: int) -> Image:
    """Any square of a picture, turned and mirrored at will, at `side` pixels."""
    height, width = ground.shape[:2]
    cut = round(min(height, width) * float(rng.uniform(0.25, 1)))
    y, x = int(rng.integers(height - cut + 1)), int(rng.integers(width - cut + 1))
    square = cv2.resize(ground[y : y + cut, x : x + cut], (side, side), interpolation=cv2.INTER_AREA)
    square = np.rot90(square, int(rng.integers(4)))
    if rng.random() < 0.25:
        square = square[..., [2, 0, 1]]
    return np.ascontiguousarray(square[:, ::-1] if rng.random() < 0.5 else square)
