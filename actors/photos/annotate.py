"""A picture with its cards drawn in: what was found, and what was made of it."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_COLOURS = {"confirmed": (22, 163, 74), "uncertain": (217, 119, 6), "unknown": (100, 116, 139)}
_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial.ttf", "Arial Unicode.ttf")
"""Tried in this order; the one that comes with Pillow knows English alone."""
_QUALITY = 90
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def annotated(picture: NDArray[np.uint8], cards: Sequence[dict[str, Any]]) -> bytes:
    """A JPEG of a picture uint8 RGB [h, w, 3] with each card's outline, its top edge in bold, and its name on it.

    `cards` are those of an answer (docs/events.md).
    """
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    for card in cards:
        _outline(draw, card)
    for card in cards:  # names last: on a page of nine, no outline may cross one
        _label(draw, image.size, card)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _outline(draw: ImageDraw.ImageDraw, card: dict[str, Any]) -> None:
    quad = [tuple(corner) for corner in card["quad"]]
    colour, thick = _COLOURS[card["status"]], max(2, round(_width(card) / 60))
    draw.line([*quad, quad[0]], colour, thick, joint="curve")
    draw.line(quad[:2], colour, 3 * thick)


def _label(draw: ImageDraw.ImageDraw, size: tuple[int, int], card: dict[str, Any]) -> None:
    """The name in the middle of the card, upright and no wider than it, whichever way the card lies."""
    text, width = _words(card), _width(card)
    font = _font(max(10, round(width / 9)))
    text = text if _can_write(font, text) else _plain(text) or str(card["card_id"])
    left, top, right, bottom = draw.textbbox((0, 0), text, font)
    if right - left > 0.95 * width:
        font = _font(max(9, round(font.size * 0.95 * width / (right - left))))
        left, top, right, bottom = draw.textbbox((0, 0), text, font)
    wide, high, pad = right - left, bottom - top, max(3, round(width / 40))
    x, y = np.mean(card["quad"], axis=0)
    x = float(np.clip(x - wide / 2, pad, max(pad, size[0] - wide - pad)))
    y = float(np.clip(y - high / 2, pad, max(pad, size[1] - high - pad)))
    box = (x - pad, y - pad, x + wide + pad, y + high + pad)
    draw.rounded_rectangle(box, pad, _COLOURS[card["status"]])
    draw.text((x - left, y - top), text, (255, 255, 255), font)


def _words(card: dict[str, Any]) -> str:
    if card["status"] == "unknown":
        return "not in the catalogue"
    return str(card["name"] or card["card_id"]) + ("?" if card["status"] == "uncertain" else "")


def _width(card: dict[str, Any]) -> float:
    first, second = np.asarray(card["quad"][:2])
    return float(np.linalg.norm(second - first))


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
    return font


def _can_write(font: ImageFont.FreeTypeFont, text: str) -> bool:
    """Whether the font has every letter: what it lacks is drawn as one and the same box."""
    lacking = bytes(font.getmask("\uffff"))
    return all(bytes(font.getmask(letter)) != lacking for letter in set(text) if not letter.isspace())


def _plain(text: str) -> str:
    """Without accents, if that leaves every letter a name."""
    bare = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    return bare if bare.isascii() else ""
