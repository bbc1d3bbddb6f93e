"""Sets and cards, as every source gives them and as they lie on disk: what is used of the schema of pokemontcg.io."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Size = Literal["small", "large"]


class ShapeError(ValueError):
    """An answer that is no JSON, or JSON of another shape."""


class SetInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One set; `total` is the number of its cards that the source promises."""

    id: str
    name: str = ""
    series: str = ""
    total: int = 0
    ptcgo_code: str = ""
    release_date: str = ""


class SetRef(msgspec.Struct, frozen=True):
    """The set that a card belongs to."""

    id: str
    name: str = ""


class Images(msgspec.Struct, frozen=True, omit_defaults=True):
    """Addresses of a card's picture in two sizes; empty where the source has none."""

    small: str = ""
    large: str = ""


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One printed card."""

    id: str
    name: str
    supertype: str = ""
    number: str = ""
    rarity: str = ""
    set: SetRef | None = None
    images: Images = Images()

    def picture_url(self, size: Size) -> str:
        """The picture in this size, or in the other where there is only that; empty without a picture."""
        first, second = (self.images.small, self.images.large)[:: 1 if size == "small" else -1]
        return first or second


def parse(body: bytes, kind: Any, what: str) -> Any:
    """Decode an answer. ShapeError says what was expected and what is wrong."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise ShapeError(f"{what} expected, but {error}") from None
