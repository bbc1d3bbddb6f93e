"""The list on the page: what was confirmed, what a person said about it, and taking that back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeVar

import msgspec

from bus.messages import Visit

Format = Literal["csv", "json"]
KEPT = 500
"""Pictures and what else belongs to an entry that are held in memory; 4 MB."""

K = TypeVar("K")
V = TypeVar("V")


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
    source: Literal["seen", "asked", "corrected", "imported"] = "seen"
    """Who named it: the camera, a person who was asked, a person who corrected it, another program's file."""
    quantity: int = 1
    said: str = ""
    """Finish, condition, language and note, as far as a person has said them."""
    picture: bool = False


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """The cards of this session, the different ones among them, and what is not in the catalogue."""

    cards: int
    different: int
    unknown: int


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A visit as the stream tells it, or as a person answers: then it has no number yet, and `visit` says 0."""

    stream: str
    life: str
    visit: Visit
    choices: Sequence[Card] = ()
    jpeg: bytes | None = None


class Writable(Protocol):
    """What text goes to."""

    def write(self, text: str, /) -> object:
        """Take some more."""


class SessionList(Protocol):
    """Where the dashboard keeps what was seen. One thread at a time; `export` alone may run beside it."""

    kept: str
    """The file in which it is kept; empty: nowhere."""

    def saw(self, seen: Seen) -> None:
        """The camera tells of a visit; without card_id of one that is not in the catalogue."""

    def answer(self, seen: Seen) -> None:
        """A person says what the camera cannot."""

    def undo(self) -> str:
        """Take back the last addition, answer or correction; says what that was. ValueError if nothing is left."""

    def correct(self, entry: int, card_id: str) -> None:
        """Say which card an entry is. ValueError for an entry or a card that does not exist."""

    def entries(self, search: str, limit: int) -> list[Entry]:
        """The newest entries in which every word of `search` occurs, newest first."""

    def count(self) -> Count:
        """The running count."""

    def picture(self, entry: int) -> bytes | None:
        """What the camera saw, a JPEG file."""

    def changed(self) -> bool:
        """Whether somebody else has changed it since this was asked last."""

    def export(self, form: Format, out: Writable) -> None:
        """Write all of it."""

    def close(self) -> None:
        """It is not needed any more."""


def keep(memory: dict[K, V], key: K, value: V) -> None:
    """Remember the newest KEPT of them."""
    memory.pop(key, None)
    memory[key] = value
    while len(memory) > KEPT:
        memory.pop(next(iter(memory)))
