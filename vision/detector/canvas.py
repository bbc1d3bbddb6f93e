"""What the first network is shown: a frame made small, on a canvas whose sides can be halved six times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision.detector.pyramid import Pixels, Pyramid

Floats = NDArray[np.float32]

LONGEST_PX = 384
"""Longer side of the reduced frame. A card 60 px wide in a frame of 1520 is 15 px here."""

MULTIPLE = 64

_MARGIN = 32
"""Pixels around a part of the frame that go with it: a card is not known by its own pixels alone."""
_STRIDE = 8
"""A part begins at multiples of this, where the network's cells lie in the whole."""


def canvas(frame: Pyramid, within: Floats | None = None) -> tuple[Pixels, Floats, Floats]:
    """The frame uint8 RGB at no more than `LONGEST_PX`, black to its right and below up to multiples of `MULTIPLE`.

    Or the part of that which holds the box `within`, given by its first and last corner [2, 2] in frame pixels. With
    where the part begins, (x, y), and the factors to the frame's pixels: what lies at a point of the part lies in the
    frame at (origin + point + 0.5) * factors - 0.5.
    """
    height, width = frame.level(0).shape[:2]
    factor = min(1.0, LONGEST_PX / max(height, width))
    columns, rows = max(1, round(width * factor)), max(1, round(height * factor))
    image = np.zeros((-(-rows // MULTIPLE) * MULTIPLE, -(-columns // MULTIPLE) * MULTIPLE, 3), np.uint8)
    image[:rows, :columns] = frame.reduced(columns, rows)
    factors = np.array([width / columns, height / rows], np.float32)
    if within is None:
        return image, np.zeros(2, np.float32), factors
    (left, top), (right, bottom) = (within / factors).tolist()
    across, down = _part(left, right, image.shape[1]), _part(top, bottom, image.shape[0])
    return np.ascontiguousarray(image[down, across]), np.array([across.start, down.start], np.float32), factors


def _part(first: float, last: float, whole: int) -> slice:
    """Of a side of `whole` pixels the least part that may be shown and that holds what lies from `first` to `last`."""
    begin = max(0, int(first) - _MARGIN) // _STRIDE * _STRIDE
    end = min(whole, int(last) + 1 + _MARGIN)
    length = -(-(end - begin) // MULTIPLE) * MULTIPLE
    begin = min(begin, whole - length)
    return slice(begin, begin + length)
