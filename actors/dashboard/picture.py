"""The live picture: reduced within its lease, then encoded together with what is to be drawn on it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import cv2
import msgspec
import numpy as np

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
    """A frame's result with its picture uint8 RGB [height, width, 3], reduced; None if it could not be had in time."""

    results: Results
    size: tuple[int, int]
    """Width and height of the frame itself."""
    pixels: Pixels | None


def reduced(pixels: Pixels, longest: int) -> Pixels:
    """A copy whose longer side is `longest` px at most: a whole fraction where one comes near, else exactly that.

    Averaging whole pixels takes a third of the time of a bilinear resize, and what follows has fewer pixels to encode.
    """
    height, width = pixels.shape[:2]
    side = max(height, width)
    if side <= longest:
        return pixels.copy()
    parts = -(-side // longest)
    if side >= _NEAR * longest * parts:
        whole = (max(1, width // parts), max(1, height // parts))
        blocks = pixels[: whole[1] * parts, : whole[0] * parts]  # a column too many would cost ten times as much
        return np.asarray(cv2.resize(blocks, whole, interpolation=cv2.INTER_AREA), np.uint8)
    size = (max(1, round(width * longest / side)), max(1, round(height * longest / side)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def jpeg(pixels: Pixels, quality: int) -> bytes:
    """A picture uint8 RGB as a JPEG file."""
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def thumbnail(pixels: Pixels, quad: Corners) -> bytes:
    """The card under a quad as a small JPEG file."""
    return jpeg(np.asarray(rectify(pixels, as_quad(quad), *THUMBNAIL), np.uint8), 80)


def packed(drawing: Drawing, picture: bytes) -> bytes:
    """A message of the live view: the length of the drawing (4 bytes, little-endian), it in JSON, a JPEG or nothing."""
    header = msgspec.json.encode(drawing)
    return struct.pack("<I", len(header)) + header + picture
