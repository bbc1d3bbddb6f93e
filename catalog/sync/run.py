"""The sync itself: what there is, what is missing of it, getting that, and building the catalogue."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Sequence
from typing import TypeVar

from catalog.build import BuildReport, Progress, build
from catalog.embedding import Embedder
from catalog.metadata import NothingToBuild
from catalog.picture import PictureError
from catalog.pictures import file_stem, find_pictures
from catalog.sync.checksums import Checksums
from catalog.sync.content import picture_suffix
from catalog.sync.fetch import Fetcher, FetchError
from catalog.sync.folder import PLACEHOLDER, Folder
from catalog.sync.report import Missing, SetDone, SyncReport, Watcher, as_csv
from catalog.sync.shapes import Card, SetInfo, ShapeError, Size
from catalog.sync.sources import Source
from catalog.whole import write_whole

LEFT_OUT = "left-out.csv"
"""In the folder: what the catalogue does not hold, and why."""
_PLACEHOLDER_REASON = "its picture is a placeholder"
_AT_ONCE = 4
_ID_CHARACTERS = 150
"""What a file system takes of a name, percent-encoded and with its suffixes."""

Item = TypeVar("Item")


class Sync:
    """One run over a folder; without a fetcher it only looks at what is there."""

    def __init__(
        self,
        folder: Folder,
        sums: Checksums,
        source: Source,
        fetcher: Fetcher | None,
        *,
        size: Size,
        watcher: Watcher,
    ) -> None:
        self._folder, self._sums, self._size, self._watcher = folder, sums, size, watcher
        self._source, self._fetcher = source, fetcher
        self._missing: list[Missing] = []
        self._done: list[SetDone] = []

    async def run(self, wanted: Sequence[str] | None) -> tuple[list[SetDone], list[Missing]]:
        """Go through the sets with these ids, or all. ValueError for an id that the source does not have.

        OSError when the disk does not take a file; what was fetched before it stays.
        """
        sets = await self._sets(wanted)
        self._watcher.expect(sum(one.total for one in sets))
        for one in sets:
            await self._set(one)
        return self._done, self._missing

    async def _sets(self, wanted: Sequence[str] | None) -> list[SetInfo]:
        here = self._folder.sets()
        if self._fetcher is None:
            with_cards = [one for one in here if self._folder.cards(one.id) is not None]
            return _chosen(with_cards, wanted, invent=True)
        try:
            sets = await self._pages(self._fetcher, self._source.sets_url(), self._source.sets)
        except (FetchError, ShapeError) as error:
            self._miss(SetInfo(id=""), str(error), url=self._source.sets_url())
            return _chosen(here, wanted, invent=True)
        self._folder.write_sets(sets)
        return _chosen(sets, wanted, invent=False)

    async def _set(self, of: SetInfo) -> None:
        cards = {card.id: card for card in await self._cards(of)}
        there = await asyncio.to_thread(self._folder.sound_pictures, of.id, self._sums)
        absent = [card for card in cards.values() if file_stem(card.id) not in there]
        self._watcher.settled(len(cards) - len(absent))
        before = len(self._missing)
        if self._fetcher is None:
            for card in absent:
                placeholder = self._folder.was_placeholder(of.id, card.id)
                self._miss(of, _PLACEHOLDER_REASON if placeholder else "its picture is not here", card)
            self._watcher.settled(len(absent))
        else:
            await self._fetch_all(self._fetcher, of, absent)
            place = {card_id: number for number, card_id in enumerate(cards)}
            self._missing[before:] = sorted(self._missing[before:], key=lambda one: place[one.id])
        lacking = len(self._missing) - before
        done = SetDone(of.id, of.name, len(cards), len(cards) - lacking, len(absent) - lacking)
        self._done.append(done)
        self._watcher.set_done(done)

    async def _cards(self, of: SetInfo) -> list[Card]:
        here = self._folder.cards(of.id)
        if self._fetcher is None:
            if here is None:
                self._miss(of, "they are not here")
            return here or []
        url = self._source.cards_url(of.id)
        try:
            cards = await self._pages(self._fetcher, url, lambda body: self._source.cards(body, of))
        except (FetchError, ShapeError) as error:
            self._miss(of, str(error), url=url)
            return here or []
        self._folder.write_cards(of.id, cards)
        return cards

    async def _pages(self, fetcher: Fetcher, url: str | None, read: Callable[[bytes], list[Item]]) -> list[Item]:
        items: list[Item] = []
        while url is not None:
            known = self._folder.remembered(url)
            document = await fetcher.document(url, known.etag if known else "")
            body = document.body if document else known.body.encode() if known else b""
            items += read(body)
            if document:
                self._folder.remember(url, document.etag, body)
            url = self._source.next_page(url, body)
        return items

    async def _fetch_all(self, fetcher: Fetcher, of: SetInfo, cards: Sequence[Card]) -> None:
        queue = iter(cards)

        async def work() -> None:
            for card in queue:
                await self._fetch(fetcher, of, card)
                self._watcher.settled(1)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_AT_ONCE):
                    group.create_task(work())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _fetch(self, fetcher: Fetcher, of: SetInfo, card: Card) -> None:
        url = card.picture_url(self._size)
        if not url:
            self._miss(of, "the source has no picture", card)
        elif len(file_stem(card.id)) > _ID_CHARACTERS:
            self._miss(of, "its id is too long for a file", card)
        else:
            try:
                data = await fetcher.picture(url)
                suffix = await asyncio.to_thread(picture_suffix, data)
            except (FetchError, PictureError) as error:
                self._miss(of, str(error), card)
            else:
                self._folder.add_picture(of.id, card.id, data, suffix, self._sums)

    def _miss(self, of: SetInfo, reason: str, card: Card | None = None, url: str = "") -> None:
        if card is None:
            self._missing.append(Missing(of.id, "", of.name, reason, url))
        else:
            self._missing.append(Missing(of.id, card.id, card.name, reason, card.picture_url(self._size)))


def finish(
    folder: Folder,
    done: Sequence[SetDone],
    missing: Sequence[Missing],
    embedder: Embedder,
    progress: Progress | None = None,
) -> SyncReport:
    """Build the catalogue from all pictures of the folder, whichever run they came with, and list what it lacks.

    Placeholders are left out and set aside, so that the next run asks whether there is a picture by now.
    """
    metadata = [folder.cards_of_all] if any(folder.cards_of_all.glob("*.json*")) else []
    built: BuildReport | None = None
    try:
        built = build(folder.pictures, metadata, folder.catalogue, embedder, progress, drop_placeholders=True)
        missing = [*missing, *_set_placeholders_aside(folder, built.placeholders)]
    except NothingToBuild:
        pass
    write_whole(folder.root / LEFT_OUT, as_csv(missing))
    return SyncReport(sets=tuple(done), missing=tuple(missing), built=built)


def _set_placeholders_aside(folder: Folder, card_ids: Sequence[str]) -> list[Missing]:
    if not card_ids:
        return []
    files = {path.stem: path for path in find_pictures(folder.pictures).files}
    names = {card.id: (one.id, card.name) for one in folder.sets() for card in folder.cards(one.id) or []}
    missing = []
    for card_id in card_ids:
        folder.set_aside(files[file_stem(card_id)], PLACEHOLDER)
        set_id, name = names.get(card_id, ("", card_id))
        missing.append(Missing(set_id, card_id, name, _PLACEHOLDER_REASON))
    return missing


def _chosen(sets: Sequence[SetInfo], wanted: Sequence[str] | None, invent: bool) -> list[SetInfo]:
    """The sets that are wanted; one that is not in the list is made up if the list may be short, else an error."""
    if wanted is None:
        return list(sets)
    by_id = {one.id: one for one in sets}
    if not invent and (unknown := [set_id for set_id in wanted if set_id not in by_id]):
        near = difflib.get_close_matches(unknown[0], by_id, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {len(by_id)}, from {', '.join(list(by_id)[:3])} on"
        raise ValueError(f"the source has no set {unknown[0]}; {hint}")
    return [by_id.get(set_id, SetInfo(id=set_id)) for set_id in dict.fromkeys(wanted)]
