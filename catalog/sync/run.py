"""The sync itself: what there is, what is missing of it, getting that, and building the catalogue."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Sequence
from urllib.parse import unquote

from catalog.build import BuildReport, Progress, build
from catalog.embedding import Embedder
from catalog.metadata import NothingToBuild
from catalog.picture import PictureError
from catalog.pictures import file_stem, find_pictures
from catalog.sync.checksums import Checksums
from catalog.sync.content import picture_suffix
from catalog.sync.fetch import FetchError
from catalog.sync.folder import PLACEHOLDER, Folder
from catalog.sync.report import Missing, SetDone, SyncReport, Watcher, as_csv
from catalog.sync.shapes import Card, SetInfo, ShapeError, Size
from catalog.sync.supply import PLACEHOLDER_REASON, Supply
from catalog.whole import write_whole

LEFT_OUT = "left-out.csv"
"""In the folder: what the catalogue does not hold, and why."""
_AT_ONCE = 4
_ID_CHARACTERS = 150
"""What a file system takes of a name, percent-encoded and with its suffixes."""


class Sync:
    """One run over a folder."""

    def __init__(self, folder: Folder, sums: Checksums, supply: Supply, size: Size, watcher: Watcher) -> None:
        self._folder, self._sums, self._supply, self._size, self._watcher = folder, sums, supply, size, watcher
        self._missing: list[Missing] = []
        self._done: list[SetDone] = []

    async def run(self, wanted: Sequence[str] | None) -> tuple[list[SetDone], list[Missing]]:
        """Go through the sets with these ids, or all. ValueError for an id that there is not.

        OSError when the disk does not take a file; what was fetched before it stays.
        """
        sets = await self._sets(wanted)
        self._watcher.expect(sum(one.total for one in sets))
        for one in sets:
            await self._set(one)
        return self._done, self._missing

    async def _sets(self, wanted: Sequence[str] | None) -> list[SetInfo]:
        try:
            return _chosen(await self._supply.sets(), wanted, invent=not self._supply.lists_all)
        except (FetchError, ShapeError) as error:
            self._missing.append(Missing("", "", "", str(error)))
            return _chosen(self._folder.sets(), wanted, invent=True)

    async def _set(self, of: SetInfo) -> None:
        cards = {card.id: card for card in await self._cards(of)}
        there = await asyncio.to_thread(self._folder.sound_pictures, of.id, self._sums)
        absent = [card for card in cards.values() if card.id not in there]
        self._watcher.settled(len(cards) - len(absent))
        lacking = await self._get_all(of, absent)
        self._missing += lacking
        done = SetDone(of.id, of.name, len(cards), len(cards) - len(lacking), len(absent) - len(lacking))
        self._done.append(done)
        self._watcher.set_done(done)

    async def _cards(self, of: SetInfo) -> list[Card]:
        try:
            return await self._supply.cards(of)
        except (FetchError, ShapeError) as error:
            self._missing.append(Missing(of.id, "", of.name, str(error)))
            return self._folder.cards(of.id) or []

    async def _get_all(self, of: SetInfo, cards: Sequence[Card]) -> list[Missing]:
        """Get pictures, a few at once; what could not be had, in the order of the cards."""
        lacking: dict[int, Missing] = {}
        queue = iter(enumerate(cards))

        async def work() -> None:
            for number, card in queue:
                if reason := await self._get(of, card):
                    lacking[number] = Missing(of.id, card.id, card.name, reason, card.picture_url(self._size))
                self._watcher.settled(1)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_AT_ONCE):
                    group.create_task(work())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [lacking[number] for number in sorted(lacking)]

    async def _get(self, of: SetInfo, card: Card) -> str:
        if len(file_stem(card.id)) > _ID_CHARACTERS:
            return "its id is too long for a file"
        try:
            data = await self._supply.picture(of, card)
            suffix = await asyncio.to_thread(picture_suffix, data)
        except (FetchError, PictureError) as error:
            return str(error)
        self._folder.add_picture(of.id, card.id, data, suffix, self._sums)
        return ""


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
    files = {unquote(path.stem): path for path in find_pictures(folder.pictures).files}
    names = {card.id: (one.id, card.name) for one in folder.sets() for card in folder.cards(one.id) or []}
    missing = []
    for card_id in card_ids:
        folder.set_aside(files[card_id], PLACEHOLDER)
        set_id, name = names.get(card_id, ("", card_id))
        missing.append(Missing(set_id, card_id, name, PLACEHOLDER_REASON))
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
