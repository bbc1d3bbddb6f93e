"""Where a point that a network on the sensor speaks of lies in the stream.

The network is shown the whole sensor, squashed to its own input; the stream shows a crop of the sensor, scaled. So a
point of the network is a share of the sensor's width and height, whatever the size of either picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SENSOR = (4056, 3040)
"""Width and height of the IMX500 in pixels, which is what a crop is measured in."""


@dataclass(frozen=True, slots=True)
class View:
    """What of the sensor a stream shows: a crop (left, top, width, height), at the stream's size (width, height)."""

    crop: tuple[float, float, float, float]
    size: tuple[int, int]

    def to_stream(self, points: NDArray[Any]) -> NDArray[np.float32]:
        """Shares of the sensor [..., 2] as pixels of the stream; (0, 0) is the centre of the top-left pixel."""
        left, top, width, height = self.crop
        on_sensor = np.asarray(points, np.float64) * SENSOR
        return np.asarray((on_sensor - (left, top)) / (width, height) * self.size - 0.5, np.float32)

    def to_sensor(self, points: NDArray[Any]) -> NDArray[np.float32]:
        """Pixels of the stream [..., 2] as shares of the sensor."""
        left, top, width, height = self.crop
        in_crop = (np.asarray(points, np.float64) + 0.5) / self.size
        return np.asarray((in_crop * (width, height) + (left, top)) / SENSOR, np.float32)

    def shows(self, outline: NDArray[Any]) -> bool:
        """Whether the middle of an outline [n, 2] in pixels of the stream lies in it."""
        middle = outline.mean(axis=0)
        return bool((middle >= 0).all() and (middle < self.size).all())


def centred(width: int, height: int) -> View:
    """The largest crop with the proportions of a stream, out of the middle: what a camera takes by itself."""
    scale = min(SENSOR[0] / width, SENSOR[1] / height)
    crop_width, crop_height = width * scale, height * scale
    return View(((SENSOR[0] - crop_width) / 2, (SENSOR[1] - crop_height) / 2, crop_width, crop_height), (width, height))
