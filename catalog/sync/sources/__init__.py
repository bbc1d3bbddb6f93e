"""The public catalogues: which addresses they have and how their answers are read. No I/O."""

from __future__ import annotations

from typing import Protocol

from catalog.sync.shapes import Card, SetInfo
from catalog.sync.sources.pokemontcg import PokemonTcg
from catalog.sync.sources.tcgdex import TcgDex


class Source(Protocol):
    """One public catalogue in one language. Bodies that are not what they should be raise ShapeError."""

    base_url: str
    picture_hosts: frozenset[str]
    """Where its pictures lie, beside the host of `base_url`."""
    requests_per_s: float
    """How often it may be asked for data without a key."""

    def sets_url(self) -> str:
        """Where the list of sets is."""

    def cards_url(self, set_id: str) -> str:
        """Where the cards of a set are."""

    def next_page(self, url: str, body: bytes) -> str | None:
        """The address after this answer; None when it was the last one."""

    def sets(self, body: bytes) -> list[SetInfo]:
        """The sets of one page."""

    def cards(self, body: bytes, of: SetInfo) -> list[Card]:
        """The cards of one page of a set."""


def open_source(name: str, language: str, base_url: str | None = None) -> Source:
    """A source by its name, in a language. ValueError for what there is not, with what there is."""
    kinds: dict[str, type[PokemonTcg] | type[TcgDex]] = {"pokemontcg": PokemonTcg, "tcgdex": TcgDex}
    if name not in kinds:
        raise ValueError(f"there is no source {name}; there are {', '.join(kinds)}")
    return kinds[name](language, base_url)
