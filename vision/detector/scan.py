"""A picture that is itself a card: a scan, cut at the card's edges."""

from __future__ import annotations

import numpy as np

from vision.detector.evidence import weigh
from vision.detector.lines import Floats, Pixels
from vision.detector.shape import areas
from vision.quad import CARD_ASPECT, Quad, portrait

SCAN_SCORE = 0.6
"""Nothing in the picture can confirm it, so it is worth showing and no more."""

_CUT = 0.025
"""A scan keeps a card's aspect this closely; a phone's 3 : 4 is off by 4.6 %."""

_FRAME, _CARD = (0.78, 0.93), 0.5
"""Shares of the picture: the frame inside a card's border covers 0.8 to 0.9 of it; what covers more than half and is no
such frame is a card that lies in the picture."""

_EVEN = 0.5
"""Share of the rim that is of one colour where a picture shows a card's border."""


def whole(picture: Pixels) -> Quad:
    """The outer edge of the picture as a quad."""
    height, width = picture.shape[:2]
    return portrait(np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5)


def is_scan(picture: Pixels, found: Floats) -> bool:
    """Whether a picture in which the quads `found` [n, 4, 2] were found shows one card from edge to edge."""
    height, width = picture.shape[:2]
    if abs(np.log(min(height, width) / max(height, width) / CARD_ASPECT)) > _CUT:
        return False
    rim = weigh(picture, whole(picture)[None], np.zeros((1, 4), np.float32))
    if rim.blank[0]:
        return False
    largest = float(areas(found).max()) / (height * width) if len(found) else 0.0
    if largest > _CARD:
        return _FRAME[0] < largest < _FRAME[1]
    return largest == 0.0 or bool(rim.even[0] > _EVEN)
