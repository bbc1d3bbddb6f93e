"""The live picture: reduced and encoded within its lease, and sent together with what is to be drawn on it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import cv2
import msgspec

from bus.messages import Corners, Results
from bus.ring import Pixels
from vision.quad import as_quad
from vision.rectify import rectify

THUMBNAIL = (128, 179)
"""Width and height of a card's own picture, px."""
_NEAR = 0.95
"""Share of the longest side asked for from which a whole fraction of the picture will do."""


class Outline(msgspec.Struct, frozen=True):
    """A card to draw: corners in px of the frame, `state` as the page knows it, `band` 0 to 3."""

    track: int
    quad: Corners
    state: str
    band: int
    name: str = ""
    place: str = ""
    """Set and number."""


class Drawing(msgspec.Struct, frozen=True):
    """What lies over the picture of a frame of this size, px."""

    frame: int
    width: int
    height: int
    cards: list[Outline]


@dataclass(frozen=True, slots=True)
class Shot:
    """A frame's result with its picture, a JPEG file; empty if it could not be had in time."""

    results: Results
    size: tuple[int, int]
    """Width and height of the frame itself."""
    picture: bytes


class Darkroom:
    """Makes the live pictures, one after the other, in the same memory.

    Where the cores are busy, whoever walks through fresh memory holds up what runs beside him more than his arithmetic
    does (docs/performance.md).
    """

    def __init__(self, longest: int, quality: int) -> None:
        self._longest, self._quality = longest, quality
        self._memory: Any = None

    def develop(self, pixels: Pixels) -> bytes:
        """A frame uint8 RGB [height, width, 3] as a JPEG file whose longer side is `longest` px at most.

        A whole fraction of it where one comes near, else exactly that: averaging whole pixels takes a third of the time
        of a bilinear resize, and what follows has fewer pixels to encode.
        """
        height, width = pixels.shape[:2]
        side = max(height, width)
        if side <= self._longest:
            return self._printed(pixels)
        parts = -(-side // self._longest)
        if side >= _NEAR * self._longest * parts:
            whole = (max(1, width // parts), max(1, height // parts))
            blocks = pixels[: whole[1] * parts, : whole[0] * parts]  # a column too many would cost ten times as much
            self._memory = cv2.resize(blocks, whole, self._memory, interpolation=cv2.INTER_AREA)
        else:
            share = self._longest / side
            size = (max(1, round(width * share)), max(1, round(height * share)))
            self._memory = cv2.resize(pixels, size, self._memory, interpolation=cv2.INTER_LINEAR)
        return self._printed(self._memory)

    def _printed(self, pixels: Any) -> bytes:
        self._memory = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR, self._memory)
        return _jpeg(self._memory, self._quality)


def thumbnail(pixels: Pixels, quad: Corners) -> bytes:
    """The card under a quad as a small JPEG file."""
    return _jpeg(cv2.cvtColor(rectify(pixels, as_quad(quad), *THUMBNAIL), cv2.COLOR_RGB2BGR), 80)


def _jpeg(bgr: Any, quality: int) -> bytes:
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def packed(drawing: Drawing, picture: bytes) -> bytes:
    """A message of the live view: the length of the drawing (4 bytes, little-endian), it in JSON, a JPEG or nothing."""
    header = msgspec.json.encode(drawing)
    return struct.pack("<I", len(header)) + header + picture
