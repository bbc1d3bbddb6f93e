"""pokemontcg.io, version 2 (https://docs.pokemontcg.io), or a copy of its repository, PokemonTCG/pokemon-tcg-data."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlencode, urlsplit, urlunsplit

import msgspec

from catalog.sync.shapes import Card, SetInfo, SetRef, parse

API = "https://api.pokemontcg.io/v2"
_PAGE = 250
_FIELDS = "id,name,supertype,number,rarity,set,images"
"""Without this every card comes with its texts and the prices of the day."""


class _Page(msgspec.Struct, rename="camel"):
    data: list[msgspec.Raw]
    page: int = 1
    page_size: int = _PAGE
    total_count: int = 0


class PokemonTcg:
    """English cards. A base address that ends in /v2 is the API, any other the tree of the data repository."""

    picture_hosts = frozenset({"images.pokemontcg.io", "images.scrydex.com"})
    requests_per_s = 0.5
    """30 a minute without a key (https://docs.pokemontcg.io/getting-started/rate-limits)."""

    def __init__(self, language: str = "en", base_url: str | None = None) -> None:
        if language != "en":
            raise ValueError(f"pokemontcg has English cards alone, not {language}: take --source tcgdex")
        self.base_url = (base_url or API).rstrip("/")
        self._api = self.base_url.endswith("/v2")

    def sets_url(self) -> str:
        """Where the list of sets is."""
        query = urlencode({"orderBy": "releaseDate", "page": 1, "pageSize": _PAGE})
        return f"{self.base_url}/sets?{query}" if self._api else f"{self.base_url}/sets/en.json"

    def cards_url(self, set_id: str) -> str:
        """Where the cards of a set are."""
        if not self._api:
            return f"{self.base_url}/cards/en/{quote(set_id, safe='')}.json"
        query = {"q": f"set.id:{set_id}", "orderBy": "number", "select": _FIELDS, "page": 1, "pageSize": _PAGE}
        return f"{self.base_url}/cards?{urlencode(query)}"

    def next_page(self, url: str, body: bytes) -> str | None:
        """The address after this answer, as its counts say; None when it was the last one or an empty one."""
        if not self._api:
            return None
        page = parse(body, _Page, "a page of pokemontcg.io")
        if not page.data or page.page * page.page_size >= page.total_count:
            return None
        parts = urlsplit(url)
        query = {**{key: values[0] for key, values in parse_qs(parts.query).items()}, "page": page.page + 1}
        return urlunsplit(parts._replace(query=urlencode(query)))

    def sets(self, body: bytes) -> list[SetInfo]:
        """The sets of one page."""
        return [parse(one, SetInfo, "a set of pokemontcg.io") for one in self._items(body)]

    def cards(self, body: bytes, of: SetInfo) -> list[Card]:
        """The cards of one page of a set."""
        cards: list[Card] = [parse(one, Card, "a card of pokemontcg.io") for one in self._items(body)]
        return [msgspec.structs.replace(card, set=SetRef(of.id, of.name)) for card in cards]

    def _items(self, body: bytes) -> list[msgspec.Raw]:
        if not self._api:
            items: list[msgspec.Raw] = parse(body, list[msgspec.Raw], "a list of pokemon-tcg-data")
            return items
        page: _Page = parse(body, _Page, "a page of pokemontcg.io")
        return page.data
