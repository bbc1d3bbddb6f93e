"""What the first network is shown: a frame made small, on a canvas whose sides can be halved six times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision.detector.pyramid import Pixels, Pyramid

LONGEST_PX = 384
"""Longer side of the reduced frame. A card 60 px wide in a frame of 1520 is 15 px here."""

MULTIPLE = 64


def canvas(frame: Pyramid) -> tuple[Pixels, NDArray[np.float32]]:
    """The frame uint8 RGB at no more than `LONGEST_PX`, black to its right and below up to multiples of `MULTIPLE`.

    With the factors (x, y) from its pixels to the frame's.
    """
    height, width = frame.level(0).shape[:2]
    factor = min(1.0, LONGEST_PX / max(height, width))
    columns, rows = max(1, round(width * factor)), max(1, round(height * factor))
    image = np.zeros((-(-rows // MULTIPLE) * MULTIPLE, -(-columns // MULTIPLE) * MULTIPLE, 3), np.uint8)
    image[:rows, :columns] = frame.reduced(columns, rows)
    return image, np.array([width / columns, height / rows], np.float32)
