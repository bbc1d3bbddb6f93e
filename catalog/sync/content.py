"""Whether bytes are a whole picture of a card's size, told by themselves and not by what a server says of them."""

from __future__ import annotations

from catalog.picture import PictureError, decode_picture

_LEAST_PX = 128
"""Half of the crop that references are kept in: what is narrower is a thumbnail or an icon."""
_TAIL = 1024
_FOREIGN = {b"PK\x03\x04": "a ZIP archive", b"%PDF": "a PDF", b"\x1f\x8b": "a gzip file", b"GIF8": "a GIF"}


def picture_suffix(data: bytes) -> str:
    """The suffix of a picture's file. PictureError says what the bytes are instead, or what they lack.

    OpenCV fills what is missing of a cut-off picture with grey and says nothing, so the end is looked for.
    """
    if data.startswith(b"\xff\xd8\xff"):
        suffix, whole = ".jpg", b"\xff\xd9" in data[-_TAIL:]
    elif data.startswith(b"\x89PNG\r\n\x1a\n"):
        suffix, whole = ".png", b"IEND" in data[-_TAIL:]
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        suffix, whole = ".webp", len(data) >= 8 + int.from_bytes(data[4:8], "little")
    else:
        raise PictureError(f"{_kind(data)} instead of a picture (JPEG, PNG, WebP)")
    if not whole:
        raise PictureError("a picture that is cut off")
    height, width = decode_picture(data, "a picture").shape[:2]
    if width < _LEAST_PX or height < _LEAST_PX:
        raise PictureError(f"a picture of {width} x {height} pixels, too small for a card")
    return suffix


def _kind(data: bytes) -> str:
    if not data:
        return "nothing"
    for start, name in _FOREIGN.items():
        if data.startswith(start):
            return name
    text = data[:_TAIL].lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    return "JSON" if text.startswith((b"{", b"[")) else "something else"
