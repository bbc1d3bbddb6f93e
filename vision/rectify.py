"""From a quad in a frame to the canonical crop: the size that references are kept in."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.quad import Quad, size

Image = NDArray[np.uint8]

CROP_WIDTH, CROP_HEIGHT = 256, 358
"""The canonical crop in pixels: 256 x 358 RGB."""

_MAX_SHRINK = 1.5
"""Above this scale a bilinear warp skips source pixels and invents texture that no reference has."""


def rectify(frame: Image, quad: Quad, width: int = CROP_WIDTH, height: int = CROP_HEIGHT) -> Image:
    """The card under `quad` as uint8 [height, width, 3], upright if the quad begins at the card's own top-left.

    A card that is larger in the frame than the crop is warped to a multiple of it and averaged down, as the references
    were. Raises ValueError for a quad that covers no pixels.
    """
    card_width, card_height = size(quad)
    if card_width < 1.0 or card_height < 1.0:
        raise ValueError(f"a quad of {card_width:.1f} x {card_height:.1f} px covers no card")
    factor = max(1, round(max(card_width / width, card_height / height) / _MAX_SHRINK))
    to_width, to_height = width * factor, height * factor
    # Pixel centres: the outer edge of the first pixel lies at -0.5.
    target = np.array([[0, 0], [to_width, 0], [to_width, to_height], [0, to_height]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(quad, target)
    crop = cv2.warpPerspective(
        frame, matrix, (to_width, to_height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    if factor > 1:
        crop = cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(crop, np.uint8)


def half_turn(crop: Image) -> Image:
    """The crop of the same card turned by 180°, C-contiguous."""
    return np.asarray(cv2.rotate(crop, cv2.ROTATE_180), np.uint8)
