"""Local contrast and brightness for crops from poor light: an option of the selector, off by default.

`python -m bench.enhance` measures whether it helps the model at hand.
"""

from __future__ import annotations

import cv2
import numpy as np

from vision.rectify import Image

_CLIP_LIMIT = 2.0
_TILES = (4, 6)
"""Tiles of about 64 x 60 px of the canonical crop: a line of text and its surroundings."""
_MID_GREY = 0.45
"""Mean brightness that gamma aims at, 0 to 1."""
_GAMMA_RANGE = (0.6, 1.6)


def enhance(crop: Image) -> Image:
    """The crop, uint8 RGB [h, w, 3], with CLAHE on its lightness (Zuiderveld 1994) and gamma towards mid grey."""
    lab = cv2.cvtColor(crop, cv2.COLOR_RGB2LAB)
    lightness = cv2.createCLAHE(_CLIP_LIMIT, _TILES).apply(np.ascontiguousarray(lab[..., 0]))
    mean = float(np.clip(lightness.mean() / 255.0, 0.02, 0.98))
    gamma = float(np.clip(np.log(_MID_GREY) / np.log(mean), *_GAMMA_RANGE))
    table = np.round(255.0 * (np.arange(256) / 255.0) ** gamma).astype(np.uint8)
    lab[..., 0] = cv2.LUT(lightness, table)
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)
