"""TCGdex, version 2 (https://tcgdex.dev/rest): cards in many languages. Its lists have no rarities."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from catalog.sync.shapes import Card, Images, SetInfo, SetRef, parse

API = "https://api.tcgdex.net/v2"
LANGUAGES = (
    *("en", "fr", "es", "es-mx", "it", "pt", "pt-br", "pt-pt", "de"),
    *("nl", "pl", "ru", "ja", "ko", "zh-tw", "zh-cn", "id", "th"),
)


class _Count(msgspec.Struct):
    total: int = 0


class _Set(msgspec.Struct, rename="camel"):
    id: str
    name: str = ""
    card_count: _Count = msgspec.field(default_factory=_Count)


class _Card(msgspec.Struct, rename="camel"):
    id: str
    local_id: str | int
    name: str
    image: str | None = None


class _SetOfCards(msgspec.Struct):
    cards: list[_Card]


class TcgDex:
    """Cards in one of its languages. One answer holds a whole set."""

    picture_hosts = frozenset({"assets.tcgdex.net"})
    requests_per_s = 5.0

    def __init__(self, language: str = "en", base_url: str | None = None) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"tcgdex has no language {language}; it has {', '.join(LANGUAGES)}")
        self.base_url = (base_url or API).rstrip("/")
        self._language = language

    def sets_url(self) -> str:
        """Where the list of sets is."""
        return f"{self.base_url}/{self._language}/sets"

    def cards_url(self, set_id: str) -> str:
        """Where the cards of a set are."""
        return f"{self.sets_url()}/{quote(set_id, safe='')}"

    def next_page(self, url: str, body: bytes) -> None:
        """There is none."""
        del url, body

    def sets(self, body: bytes) -> list[SetInfo]:
        """All sets."""
        sets: list[_Set] = parse(body, list[_Set], "the list of sets of TCGdex")
        return [SetInfo(id=one.id, name=one.name, total=one.card_count.total) for one in sets]

    def cards(self, body: bytes, of: SetInfo) -> list[Card]:
        """All cards of a set."""
        found: _SetOfCards = parse(body, _SetOfCards, "a set of TCGdex")
        return [_card(card, SetRef(of.id, of.name)) for card in found.cards]


def _card(card: _Card, of: SetRef) -> Card:
    # The address of a picture has neither quality nor format (https://tcgdex.dev/assets).
    images = Images(f"{card.image}/low.webp", f"{card.image}/high.webp") if card.image else Images()
    return Card(id=card.id, name=card.name, number=str(card.local_id), set=of, images=images)
