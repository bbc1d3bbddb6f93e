"""The finder's last three convolutions as they leave a chip that ends there, as cells for `decode`.

Shape and scale apart, a card is as hard to draw at any size; what puts them together, an exponential, is left to us.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision.detector.decode import STRIDE

Floats = NDArray[np.float32]

MAPS, SHAPE, SCALE = 4, 8, 1
"""Channels: logits of a card's middle and of a corner, and cells to that corner (x, y); the corners (x, y each) of a
card of `UNIT` width; the logarithm of its size."""
UNIT = 40.0
"""Width in pixels of the card that the network starts from."""
_MOST = 3.0
"""Of the logarithm, either way."""


def cells(maps: Floats, shape: Floats, scale: Floats) -> Floats:
    """Cells [12, h, w] of maps [4, h, w], shape [8, h, w] and scale [1, h, w]."""
    corners = shape * np.exp(np.clip(scale, -_MOST, _MOST)) * UNIT
    return np.concatenate([maps[:1], corners, maps[1:2], maps[2:] * STRIDE]).astype(np.float32)
