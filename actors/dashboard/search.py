"""The cards of the catalogue, to correct an entry with: read when they are asked for, again when they were rebuilt."""

from __future__ import annotations

import threading
from pathlib import Path

from actors.dashboard.session import Card
from catalog.store import CatalogueError, Printing, Stamp, read_printings, read_stamp


class CardSearch:
    """Finds cards by id and by words. Takes a moment at first: not for a thread that must not wait."""

    def __init__(self, catalogue: Path | None) -> None:
        self._path = catalogue
        self._stamp: Stamp | None = None
        self._cards: dict[str, tuple[str, Card]] = {}
        self._lock = threading.Lock()

    def lookup(self, card_id: str) -> Card | None:
        """The card of an id; None if there is none, or no catalogue."""
        try:
            return self._loaded().get(card_id, ("", None))[1]
        except CatalogueError:
            return None

    def find(self, text: str, limit: int) -> list[Card]:
        """Cards in which every word of the text occurs, those whose name begins with it first.

        CatalogueError if there is no catalogue.
        """
        words = text.casefold().split()
        if not words:
            return []
        found = [card for haystack, card in self._loaded().values() if all(word in haystack for word in words)]
        found.sort(key=lambda card: (not card.name.casefold().startswith(words[0]), card.name, card.card_id))
        return found[:limit]

    def _loaded(self) -> dict[str, tuple[str, Card]]:
        if self._path is None:
            raise CatalogueError("no catalogue is configured: set [matcher] catalog")
        with self._lock:
            stamp = read_stamp(self._path)
            if stamp != self._stamp:
                printings = read_printings(self._path)
                self._cards = {card_id: _entry(card_id, printing) for card_id, printing in printings.items()}
                self._stamp = stamp
            return self._cards


def _entry(card_id: str, printing: Printing) -> tuple[str, Card]:
    card = Card(card_id, printing.name, printing.set_name, printing.number)
    return f"{card.name} {card.set_name} {card.number} {card_id}".casefold(), card
