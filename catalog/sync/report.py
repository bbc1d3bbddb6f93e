"""What a sync did, what is missing, and who is told of it meanwhile."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Protocol

import msgspec

from catalog.build import BuildReport


class Missing(msgspec.Struct, frozen=True):
    """What could not be had: a card's picture, a set's cards (no `id`), or the list of sets (no `set` either)."""

    set: str
    id: str
    name: str
    reason: str
    url: str = ""

    def __str__(self) -> str:
        what = f"{self.id} {self.name}".strip() if self.id else f"cards of {self.set}" if self.set else "list of sets"
        return f"{what}: {self.reason}"


class SetDone(msgspec.Struct, frozen=True):
    """One set: its cards, and how many of their pictures are there and were fetched now."""

    id: str
    name: str
    cards: int
    pictures: int
    fetched: int


class SyncReport(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run. `built` is None when there was no picture to build from."""

    sets: tuple[SetDone, ...]
    missing: tuple[Missing, ...]
    built: BuildReport | None


class Watcher(Protocol):
    """Who is told how a sync gets on."""

    def expect(self, cards: int) -> None:
        """So many cards are to be looked at."""

    def settled(self, cards: int) -> None:
        """So many more of them are there, or known to be missing."""

    def set_done(self, done: SetDone) -> None:
        """A set is through."""


def as_csv(missing: Sequence[Missing]) -> bytes:
    """The list of what is missing, for a spreadsheet."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Missing.__struct_fields__)
    writer.writerows(msgspec.structs.astuple(one) for one in missing)
    return text.getvalue().encode()
