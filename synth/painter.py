"""Paints the frames of a script. What lies still is kept from frame to frame to save time, never to change a pixel."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from synth.layers import Layer, layer, outline, paste, shadow, smear, streaked, warp
from synth.placing import Hands, Placed
from synth.showing import Script, Setting
from synth.sleeve import Dressed, dress
from synth.table import table
from synth.things import strew

Image = NDArray[np.uint8]


class Painter:
    """The table, the cards and the light of a script, for pictures of `width` x `height` pixels."""

    def __init__(self, script: Script, hands: Hands, width: int, height: int, seed: int) -> None:
        self._script, self._hands, self._light, self._seed = script, hands, script.light, seed
        self._width, self._height = width, height
        self._dressed: dict[int, Dressed] = {}
        self._resting: dict[int, tuple[object, Layer]] = {}
        self._bare: tuple[Setting, Image] | None = None
        self._settled: tuple[tuple[object, ...], Image] | None = None
        self._work = np.empty((height, width, 3), np.uint8)
        self._noise: Image | None = None

    def paint(self, index: int, time: float, cards: list[Placed], seen: list[Placed], pan: tuple[int, int]) -> Image:
        """One frame: `cards` as they lie on the ground, `seen` the same cards as the camera sees them."""
        x, y = pan
        ground = self._ground(index, [card for card in cards if card.still])
        image = self._work
        np.copyto(image, ground[y : y + self._height, x : x + self._width])
        still = [card for card in seen if card.still]
        self._light.glare(image, [(card.quad, self._dress(card).shine) for card in still], time)
        for card in seen:
            if not card.still:
                self._paste_moving(image, card, time)
        for card in still:
            for side in ("under", "over"):
                self._paste_hand(image, card, time, side)
        if self._noise is None:
            self._noise = self._light.noise(self._height, self._width, self._seed)
        return self._light.exposed(image, self._noise, index, time, self._seed)

    def _table(self, index: int) -> tuple[Setting, Image]:
        setting = max((s for s in self._script.settings if s.first_frame <= index), key=lambda s: s.first_frame)
        if self._bare is None or self._bare[0] != setting:
            rng = np.random.default_rng((self._seed, setting.seed, 31))
            width = self._width + round(max((x for _, x, _ in self._script.pan), default=0.0)) + 1
            height = self._height + round(max((y for _, _, y in self._script.pan), default=0.0)) + 1
            image = table(setting.table, height, width, setting.unit, rng)
            strew(image, setting.clutter, setting.unit, rng)
            if setting.blur:
                image = np.asarray(cv2.GaussianBlur(image, (0, 0), setting.blur), np.uint8)
            self._bare = setting, self._light.on_table(image)
        return self._bare

    def _ground(self, index: int, still: list[Placed]) -> Image:
        """The table with everything that lies still on it."""
        setting, bare = self._table(index)
        key = (setting, *((card.index, card.pose) for card in still))
        if self._settled is None or self._settled[0] != key:
            image = bare.copy()
            for card in still:
                paste(image, _shadow(card))
                paste(image, self._rested(card))
            self._settled = key, image
        return self._settled[1]

    def _dress(self, card: Placed) -> Dressed:
        if card.index not in self._dressed:
            rng = np.random.default_rng((self._seed, card.index, 41))
            self._dressed[card.index] = dress(card.showing.picture, card.showing.sleeve, card.showing.foil, rng)
        return self._dressed[card.index]

    def _rested(self, card: Placed) -> Layer:
        """A card that does not move, kept until it does."""
        kept = self._resting.get(card.index)
        if kept is None or kept[0] != card.pose:
            kept = self._resting[card.index] = card.pose, self._card(card)
        return kept[1]

    def _card(self, card: Placed) -> Layer:
        """The card in its sleeve as it stands in the picture, smeared by its motion."""
        dressed = self._dress(card)
        patch, scale = dressed.at(card.pose.width)
        matrix = dressed.onto(card.quad, scale)
        dx, dy = card.motion
        lit = self._light.on_card(patch, outline(patch, matrix), self._width, self._height, card.pose)
        warped, x, y = warp(lit, matrix, (abs(dx) + 2, abs(dy) + 2))
        if max(abs(dx), abs(dy)) > 2:
            warped, x, y = smear(warped, x, y, dx, dy)
        return layer(warped, x, y)

    def _paste_moving(self, image: Image, card: Placed, time: float) -> None:
        self._paste_hand(image, card, time, "under")
        low, high = card.quad.min(axis=0), card.quad.max(axis=0)
        if (high > -card.pose.width).all() and (low < np.array([self._width, self._height]) + card.pose.width).all():
            paste(image, _shadow(card))
            paste(image, self._card(card) if any(card.motion) else self._rested(card))
            self._light.glare(image, [(card.quad, self._dress(card).shine)], time)
        self._paste_hand(image, card, time, "over")

    def _paste_hand(self, image: Image, card: Placed, time: float, side: str) -> None:
        part = self._hands.layer(card, time, side)
        if part is not None:
            paste(image, streaked(part, *card.motion))


def _shadow(card: Placed) -> Layer:
    width, lift = card.pose.width, card.pose.lift
    reach = width * (0.012 + 0.3 * lift)
    return shadow(card.quad, reach * 0.6, reach, width * (0.016 + 0.12 * lift), 0.5 - 0.2 * min(1.0, lift))
