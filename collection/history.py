"""Changes by people: a log that is only ever added to, so that every step can be taken back, and taken back again."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from collection.database import CollectionError, Database

FIELDS = ("card", "quantity", "finish", "condition", "language", "price", "note", "removed")
"""What an edit may touch."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the log. `undone`: a later one has taken it back."""

    change: int
    at_ms: int
    what: str
    reverts: int | None
    undone: bool
    visits: int


def begin(db: sqlite3.Connection, what: str, now_ms: int, reverts: int | None = None) -> int:
    """The number of a new step; within a transaction."""
    cursor = db.execute("INSERT INTO change (at_ms, what, reverts) VALUES (?, ?, ?)", (now_ms, what, reverts))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def appear(db: sqlite3.Connection, change: int, visits: Sequence[int]) -> None:
    """Note that the step brought these visits; taken back, they are removed."""
    db.executemany("INSERT INTO edit VALUES (?, ?, 'removed', 1, 0)", [(change, visit) for visit in visits])


def fix(database: Database, visits: Sequence[int], values: Mapping[str, Any], now_ms: int) -> int:
    """Say something of visits: the number of the step. CollectionError for a visit that is not there."""
    what = "fix " + ", ".join(f"{field} = {'unknown' if value is None else value}" for field, value in values.items())
    with database.writing() as db:
        change = begin(db, what, now_ms)
        for visit in dict.fromkeys(visits):
            if db.execute("SELECT 1 FROM visit WHERE id = ? AND NOT removed", (visit,)).fetchone() is None:
                raise CollectionError(f"there is no visit {visit} in {database.path}: `sleevesight collection list`")
        for field, value in values.items():
            _set(db, change, field, value, visits)
        return change


def remove(database: Database, what: str, now_ms: int, *, visit: int | None = None, session: int | None = None) -> int:
    """Take a visit, or all of a session, out of the collection: the number of the step, which can be undone."""
    column, value = ("id", visit) if visit is not None else ("session", session)
    with database.writing() as db:
        change = begin(db, what, now_ms)
        chosen = f"FROM visit WHERE {column} = ? AND NOT removed"
        db.execute(f"INSERT INTO edit SELECT ?, id, 'removed', 0, 1 {chosen}", (change, value))
        out = db.execute(f"UPDATE visit SET removed = 1 WHERE id IN (SELECT id {chosen})", (value,))  # noqa: S608
        if out.rowcount == 0:
            raise CollectionError(f"{what}: nothing is there in {database.path}")
        return change


def undo(database: Database, now_ms: int, change: int | None = None) -> Change:
    """Take a step back, by default the latest that is in effect and is no undo itself; returns the step taken back.

    CollectionError if there is none, if it was taken back already, or if a later step has changed the same.
    """
    with database.writing() as db:
        step = _to_undo(db, change, database)
        new = begin(db, f"undo {step.change}", now_ms, step.change)
        for (field,) in db.execute("SELECT DISTINCT field FROM edit WHERE change = ?", (step.change,)).fetchall():
            _revert(db, step.change, field)
        db.execute(
            "INSERT INTO edit SELECT ?, visit, field, after, before FROM edit WHERE change = ?", (new, step.change)
        )
        db.execute("UPDATE change SET undone = 1 WHERE id = ?", (step.change,))
        db.execute("UPDATE change SET undone = 0 WHERE id = ?", (step.reverts,))
    return step


def log(database: Database, limit: int, before: int | None = None) -> list[Change]:
    """The last steps, newest first."""
    with database.reading() as db:
        rows = db.execute(_CHANGES + " WHERE id < ? ORDER BY id DESC LIMIT ?", (before or 1 << 62, limit))
        return [_change(row) for row in rows]


_CHANGES = """SELECT id, at_ms, what, reverts, undone,
    (SELECT count(DISTINCT visit) FROM edit WHERE edit.change = change.id) AS visits FROM change"""


def _change(row: sqlite3.Row) -> Change:
    return Change(
        change=row["id"],
        at_ms=row["at_ms"],
        what=row["what"],
        reverts=row["reverts"],
        undone=bool(row["undone"]),
        visits=row["visits"],
    )


def _to_undo(db: sqlite3.Connection, change: int | None, database: Database) -> Change:
    if change is None:
        latest = " WHERE id = (SELECT max(id) FROM change WHERE NOT undone AND reverts IS NULL)"
        row = db.execute(_CHANGES + latest).fetchone()
        if row is None:
            raise CollectionError(f"there is nothing to undo in {database.path}")
        return _change(row)
    row = db.execute(_CHANGES + " WHERE id = ?", (change,)).fetchone()
    if row is None:
        raise CollectionError(f"there is no change {change} in {database.path}: `sleevesight collection log`")
    if row["undone"]:
        raise CollectionError(f"change {change} is undone already: `sleevesight collection log`")
    return _change(row)


def _set(db: sqlite3.Connection, change: int, field: str, value: Any, visits: Sequence[int]) -> None:
    assert field in FIELDS
    for visit in dict.fromkeys(visits):
        db.execute(
            f"INSERT INTO edit SELECT ?, id, '{field}', {field}, ? FROM visit WHERE id = ?",  # noqa: S608
            (change, value, visit),
        )
        db.execute(f"UPDATE visit SET {field} = ? WHERE id = ?", (value, visit))  # noqa: S608


def _revert(db: sqlite3.Connection, change: int, field: str) -> None:
    """Put back what a field was before a step, unless it is not what the step made of it any more."""
    assert field in FIELDS
    mine = (change, field)
    since = db.execute(
        f"""SELECT visit FROM edit JOIN visit ON visit.id = edit.visit
        WHERE change = ? AND field = ? AND visit.{field} IS NOT after LIMIT 1""",  # noqa: S608
        mine,
    ).fetchone()
    if since is not None:
        latest = "SELECT max(change) FROM edit WHERE visit = ? AND field = ?"
        (other,) = db.execute(latest, (since[0], field)).fetchone()
        raise CollectionError(
            f"change {change} cannot be undone: change {other} has set {field} of visit {since[0]} since; "
            "undo that first"
        )
    db.execute(
        f"""UPDATE visit
        SET {field} = (SELECT before FROM edit WHERE change = ?1 AND field = ?2 AND edit.visit = visit.id)
        WHERE id IN (SELECT visit FROM edit WHERE change = ?1 AND field = ?2)""",  # noqa: S608
        mine,
    )
