"""Corners to a fraction of a pixel, from the edges of the full frame."""

import cv2
import numpy as np
from detect_pictures import turned, upright
from numpy.typing import NDArray

from vision.detector.refine import refine, sharpen
from vision.quad import Quad


def sheet(truth: Quad) -> NDArray[np.uint8]:
    """A light quad on a dark ground, averaged from four times its size."""
    big = np.full((1600, 1600), 60, np.uint8)
    cv2.fillPoly(big, [np.round(truth * 4 + 1.5).astype(np.int32)], 200)
    return np.repeat(cv2.resize(big, (400, 400), interpolation=cv2.INTER_AREA)[..., None], 3, axis=2)


ROUGH = np.array([[2, 1], [-1, 2], [1.5, -2], [-1, 1]], np.float32)


def test_sides_are_refined_below_a_pixel() -> None:
    """The network's canvas is known to four pixels of the frame; a crop needs 2 % of the card's width."""
    truth = turned(upright(200, 200, 180), 12)
    picture = sheet(truth)
    quads, support = refine(picture, (truth + ROUGH)[None], np.array([5.0], np.float32), 6)
    quads, support = refine(picture, quads, np.array([2.0], np.float32), 5)
    assert np.abs(quads[0] - truth).max() < 0.3
    assert support.min() > 0.95


def test_quads_are_sharpened_each_for_itself() -> None:
    """Large and small cards of one frame have reaches of their own."""
    truths = np.stack([turned(upright(120, 150, 120), 7), turned(upright(310, 300, 40), -20)])
    picture = np.minimum(255, sum(sheet(truth).astype(int) - 60 for truth in truths) + 60).astype(np.uint8)
    quads = sharpen(picture, truths + 0.5 * ROUGH)
    assert np.abs(quads - truths).max() < 0.5


def test_a_quad_without_edges_stays() -> None:
    """In the dark, out of focus or under a hand there is nothing to go by; the network's word is better than noise."""
    rng = np.random.default_rng(0)
    quad = upright(200, 200, 150)[None]
    dark = rng.integers(20, 26, (400, 400, 3), np.uint8)
    assert np.array_equal(sharpen(dark, quad), quad)


def test_an_edge_out_of_reach_is_not_taken() -> None:
    """The rim of a toploader and the frame of the artwork lie a tenth of a card away."""
    truth = turned(upright(200, 200, 180), 5)
    far = upright(200, 200, 220)[None]
    assert np.abs(sharpen(sheet(truth), far) - far).max() < 6
