"""What the camera saw: visits as they are confirmed and end, each once, however often it is told."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

import msgspec

from collection.database import Database
from collection.history import appear, begin
from collection.records import Card, folded


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """A visit as the stream tells it: `stream` is the session of the capture, `life` numbers the visits within it.

    `number` None: a person has named the card on the `track` before the camera could. `card` None: it is not in the
    catalogue. `jpeg` is the thumbnail, if there is one.
    """

    stream: str
    life: str
    number: int | None
    track: int | None = None
    source: str
    first_frame: int
    last_frame: int
    card: Card | None = None
    distance: float | None = None
    gap: float | None = None
    printings: tuple[str, ...] = ()
    jpeg: bytes | None = None


def confirm(database: Database, sighting: Sighting, now_ms: int) -> int:
    """Write a visit down, unless it is there; returns its id. It is on the disk when this returns."""
    with database.writing() as db:
        session = _session(db, sighting, now_ms)
        if sighting.card is not None:
            learn(db, [sighting.card])
        return _find(db, session, sighting) or _add(db, session, sighting, now_ms)


def end(database: Database, sighting: Sighting, now_ms: int) -> int:
    """Note that a visit is over, the printing that was read most often unless a person has named the card, and a better
    picture if there is one.
    """
    with database.writing() as db:
        session = _session(db, sighting, now_ms)
        if sighting.card is not None:
            learn(db, [sighting.card])
        visit = _find(db, session, sighting) or _add(db, session, sighting, now_ms)
        card = sighting.card.card_id if sighting.card else None
        db.execute(
            """UPDATE visit SET ended_ms = ?, last_frame = ?, read_as = ?,
            card = CASE WHEN EXISTS (SELECT 1 FROM edit WHERE visit = ?5 AND field = 'card') THEN card ELSE ?4 END
            WHERE id = ?5""",
            (now_ms, sighting.last_frame, card, card, visit),
        )
        _keep_thumbnail(db, visit, sighting.jpeg)
        return visit


def answer(database: Database, sighting: Sighting, now_ms: int) -> int:
    """Write down what a person says a track shows, as a step of the log; returns the visit's id.

    If the camera makes up its mind later, that is the same visit (`confirm`, `end`), and the person's word stands.
    """
    with database.writing() as db:
        session = _session(db, sighting, now_ms)
        if sighting.card is not None:
            learn(db, [sighting.card])
        visit = _insert(db, session, sighting, now_ms)
        step = begin(db, f"answered {_name(sighting)}", now_ms)
        appear(db, step, [visit])
        card = sighting.card.card_id if sighting.card else None
        db.execute("INSERT INTO edit VALUES (?, ?, 'card', NULL, ?)", (step, visit, card))
        return visit


def learn(db: sqlite3.Connection, cards: Iterable[Card]) -> None:
    """Note what cards are called; what is known already and is said to be empty stays. Within a transaction."""
    fields = Card.__struct_fields__[1:]
    kept = ", ".join(f"{field} = coalesce(nullif(excluded.{field}, ''), {field})" for field in fields)
    for card in cards:
        db.execute(
            f"INSERT INTO card VALUES (?,?,?,?,?,?,?,?,?,'') ON CONFLICT (id) DO UPDATE SET {kept}",  # noqa: S608
            msgspec.structs.astuple(card),
        )
        names = db.execute(
            "SELECT name, set_name, set_id, number, id FROM card WHERE id = ?", (card.card_id,)
        ).fetchone()
        db.execute("UPDATE card SET search = ? WHERE id = ?", (folded(" ".join(names)), card.card_id))


def _session(db: sqlite3.Connection, sighting: Sighting, now_ms: int) -> int:
    db.execute(
        "INSERT INTO session (stream, source, started_ms) VALUES (?, ?, ?) ON CONFLICT (stream) DO NOTHING",
        (sighting.stream, sighting.source, now_ms),
    )
    (session,) = db.execute("SELECT id FROM session WHERE stream = ?", (sighting.stream,)).fetchone()
    return int(session)


def _find(db: sqlite3.Connection, session: int, sighting: Sighting) -> int | None:
    key = (session, sighting.life, sighting.number)
    row = db.execute("SELECT id FROM visit WHERE session = ? AND life = ? AND number = ?", key).fetchone()
    return _answered(db, session, sighting) if row is None else int(row[0])


def _answered(db: sqlite3.Connection, session: int, sighting: Sighting) -> int | None:
    """The visit that a person has named already, which gets its number now."""
    row = db.execute(
        "SELECT min(id) FROM visit WHERE session = ? AND life = ? AND number IS NULL AND track = ? AND NOT removed",
        (session, sighting.life, sighting.track),
    ).fetchone()
    if row[0] is None:
        return None
    card = sighting.card.card_id if sighting.card else None
    db.execute(
        "UPDATE visit SET number = ?, first_frame = ?, read_as = ?, distance = ?, gap = ?, printings = ? WHERE id = ?",
        (
            sighting.number,
            sighting.first_frame,
            card,
            sighting.distance,
            sighting.gap,
            json.dumps(sighting.printings),
            row[0],
        ),
    )
    return int(row[0])


def _add(db: sqlite3.Connection, session: int, sighting: Sighting, now_ms: int) -> int:
    visit = _insert(db, session, sighting, now_ms)
    appear(db, begin(db, f"seen {_name(sighting)}", now_ms), [visit])
    return visit


def _name(sighting: Sighting) -> str:
    return sighting.card.name if sighting.card else "something unknown"


def _insert(db: sqlite3.Connection, session: int, sighting: Sighting, now_ms: int) -> int:
    card = sighting.card.card_id if sighting.card else None
    cursor = db.execute(
        """INSERT INTO visit (session, life, number, track, first_frame, last_frame, seen_ms, read_as, distance, gap,
        printings, card) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            session,
            sighting.life,
            sighting.number,
            sighting.track if sighting.number is None else None,
            sighting.first_frame,
            sighting.last_frame,
            now_ms,
            None if sighting.number is None else card,
            sighting.distance,
            sighting.gap,
            json.dumps(sighting.printings),
            card,
        ),
    )
    visit = cursor.lastrowid
    assert visit is not None
    _keep_thumbnail(db, visit, sighting.jpeg)
    return visit


def _keep_thumbnail(db: sqlite3.Connection, visit: int, jpeg: bytes | None) -> None:
    if jpeg is not None:
        db.execute("INSERT INTO thumbnail VALUES (?, ?) ON CONFLICT DO UPDATE SET jpeg = excluded.jpeg", (visit, jpeg))
