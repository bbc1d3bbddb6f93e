"""The list on the page where no collection is kept: in memory, and gone with the dashboard."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from actors.dashboard.session import Card, Count, Entry, Format, Seen, Writable, keep
from bus.messages import Visit
from collection.cells import guarded

COLUMNS = ("entry", "time_ms", "card_id", "name", "set_name", "number", "distance", "gap", "source")


class MemorySession:
    """A list that lives as long as the process. `lookup` finds a card of the catalogue, `now_ms` the time of day."""

    kept = ""

    def __init__(self, lookup: Callable[[str], Card | None], now_ms: Callable[[], int]) -> None:
        self._lookup = lookup
        self._now_ms = now_ms
        self._entries: dict[int, Entry] = {}
        self._history: list[tuple[int, Entry | None]] = []
        """The entry that was changed and what it was before; None: it was not there."""
        self._pictures: dict[int, bytes] = {}
        self._count = 0

    def saw(self, seen: Seen) -> None:
        """See `SessionList`."""
        self._add(seen, "seen")

    def answer(self, seen: Seen) -> None:
        """See `SessionList`."""
        self._add(seen, "asked")

    def _add(self, seen: Seen, source: Literal["seen", "asked"]) -> None:
        self._count += 1
        if seen.jpeg is not None:
            keep(self._pictures, self._count, seen.jpeg)
        entry = Entry(
            entry=self._count,
            time_ms=self._now_ms(),
            card=card_of(seen.visit),
            distance=seen.visit.distance,
            gap=seen.visit.gap,
            choices=list(seen.choices),
            source=source,
            picture=seen.jpeg is not None,
        )
        self._change(entry)

    def undo(self) -> str:
        """See `SessionList`."""
        if not self._history:
            raise ValueError("there is nothing to undo")
        number, before = self._history.pop()
        changed = self._entries.pop(number)
        if before is not None:
            self._entries[number] = before
        return f"{changed.source} {changed.card.name if changed.card else 'something unknown'}"

    def correct(self, entry: int, card_id: str) -> None:
        """See `SessionList`."""
        if (old := self._entries.get(entry)) is None:
            raise ValueError(f"there is no entry {entry}: it may have been undone")
        card = next((one for one in old.choices if one.card_id == card_id), None) or self._lookup(card_id)
        if card is None:
            raise ValueError(f"there is no card {card_id!r} in the catalogue")
        self._change(msgspec.structs.replace(old, card=card, source="corrected"))

    def entries(self, search: str, limit: int) -> list[Entry]:
        """See `SessionList`."""
        words = search.casefold().split()
        newest = sorted(self._entries.values(), key=lambda one: -one.entry)
        return [one for one in newest if all(word in _text(one) for word in words)][:limit]

    def count(self) -> Count:
        """See `SessionList`."""
        named = [one.card.card_id for one in self._entries.values() if one.card is not None]
        return Count(cards=len(named), different=len(set(named)), unknown=len(self._entries) - len(named))

    def picture(self, entry: int) -> bytes | None:
        """See `SessionList`."""
        return self._pictures.get(entry)

    def changed(self) -> bool:
        """Nobody else can."""
        return False

    def export(self, form: Format, out: Writable) -> None:
        """See `SessionList`; oldest first."""
        rows = sorted(self._entries.values(), key=lambda one: one.entry)
        if form == "json":
            out.write(msgspec.json.format(msgspec.json.encode(rows)).decode())
        else:
            _write_csv(rows, out)

    def close(self) -> None:
        """It is gone."""

    def _change(self, entry: Entry) -> None:
        self._history.append((entry.entry, self._entries.get(entry.entry)))
        self._entries[entry.entry] = entry


def card_of(visit: Visit) -> Card | None:
    """The card of a visit, None if it is not in the catalogue."""
    if visit.card_id is None:
        return None
    return Card(visit.card_id, visit.name or visit.card_id, visit.set_name or "", visit.number or "")


def _text(entry: Entry) -> str:
    card = entry.card
    if card is None:
        return "not in the catalogue"
    return f"{card.name} {card.set_name} {card.number} {card.card_id}".casefold()


def _write_csv(entries: Sequence[Entry], out: Writable) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in entries:
        card = one.card or Card("", "")
        place = map(guarded, (card.card_id, card.name, card.set_name, card.number))
        writer.writerow([one.entry, one.time_ms, *place, one.distance, one.gap, one.source])
