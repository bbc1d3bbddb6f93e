"""A replaced card is noticed, the same card in another light is not."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from vision.appearance import changed, difference, signature
from vision.quad import Quad
from vision.rectify import Image

SHARED = Path("../shared")
QUAD = np.array([[90, 60], [250, 70], [245, 290], [80, 285]], np.float32)


def frame(card: Image, quad: Quad = QUAD) -> Image:
    """A frame of 360 x 340 px with the card on a grey table."""
    corners = np.array([[0, 0], [256, 0], [256, 358], [0, 358]], np.float32) - np.float32(0.5)
    matrix = cv2.getPerspectiveTransform(corners, quad)
    table = np.full((340, 360, 3), 90, np.uint8)
    cv2.warpPerspective(card, matrix, (360, 340), dst=table, borderMode=cv2.BORDER_TRANSPARENT)
    return table


def drawn(seed: int) -> Image:
    """A card of the common layout (frame, picture box, text lines) with a picture and a text of its own."""
    rng = np.random.default_rng(seed)
    card = np.full((358, 256, 3), (240, 210, 60), np.uint8)
    card[12:346, 12:244] = (235, 230, 215)
    card[44:180, 24:232] = cv2.resize(
        rng.integers(0, 255, (9, 13, 3), np.uint8), (208, 136), interpolation=cv2.INTER_CUBIC
    )
    for line in range(200, 335, 22):
        top, left = line + int(rng.integers(10)), 24 + int(rng.integers(100))
        card[top : top + 8, left : left + 30 + int(rng.integers(80))] = 60
    return card


def seen(card: Image, seed: int, jitter: float = 0.0) -> np.ndarray:
    error = np.random.default_rng(seed).normal(0, jitter, (4, 2)).astype(np.float32)
    return signature(frame(card), QUAD + error)


@pytest.mark.parametrize("seed", range(5))
def test_the_same_card_is_unchanged_under_jitter_of_the_quad(seed: int) -> None:
    """A detector that moves each corner by 2 px would cost an embedding per frame."""
    assert not changed(seen(drawn(seed), 0), seen(drawn(seed), seed, jitter=2.0))


@pytest.mark.parametrize(("gain", "gamma", "noise"), [(0.5, 1.0, 0), (1.3, 1.0, 0), (1.0, 0.7, 0), (0.8, 1.2, 10)])
def test_the_same_card_is_unchanged_in_another_light(gain: float, gamma: float, noise: float) -> None:
    """A camera that sets its exposure anew would empty the whole cache."""
    pixels = frame(drawn(1))
    light = 255.0 * (pixels / 255.0) ** gamma * gain + np.random.default_rng(0).normal(0, noise, pixels.shape)
    assert not changed(signature(pixels, QUAD), signature(np.clip(light, 0, 255).astype(np.uint8), QUAD))


def test_a_shadow_over_half_the_card_is_no_change() -> None:
    """A hand that passes the lamp."""
    pixels = frame(drawn(1))
    dark = pixels.copy()
    dark[:, 170:] //= 2
    assert not changed(signature(pixels, QUAD), signature(dark, QUAD))


def test_a_reflection_is_no_change() -> None:
    """A lamp's reflection on a sleeve wanders with every movement."""
    pixels = frame(drawn(1))
    ys, xs = np.mgrid[0:340, 0:360]
    glow = np.exp(-(((xs - 140) / 40) ** 2) - ((ys - 120) / 60) ** 2)[..., None]
    lit = (pixels + (255 - pixels) * 0.8 * glow).astype(np.uint8)
    assert not changed(signature(pixels, QUAD), signature(lit, QUAD))


def test_other_cards_of_the_same_layout_are_a_change() -> None:
    """All cards share frame, picture box and text lines; a plain correlation takes them for one."""
    signatures = [seen(drawn(seed), 0) for seed in range(12)]
    pairs = [(a, b) for a in range(12) for b in range(a)]
    assert all(changed(signatures[a], signatures[b]) for a, b in pairs)


def test_a_card_turned_upside_down_is_a_change() -> None:
    """The known orientation no longer holds."""
    pixels = frame(drawn(1))
    assert changed(signature(pixels, QUAD), signature(pixels, np.roll(QUAD, 2, axis=0)))


def test_a_plain_patch_is_no_error() -> None:
    """A quad on a plain table has no texture to compare: finite, and different from any card."""
    plain = np.full((340, 360, 3), 128, np.uint8)
    assert np.isfinite(signature(plain, QUAD)).all()
    assert changed(signature(plain, QUAD), seen(drawn(1), 0))


@pytest.mark.shared
def test_real_cards_in_one_place_are_told_apart() -> None:
    """Measured on real cards: 99 % of replacements are noticed, 99 % of the jittered same cards are left alone."""
    if not (SHARED / "cards" / "cards.csv").exists():
        pytest.skip("the picture folder ../shared is absent")
    with (SHARED / "cards" / "cards.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["file"].startswith("sv1/")][:100]
    cards = [cv2.imread(str(SHARED / "cards" / row["file"])) for row in rows]
    first = [seen(np.asarray(card, np.uint8), 0) for card in cards]
    again = [seen(np.asarray(card, np.uint8), number, jitter=2.0) for number, card in enumerate(cards)]
    other = [
        difference(first[a], first[b]) for a in range(100) for b in range(a) if rows[a]["artwork"] != rows[b]["artwork"]
    ]
    assert np.percentile(other, 1) > 0.4
    assert np.percentile([difference(a, b) for a, b in zip(first, again, strict=True)], 99) < 0.4
