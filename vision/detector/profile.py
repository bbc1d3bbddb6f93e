"""How the colour steps from one side of a line to the other, anywhere along it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detector.lines import Floats, Lines, Pixels, strongest

_STRIDE = 4.0
_GAP = 2.0
"""Pixels from the line to both sides: beyond the blur of the edge itself."""

_LIMIT = 60
"""A glint does not outweigh a side."""


class Profile:
    """Colour steps across lines, summed along them: a step that keeps its sign counts, texture cancels out."""

    def __init__(self, picture: Pixels, lines: Lines) -> None:
        height, width = picture.shape[:2]
        self._reach = lines.reach
        along = np.arange(-lines.reach, lines.reach + _STRIDE, _STRIDE, dtype=np.float32)
        x = lines.point[:, :1] + lines.direction[:, :1] * along
        y = lines.point[:, 1:] + lines.direction[:, 1:] * along
        right, down = -_GAP * lines.direction[:, 1:], _GAP * lines.direction[:, :1]
        at_x, at_y = np.concatenate([x + right, x - right]), np.concatenate([y + down, y - down])
        colours = cv2.remap(picture, at_x, at_y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE).astype(np.int16)
        step = np.clip(colours[: len(x)] - colours[len(x) :], -_LIMIT, _LIMIT)
        step *= ((x >= 0) & (x < width) & (y >= 0) & (y < height))[..., None]
        self._sum = np.zeros((len(x), len(along) + 1, 3), np.float32)
        np.cumsum(step, axis=1, dtype=np.float32, out=self._sum[:, 1:])

    def strength(self, line: NDArray[Any], start: Floats, end: Floats, parts: int, full: float) -> Floats:
        """Mean colour step over `parts` stretches between two positions, 1 where it reaches `full` levels: [k].

        The outer 6 % stay out: a card's corners are round (3 mm of 63).
        """
        share = np.linspace(0.06, 0.94, parts + 1, dtype=np.float32)[:, None]
        place = ((start + (end - start) * share + self._reach) / _STRIDE).astype(np.int32)
        place = np.clip(place, 0, self._sum.shape[1] - 1)
        total = np.zeros(len(line), np.float32)
        for k in range(parts):
            step = strongest(np.abs(self._sum[line, place[k + 1]] - self._sum[line, place[k]]))
            total += np.minimum(step / (np.maximum(np.abs(place[k + 1] - place[k]), 1) * full), 1)
        return np.asarray(total / parts, np.float32)
