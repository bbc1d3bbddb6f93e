"""Close-ups: each card that was found, cut out of the frame at one size with what lies around it, to look again.

In a close-up a card 60 px wide and one that fills the frame look alike, so that a second, small network can say how far
each corner is off, whatever a sleeve's rim or the frame of the artwork suggest, and whether it is a card at all.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detector.pyramid import Pixels, Pyramid
from vision.quad import CARD_ASPECT, size

Floats = NDArray[np.float32]

WIDTH, HEIGHT = 96, 128
"""Of a close-up in pixels."""
UNIT = WIDTH / 1.4
"""Width of the card in it: a fifth of a card is to be seen on either side."""
OUTPUTS = 9
"""Per close-up: x and y that each corner is off by, in card widths, then how likely it is a card (logit)."""

_CENTRE = np.array([WIDTH, HEIGHT], np.float32) / 2 - np.float32(0.5)
_HALF = np.array([UNIT, UNIT / CARD_ASPECT], np.float32) / 2
NOMINAL = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32) * _HALF + _CENTRE
"""Where a card's corners lie in its close-up, if the quad is right, [4, 2]."""


def close_ups(frame: Pyramid, quads: Floats) -> Pixels:
    """Close-ups uint8 RGB [n, HEIGHT, WIDTH, 3] of the quads [n, 4, 2] of a frame."""
    cut = np.empty((len(quads), HEIGHT, WIDTH, 3), np.uint8)
    for close_up, quad in zip(cut, quads, strict=True):
        # A warp that skips pixels tears edges: it starts from a frame that was averaged to less than twice the size.
        level = max(0, int(np.log2(max(1.0, size(quad)[0] / UNIT))))
        reduced = np.asarray((quad + 0.5) / 2**level - 0.5, np.float32)
        matrix = cv2.getPerspectiveTransform(reduced, NOMINAL)
        cv2.warpPerspective(
            frame.level(level), matrix, (WIDTH, HEIGHT), close_up, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT
        )
    return cut


def off_by(truths: Floats, quads: Floats) -> Floats:
    """What the network should say of the quads [n, 4, 2] of cards that truly lie at `truths`: [n, 8]."""
    offsets = np.empty((len(quads), 8), np.float32)
    for row, truth, quad in zip(offsets, truths, quads, strict=True):
        matrix = cv2.getPerspectiveTransform(np.asarray(quad, np.float32), NOMINAL)
        row[:] = ((cv2.perspectiveTransform(truth[None].astype(np.float32), matrix)[0] - NOMINAL) / UNIT).ravel()
    return offsets


def moved(quads: Floats, offsets: Floats) -> Floats:
    """The quads [n, 4, 2] moved by what the network says, [n, 8]: the inverse of `off_by`."""
    better = np.empty_like(quads, np.float32)
    for corners, quad, offset in zip(better, quads, offsets, strict=True):
        matrix = cv2.getPerspectiveTransform(NOMINAL, np.asarray(quad, np.float32))
        at = NOMINAL + offset.reshape(4, 2) * np.float32(UNIT)
        corners[:] = cv2.perspectiveTransform(at[None].astype(np.float32), matrix)[0]
    return better
