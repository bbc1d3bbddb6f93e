"""Reading a picture from disk, the same way for references, photos and streams."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
_MAY_BE_TRANSPARENT = (b"\x89PNG", b"RIFF")
"""How files of the kinds with an alpha channel begin."""


class PictureError(ValueError):
    """A file that is no picture: one line that names it."""


def read_picture(path: Path) -> NDArray[np.uint8]:
    """The picture as uint8 RGB [h, w, 3], turned as its EXIF data says; transparent parts become white.

    Raises PictureError for a missing, empty, cut-off or foreign file.
    """
    return decode_picture(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """The content of a picture's file. Raises PictureError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise PictureError(f"{path} cannot be read: {error.strerror}") from None


def decode_picture(content: bytes, name: str) -> NDArray[np.uint8]:
    """What `read_picture` makes of the content of a file, whatever it is called; `name` is what errors call it."""
    if not content:
        raise PictureError(f"{name} is empty")
    try:
        image = _decode(np.frombuffer(content, np.uint8))
    except cv2.error:
        image = None
    if image is None:
        raise PictureError(f"{name} is no picture that can be decoded (JPEG, PNG, WebP, BMP, TIFF)")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def _decode(data: NDArray[np.uint8]) -> Any:
    if data[:4].tobytes() in _MAY_BE_TRANSPARENT:
        full = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        if full is not None and full.dtype == np.uint8 and full.ndim == 3 and full.shape[2] == 4:
            alpha = full[:, :, 3:].astype(np.float32) / 255.0
            return np.asarray(full[:, :, :3] * alpha + 255.0 * (1.0 - alpha) + 0.5, np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_COLOR)
