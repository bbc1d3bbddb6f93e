"""The list on the page as the collection itself: what the sink writes is shown, what people say is written.

The sink `collection` alone writes down what the camera saw. Undo, corrections and answers are short transactions
beside it, as those of `sleevesight collection undo` and `fix` are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from actors.dashboard.session import Card, Count, Entry, Format, Seen, Writable, keep
from catalog.store import CatalogueError
from collection import history, query, records, transfer, visits
from collection.database import CollectionError, Database
from collection.layouts import LAYOUTS
from collection.query import ALL, Filter
from collection.shelf import Catalogued

_ROWS = 1000
"""Visits of an export that are read at once."""
_SOURCES: dict[str, Literal["seen", "asked", "corrected", "imported"]] = {
    "camera": "seen",
    "answer": "asked",
    "correction": "corrected",
    "import": "imported",
}


class KeptSession:
    """The visits of a collection. `catalogue` is a folder, `source` what a session is called that begins here."""

    def __init__(
        self,
        file: Path,
        catalogue: Path | None,
        source: str,
        now_ms: Callable[[], int] = lambda: round(time.time() * 1000),
    ) -> None:
        """Open it. CollectionError if it cannot be used."""
        self.kept = str(file)
        self._database = Database(file)
        self._catalogue = catalogue
        self._source = source
        self._now_ms = now_ms
        self._version = self._database.version()
        self._awaited: dict[tuple[str, str, int], list[Card]] = {}
        """What the visits may be that the sink has not written down yet, by what they are told as."""
        self._choices: dict[int, list[Card]] = {}

    def saw(self, seen: Seen) -> None:
        """The sink writes it down; here it is only noted what else it may be."""
        keep(self._awaited, (seen.stream, seen.life, seen.visit.visit), list(seen.choices))

    def answer(self, seen: Seen) -> None:
        """Write it down, as the sink does not know it."""
        card_id = seen.visit.card_id
        sighting = visits.Sighting(
            stream=seen.stream,
            life=seen.life,
            number=None,
            track=seen.visit.track_id,
            source=self._source,
            first_frame=seen.visit.first_frame,
            last_frame=seen.visit.last_frame,
            card=self._card(card_id) if card_id is not None else None,
            distance=seen.visit.distance,
            gap=seen.visit.gap,
            jpeg=seen.jpeg,
        )
        visit = visits.answer(self._database, sighting, self._now_ms())
        keep(self._choices, visit, list(seen.choices))

    def undo(self) -> str:
        """The latest step of the log, whoever made it."""
        step = history.undo(self._database, self._now_ms())
        return step.what if step.visits == 1 else f"{step.what} ({step.visits} visits)"

    def correct(self, entry: int, card_id: str) -> None:
        """A step of the log."""
        card = self._card(card_id)
        with self._database.writing() as db:
            visits.learn(db, [card])
        history.fix(self._database, [entry], {"card": card_id}, self._now_ms())

    def entries(self, search: str, limit: int) -> list[Entry]:
        """Of the whole collection."""
        for told, choices in list(self._awaited.items()):
            if (visit := query.told(self._database, *told)) is not None:
                del self._awaited[told]
                keep(self._choices, visit, choices)
        return [self._entry(one) for one in query.page(self._database, Filter(search=search), limit)]

    def count(self) -> Count:
        """Of the session that the camera saw last."""
        session = query.last_stream(self._database)
        if session is None:
            return Count(cards=0, different=0, unknown=0)
        counts = query.counts(self._database, Filter(session=session))
        return Count(cards=counts["cards"], different=counts["different"], unknown=counts["unknown"])

    def picture(self, entry: int) -> bytes | None:
        """The thumbnail."""
        return query.thumbnail(self._database, entry)

    def changed(self) -> bool:
        """See `SessionList`."""
        before, self._version = self._version, self._database.version()
        return before != self._version

    def export(self, form: Format, out: Writable) -> None:
        """What `sleevesight collection export` writes, or the objects of `list --json`; in constant memory."""
        with Database(self._database.path) as database:
            if form == "csv":
                today = f"{datetime.now():%Y-%m-%d}"
                transfer.export(database, Filter(), LAYOUTS["plain"], out, today=today)
            else:
                _write_json(database, out)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _card(self, card_id: str) -> records.Card:
        """From the catalogue or from the collection. CollectionError if neither knows it."""
        try:
            found = Catalogued(self._catalogue).get(card_id) if self._catalogue is not None else None
        except CatalogueError:
            found = None  # it is not on this machine, or just being replaced
        found = found or query.card(self._database, card_id)
        if found is None:
            raise CollectionError(f"there is no card {card_id!r} in the catalogue")
        return found

    def _entry(self, one: query.Visit) -> Entry:
        said = (one.said.finish, one.said.condition, one.said.language, one.said.note)
        return Entry(
            entry=one.visit,
            time_ms=one.seen_ms,
            card=_shown(one.card) if one.card is not None else None,
            distance=one.distance,
            gap=one.gap,
            choices=self._choices.get(one.visit) or self._alike(one.printings),
            source=_SOURCES[one.named_by],
            quantity=one.quantity,
            said=" · ".join(part for part in said if part),
            picture=one.thumbnail,
        )

    def _alike(self, printings: Sequence[str]) -> list[Card]:
        """The printings that the picture cannot tell apart, as far as the collection knows them."""
        known = (query.card(self._database, card_id) for card_id in (printings if len(printings) > 1 else ()))
        return [_shown(card) for card in known if card is not None]


def _shown(card: records.Card) -> Card:
    return Card(card.card_id, card.name, card.set_name, card.number)


def _write_json(database: Database, out: Writable) -> None:
    """A list of visits, newest first."""
    before, separator = ALL, "[\n"
    while rows := query.page(database, Filter(), _ROWS, before):
        for one in rows:
            out.write(separator + msgspec.json.encode(one).decode())
            separator = ",\n"
        before = rows[-1].visit
    out.write("[]\n" if before == ALL else "\n]\n")
