"""Reading a collection: pages of visits, sessions, and holdings, however many visits there are."""

from __future__ import annotations

import heapq
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Literal

import msgspec

from collection.database import CollectionError, Database
from collection.records import Card, Holding, Said, folded

ALL = 1 << 62
"""Above every id."""
_GLANCE = 2000
"""Visits that are looked through one by one: some milliseconds."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which visits: of a session, of cards with all of these words, of a set (id, name or code), without a card."""

    session: int | None = None
    search: str = ""
    set: str = ""
    unknown: bool = False

    @property
    def by_card(self) -> bool:
        """Whether the card decides."""
        return bool(self.search or self.set)


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """A visit as people see it. `card` is what counts, `read_as` what the camera said; None: not in the catalogue.

    `named_by`: a person may have been asked (answer), or have corrected what the camera said.
    """

    visit: int
    session: int
    seen_ms: int
    ended_ms: int | None
    card: Card | None
    named_by: Literal["camera", "answer", "correction", "import"]
    read_as: str | None
    distance: float | None
    gap: float | None
    printings: list[str]
    quantity: int
    said: Said
    removed: bool
    thumbnail: bool


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A stream from its beginning to its end, or an import, and what of it is in the collection."""

    session: int
    source: str
    started_ms: int
    cards: int
    unknown: int


def page(database: Database, chosen: Filter, limit: int, before: int = ALL) -> list[Visit]:
    """The newest visits before an id, newest first: the last one's id is where the next page begins."""
    with database.reading() as db:
        ids = _by_card(db, chosen, limit, before) if chosen.by_card and chosen.session is None else None
        if ids is not None:
            where, values = f"visit.id IN ({','.join('?' * len(ids))})", [*ids]
        else:
            where, values = _where(chosen)
            where, values = f"{where} AND visit.id < ?", [*values, before]
        rows = db.execute(f"{_VISITS} WHERE {where} ORDER BY visit.id DESC LIMIT ?", (*values, limit))
        return [_visit(row) for row in rows]


def visit(database: Database, number: int) -> Visit:
    """One visit, also a removed one. CollectionError if there is none."""
    with database.reading() as db:
        row = db.execute(_VISITS + " WHERE visit.id = ?", (number,)).fetchone()
    if row is None:
        raise CollectionError(f"there is no visit {number} in {database.path}: `sleevesight collection list`")
    return _visit(row)


def thumbnail(database: Database, number: int) -> bytes | None:
    """The crop of a visit, JPEG."""
    with database.reading() as db:
        row = db.execute("SELECT jpeg FROM thumbnail WHERE visit = ?", (number,)).fetchone()
    return None if row is None else bytes(row[0])


def sessions(database: Database, limit: int, before: int = ALL) -> list[Session]:
    """The newest sessions, newest first."""
    count = "(SELECT {} FROM visit WHERE session = session.id AND NOT removed AND card IS {} NULL)"
    with database.reading() as db:
        rows = db.execute(
            f"""SELECT id, source, started_ms, {count.format("coalesce(sum(quantity), 0)", "NOT")} AS cards,
            {count.format("count(*)", "")} AS unknown FROM session WHERE id < ? ORDER BY id DESC LIMIT ?""",  # noqa: S608
            (before, limit),
        )
        return [
            Session(
                session=row["id"],
                source=row["source"],
                started_ms=row["started_ms"],
                cards=row["cards"],
                unknown=row["unknown"],
            )
            for row in rows
        ]


def last_session(database: Database) -> int:
    """The newest session. CollectionError if there is none."""
    with database.reading() as db:
        (newest,) = db.execute("SELECT max(id) FROM session").fetchone()
    if newest is None:
        raise CollectionError(f"there is no session in {database.path} yet")
    return int(newest)


def last_stream(database: Database) -> int | None:
    """The newest session that is no import; None if there is none."""
    with database.reading() as db:
        (newest,) = db.execute("SELECT max(id) FROM session WHERE stream IS NOT NULL").fetchone()
    return None if newest is None else int(newest)


def told(database: Database, stream: str, life: str, number: int) -> int | None:
    """The visit that a stream told under a number; None if it is not there (yet)."""
    with database.reading() as db:
        row = db.execute(
            """SELECT visit.id FROM visit JOIN session ON session.id = visit.session
            WHERE stream = ? AND life = ? AND number = ?""",
            (stream, life, number),
        ).fetchone()
    return None if row is None else int(row[0])


def holdings(database: Database, chosen: Filter, said: Sequence[str] = Said.__struct_fields__) -> Iterator[Holding]:
    """Copies of which the same is said (in these fields), together; set by set, one at a time, however many."""
    where, values = _where(chosen)
    by = ", ".join(("card.set_id", "card.id", *said))
    fields = "".join(f"{field}, " for field in said)
    with database.reading() as db:
        for row in db.execute(
            f"""SELECT card.*, {fields} sum(quantity) AS quantity, min(seen_ms) AS seen_ms
            FROM visit JOIN card ON card.id = visit.card WHERE {where} GROUP BY {by} ORDER BY {by}""",  # noqa: S608
            values,
        ):
            one = Said(**{field: row[field] for field in said})
            yield Holding(card=_card(row), said=one, quantity=row["quantity"], added=day(row["seen_ms"]))


def counts(database: Database, chosen: Filter) -> dict[str, int]:
    """How many cards, how many different ones, and of how many no finish, no condition, or no card is known."""
    where, values = _where(chosen)
    with database.reading() as db:
        row = db.execute(
            f"""SELECT coalesce(sum(quantity) FILTER (WHERE card IS NOT NULL), 0) AS cards,
            coalesce(sum(quantity) FILTER (WHERE card IS NOT NULL AND finish IS NULL), 0) AS no_finish,
            coalesce(sum(quantity) FILTER (WHERE card IS NOT NULL AND condition IS NULL), 0) AS no_condition,
            count(DISTINCT card) AS different,
            count(*) FILTER (WHERE card IS NULL) AS unknown FROM visit WHERE {where}""",  # noqa: S608
            values,
        ).fetchone()
    return dict(row)


def cards(database: Database) -> Iterator[Card]:
    """Every card that the collection has heard of."""
    with database.reading() as db:
        for row in db.execute("SELECT * FROM card"):
            yield _card(row)


def card(database: Database, card_id: str) -> Card | None:
    """A card that the collection has heard of; None if it has not."""
    with database.reading() as db:
        row = db.execute("SELECT * FROM card WHERE id = ?", (card_id,)).fetchone()
    return None if row is None else _card(row)


def day(at_ms: int) -> str:
    """The day of a time, UTC: YYYY-MM-DD."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"


_SAID = "finish, condition, language, price, note"
_VISITS = f"""SELECT visit.id AS visit, visit.session, seen_ms, ended_ms, read_as, distance, gap, printings, quantity,
    removed, life, visit.number AS told, {_SAID}, card.*,
    EXISTS (SELECT 1 FROM thumbnail WHERE visit = visit.id) AS thumbnail
    FROM visit LEFT JOIN card ON card.id = visit.card"""  # noqa: S608


def _where(chosen: Filter) -> tuple[str, list[Any]]:
    terms, values = ["NOT removed"], list[Any]()
    if chosen.session is not None:
        terms.append("visit.session = ?")
        values.append(chosen.session)
    if chosen.unknown:
        terms.append("visit.card IS NULL")
    if chosen.by_card:
        matching, words = _matching(chosen)
        terms.append(f"visit.card IN (SELECT id FROM card WHERE {matching})")  # noqa: S608
        values += words
    return " AND ".join(terms), values


def _matching(chosen: Filter) -> tuple[str, list[str]]:
    words = folded(chosen.search).split()
    terms, values = ["instr(search, ?)" for _ in words], words
    if chosen.set:
        terms.append("(set_id = ? COLLATE NOCASE OR set_name = ? COLLATE NOCASE OR set_code = ? COLLATE NOCASE)")
        values = [*words, *[chosen.set] * 3]
    return " AND ".join(terms) or "1", values


def _by_card(db: sqlite3.Connection, chosen: Filter, limit: int, before: int) -> list[int]:
    """The newest visits of the cards that match: a look at the last few is enough where many do, or all are sought."""
    matching, words = _matching(chosen)
    (newest,) = db.execute("SELECT max(id) FROM visit WHERE id < ?", (before,)).fetchone()
    rows = db.execute(
        f"""SELECT id FROM visit WHERE id < ? AND id > ? AND NOT removed
        AND EXISTS (SELECT 1 FROM card WHERE card.id = visit.card AND {matching}) ORDER BY id DESC LIMIT ?""",  # noqa: S608
        (before, (newest or 0) - _GLANCE, *words, limit),
    ).fetchall()
    return [row[0] for row in rows] if len(rows) == limit else _by_rare_card(db, chosen, limit, before)


def _by_rare_card(db: sqlite3.Connection, chosen: Filter, limit: int, before: int) -> list[int]:
    """The same without looking at other cards' visits.

    Of the matching cards only those with the `limit` newest visits can be on the page, and each of these is read no
    further than the page goes.
    """
    matching, words = _matching(chosen)
    found = db.execute(
        f"""SELECT id, (SELECT max(visit.id) FROM visit WHERE card = card.id AND NOT removed AND visit.id < ?) AS newest
        FROM card WHERE {matching} AND newest IS NOT NULL ORDER BY newest DESC LIMIT ?""",  # noqa: S608
        (before, *words, limit),
    ).fetchall()
    return list(islice(heapq.merge(*(_of(db, card, before) for card, _ in found), reverse=True), limit))


def _of(db: sqlite3.Connection, card: str, before: int) -> Iterable[int]:
    rows = db.execute("SELECT id FROM visit WHERE card = ? AND NOT removed AND id < ? ORDER BY id DESC", (card, before))
    return (row[0] for row in rows)


def _visit(row: sqlite3.Row) -> Visit:
    return Visit(
        visit=row["visit"],
        session=row["session"],
        seen_ms=row["seen_ms"],
        ended_ms=row["ended_ms"],
        card=_card(row) if row["id"] is not None else None,
        named_by=_named_by(row),
        read_as=row["read_as"],
        distance=row["distance"],
        gap=row["gap"],
        printings=json.loads(row["printings"]),
        quantity=row["quantity"],
        said=_said(row),
        removed=bool(row["removed"]),
        thumbnail=bool(row["thumbnail"]),
    )


def _named_by(row: sqlite3.Row) -> Literal["camera", "answer", "correction", "import"]:
    if not row["life"]:
        return "import"
    if row["told"] is None:
        return "answer"
    return "camera" if row["id"] == row["read_as"] else "correction"


def _card(row: sqlite3.Row) -> Card:
    return Card(card_id=row["id"], **{field: row[field] for field in Card.__struct_fields__[1:]})


def _said(row: sqlite3.Row) -> Said:
    return Said(**{field: row[field] for field in Said.__struct_fields__})
