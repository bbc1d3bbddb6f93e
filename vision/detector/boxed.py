"""From an upright box around a card to places where its corners may be: the card may lie turned in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision.quad import CARD_ASPECT, Quad

Floats = NDArray[np.float32]

TURNS = 8
"""Starts in a box, 22.5° apart: the close-up network bears half of that. (The angle also follows from the box's
proportions, but 6 % of error in those throw it off by more than the network bears.)"""


def box_of(quad: Quad) -> Quad:
    """The upright box around a quad, as a quad."""
    (left, top), (right, bottom) = quad.min(axis=0), quad.max(axis=0)
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def starts(box: Quad) -> Floats:
    """Cards [TURNS, 4, 2] as wide and as high as an upright box, each turned by 22.5° more than the one before."""
    half = np.array([[-CARD_ASPECT, -1], [CARD_ASPECT, -1], [CARD_ASPECT, 1], [-CARD_ASPECT, 1]])
    angles = np.arange(TURNS) * (np.pi / TURNS)
    cos, sin = np.cos(angles), np.sin(angles)
    turned = half @ np.array([[cos, sin], [-sin, cos]]).transpose(2, 0, 1)
    scale = (box[2] - box[0]) / 2 / turned.max(axis=1, keepdims=True)
    return np.asarray(turned * scale + box.mean(axis=0), np.float32)
