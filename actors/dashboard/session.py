"""The list of this session: what was confirmed, what a person said about it, and taking that back."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

from bus.messages import Visit
from collection.cells import guarded

Format = Literal["csv", "json"]
COLUMNS = ("entry", "time_ms", "card_id", "name", "set_name", "number", "distance", "gap", "source")


class Card(msgspec.Struct, frozen=True):
    """A printing that an entry may be."""

    card_id: str
    name: str
    set_name: str = ""
    number: str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One visit of a card. Without `card` it is not in the catalogue; `choices` are what else it may be."""

    entry: int
    time_ms: int
    """When, in ms since 1970."""
    card: Card | None
    distance: float | None = None
    gap: float | None = None
    choices: list[Card] = []
    source: Literal["seen", "asked", "corrected"] = "seen"
    """Who named it: the camera, a person who was asked, a person who corrected it."""


class SessionList(Protocol):
    """Where the dashboard keeps what was seen."""

    def add(self, visit: Visit, choices: Sequence[Card] = (), asked: bool = False) -> Entry:
        """Put a visit on the list; without card_id as one that is not in the catalogue."""

    def undo(self) -> Entry | None:
        """Take back the last addition or correction; the entry as it was before that, None if nothing is left."""

    def correct(self, entry: int, card_id: str) -> Entry:
        """Say which card an entry is. ValueError for an entry or a card that does not exist."""

    def entries(self, search: str = "") -> list[Entry]:
        """The entries, newest first, in which every word of `search` occurs."""

    def export(self, form: Format) -> str:
        """All entries, oldest first."""


class MemorySession:
    """A list that lives as long as the process. `lookup` finds a card of the catalogue, `now_ms` the time of day."""

    def __init__(self, lookup: Callable[[str], Card | None], now_ms: Callable[[], int]) -> None:
        self._lookup = lookup
        self._now_ms = now_ms
        self._entries: dict[int, Entry] = {}
        self._history: list[tuple[int, Entry | None]] = []
        """The entry that was changed and what it was before; None: it was not there."""
        self._count = 0

    def add(self, visit: Visit, choices: Sequence[Card] = (), asked: bool = False) -> Entry:
        """See `SessionList`."""
        self._count += 1
        entry = Entry(
            entry=self._count,
            time_ms=self._now_ms(),
            card=card_of(visit),
            distance=visit.distance,
            gap=visit.gap,
            choices=list(choices),
            source="asked" if asked else "seen",
        )
        self._change(entry)
        return entry

    def undo(self) -> Entry | None:
        """See `SessionList`."""
        if not self._history:
            return None
        number, before = self._history.pop()
        changed = self._entries.pop(number)
        if before is None:
            return changed
        self._entries[number] = before
        return before

    def correct(self, entry: int, card_id: str) -> Entry:
        """See `SessionList`."""
        if (old := self._entries.get(entry)) is None:
            raise ValueError(f"there is no entry {entry}: it may have been undone")
        card = next((one for one in old.choices if one.card_id == card_id), None) or self._lookup(card_id)
        if card is None:
            raise ValueError(f"there is no card {card_id!r} in the catalogue")
        new = msgspec.structs.replace(old, card=card, source="corrected")
        self._change(new)
        return new

    def entries(self, search: str = "") -> list[Entry]:
        """See `SessionList`."""
        words = search.casefold().split()
        newest = sorted(self._entries.values(), key=lambda one: -one.entry)
        return [one for one in newest if all(word in _text(one) for word in words)]

    def export(self, form: Format) -> str:
        """See `SessionList`."""
        rows = self.entries()[::-1]
        return msgspec.json.format(msgspec.json.encode(rows)).decode() if form == "json" else _csv(rows)

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


def _csv(entries: Sequence[Entry]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in entries:
        card = one.card or Card("", "")
        place = map(guarded, (card.card_id, card.name, card.set_name, card.number))
        writer.writerow([one.entry, one.time_ms, *place, one.distance, one.gap, one.source])
    return file.getvalue()
