"""Where sets, cards and pictures of a run come from: a public catalogue, or what lies in the folder already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from catalog.sync.fetch import Fetcher, FetchError
from catalog.sync.folder import Folder
from catalog.sync.shapes import Card, SetInfo, Size
from catalog.sync.sources import Source

PLACEHOLDER_REASON = "its picture is a placeholder"
Item = TypeVar("Item")


class Supply(Protocol):
    """What cannot be had raises FetchError, and ShapeError when it is not what it should be."""

    lists_all: bool
    """Whether a set that is not in its list does not exist."""

    async def sets(self) -> list[SetInfo]:
        """All sets."""

    async def cards(self, of: SetInfo) -> list[Card]:
        """The cards of a set."""

    async def picture(self, of: SetInfo, card: Card, /) -> bytes:
        """What lies at the address of a card's picture."""


class Online:
    """A public catalogue. Its lists are kept in the folder, and asked for by ETag the next time."""

    lists_all = True

    def __init__(self, folder: Folder, source: Source, fetcher: Fetcher, size: Size) -> None:
        self._folder, self._source, self._fetcher, self._size = folder, source, fetcher, size

    async def sets(self) -> list[SetInfo]:
        """All sets."""
        sets = await self._pages(self._source.sets_url(), self._source.sets)
        self._folder.write_sets(sets)
        return sets

    async def cards(self, of: SetInfo) -> list[Card]:
        """The cards of a set."""
        cards = await self._pages(self._source.cards_url(of.id), lambda body: self._source.cards(body, of))
        self._folder.write_cards(of.id, cards)
        return cards

    async def picture(self, _of: SetInfo, card: Card) -> bytes:
        """What lies at the address of a card's picture."""
        url = card.picture_url(self._size)
        if not url:
            raise FetchError("the source has no picture")
        return await self._fetcher.picture(url)

    async def _pages(self, url: str | None, read: Callable[[bytes], list[Item]]) -> list[Item]:
        items: list[Item] = []
        while url is not None:
            known = self._folder.remembered(url)
            document = await self._fetcher.document(url, known.etag if known else "")
            body = document.body if document else known.body.encode() if known else b""
            items += read(body)
            if document:  # only now: junk with an ETag would come back for ever
                self._folder.remember(url, document.etag, body)
            url = self._source.next_page(url, body)
        return items


class Offline:
    """The folder itself: what is not in it is missing."""

    lists_all = False

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    async def sets(self) -> list[SetInfo]:
        """The sets whose cards are here."""
        return [one for one in self._folder.sets() if self._folder.cards(one.id) is not None]

    async def cards(self, of: SetInfo) -> list[Card]:
        """The cards of a set."""
        cards = self._folder.cards(of.id)
        if cards is None:
            raise FetchError("they are not here")
        return cards

    async def picture(self, of: SetInfo, card: Card) -> bytes:
        """Nothing: pictures that are here are not asked for."""
        raise FetchError(
            PLACEHOLDER_REASON if self._folder.was_placeholder(of.id, card.id) else "its picture is not here"
        )
