"""What a collection is made of: cards, visits, holdings, and the words for finish and condition."""

from __future__ import annotations

import re
import unicodedata

import msgspec

FINISHES = (
    "normal",
    "holofoil",
    "reverse holofoil",
    "1st edition",
    "1st edition holofoil",
    "unlimited",
    "unlimited holofoil",
)
CONDITIONS = ("mint", "near mint", "lightly played", "moderately played", "heavily played", "damaged")
LANGUAGES = {
    "en": "English",
    "ja": "Japanese",
    "de": "German",
    "fr": "French",
    "it": "Italian",
    "es": "Spanish",
    "pt": "Portuguese",
    "ko": "Korean",
    "zh": "Chinese",
}
"""By ISO 639 code, which is what a collection keeps."""
PRICE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
"""A plain decimal, without a currency."""


class Card(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A card as the catalogue names it. `set_code` is the set's code in PTCGL, `picture` the file of the reference."""

    card_id: str
    name: str
    set_id: str = ""
    set_name: str = ""
    set_code: str = ""
    number: str = ""
    rarity: str = ""
    supertype: str = ""
    picture: str = ""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says of a card in the hand; None is unknown, and nothing here is ever guessed.

    `language` is an ISO 639 code, `price` what was paid for one, as a plain decimal.
    """

    finish: str | None = None
    condition: str | None = None
    language: str | None = None
    price: str | None = None
    note: str | None = None


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """Copies of one card of which the same is said; `added` is the day of the first one (YYYY-MM-DD)."""

    card: Card
    said: Said
    quantity: int
    added: str


def folded(text: str) -> str:
    """Without case and accents, so that `flabebe` finds Flabébé."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def short_number(number: str) -> str:
    """A collector number as it is quoted: `001/067` is 1, `TG05` stays."""
    number = number.partition("/")[0].strip()
    return number.lstrip("0") or number


def checked(field: str, text: str) -> str | None:
    """What a person says of a card, if it can be said; None for the empty text. ValueError names what can."""
    text = text.strip()
    if not text:
        return None
    if any(unicodedata.category(letter) in ("Cc", "Cs") and letter != "\n" for letter in text):
        raise ValueError(f"{field} {text!r}: there are control characters in it")
    words = {"finish": FINISHES, "condition": CONDITIONS, "language": tuple(LANGUAGES)}.get(field)
    if words is not None and text.lower() not in words:
        raise ValueError(f"{field} {text!r}: choose from {', '.join(words)}")
    if field == "price" and not PRICE.fullmatch(text):
        raise ValueError(f"price {text!r} is no amount like 3.50")
    return text.lower() if words is not None else text
