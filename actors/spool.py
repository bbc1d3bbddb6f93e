"""A bounded queue on disk: what was put in is there after a kill or a power cut, and leaves only when it is done with.

SQLite's log (WAL) does the work: a torn tail of it is ignored, so whatever `put` has returned from is whole.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bus.log import get_logger

_TABLE = (
    "CREATE TABLE IF NOT EXISTS spool (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, body BLOB NOT NULL)"
)

log = get_logger("spool")


class SpoolError(RuntimeError):
    """The queue cannot be opened, read or written; says which file and why."""


class Item(NamedTuple):
    """One message: its place in the queue, the id by which a receiver knows a repeat, and what to send."""

    seq: int
    id: str
    body: bytes


class Spool:
    """First in, first out. Beyond `max_messages` or `max_bytes` of bodies the oldest is dropped and counted.

    The oldest, because a device that was cut off for long is asked what is there now, and what its newest cards are.
    Usable from several threads, by one process at a time. SpoolError if the file cannot be had.
    """

    def __init__(self, path: Path, max_messages: int, max_bytes: int) -> None:
        self.dropped: Counter[str] = Counter()
        """Messages that were given up since it was opened: `full`, `too_large`, and what `drop` was told."""
        self._path, self._max_messages, self._max_bytes = path, max_messages, max_bytes
        self._lock = threading.Lock()
        with self._explained():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._db = self._open()
            self._count: int
            self._bytes: int
            self._count, self._bytes = self._db.execute(
                "SELECT COUNT(*), IFNULL(SUM(LENGTH(body)), 0) FROM spool"
            ).fetchone()

    def put(self, key: str, body: bytes) -> None:
        """Append a message; when this returns, it is on the disk."""
        if len(body) > self._max_bytes:
            self.dropped["too_large"] += 1
            return
        with self._writing(durable=True):
            gone = self._oldest_beyond(len(body))
            if gone:
                self._db.execute("DELETE FROM spool WHERE seq <= ?", (gone[-1][0],))
            self._db.execute("INSERT INTO spool (id, body) VALUES (?, ?)", (key, body))
            self._db.commit()
            self._count += 1 - len(gone)
            self._bytes += len(body) - sum(size for _, size in gone)
            if gone:
                self.dropped["full"] += len(gone)

    def first(self, count: int) -> list[Item]:
        """The oldest messages, up to `count`; they stay until they are done."""
        with self._lock, self._explained():
            rows = self._db.execute("SELECT seq, id, body FROM spool ORDER BY seq LIMIT ?", (count,))
            return [Item(*row) for row in rows]

    def done(self, seq: int) -> None:
        """Remove a message that has arrived. After a power cut it may be back: a repeat harms nobody, a sync costs."""
        self._remove(seq)

    def drop(self, seq: int, reason: str) -> None:
        """Remove a message that will never arrive, and count it."""
        self.dropped[reason] += self._remove(seq)

    def __len__(self) -> int:
        """Messages that wait."""
        return self._count

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _oldest_beyond(self, coming: int) -> list[tuple[int, int]]:
        """`(seq, bytes)` of the messages that have to go for one of `coming` bytes more."""
        gone: list[tuple[int, int]] = []
        count, size = self._count + 1, self._bytes + coming
        if count <= self._max_messages and size <= self._max_bytes:
            return gone
        for row in self._db.execute("SELECT seq, LENGTH(body) FROM spool ORDER BY seq"):
            gone.append(row)
            count, size = count - 1, size - row[1]
            if count <= self._max_messages and size <= self._max_bytes:
                break
        return gone

    def _remove(self, seq: int) -> int:
        """How many there were: 0 if it was dropped meanwhile."""
        with self._writing(durable=False):
            row = self._db.execute("SELECT LENGTH(body) FROM spool WHERE seq = ?", (seq,)).fetchone()
            if row is None:
                return 0
            self._db.execute("DELETE FROM spool WHERE seq = ?", (seq,))
            self._db.commit()
            self._count, self._bytes = self._count - 1, self._bytes - row[0]
            return 1

    @contextlib.contextmanager
    def _writing(self, durable: bool) -> Iterator[None]:
        """One transaction, which its body commits, alone."""
        with self._lock, self._explained():
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            try:
                yield
            finally:
                if self._db.in_transaction:
                    self._db.rollback()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            locked = getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY")
            why = "another process has it" if locked else error
            raise SpoolError(f"the queue {self._path}: {why}; set [fleet] spool to a folder of this user") from None

    def _open(self) -> sqlite3.Connection:
        """The file, in order; if it is damaged, a new one with every message that could still be read."""
        db = _connect(self._path)
        try:
            if db.execute("PRAGMA quick_check").fetchone() == ("ok",):
                db.execute(_TABLE)
                return db
            problem = "pages do not fit together"
        except sqlite3.DatabaseError as error:
            problem = str(error)
        rescued = _readable(db)
        db.close()
        return self._anew(rescued, problem)

    def _anew(self, rescued: list[tuple[int, str, bytes]], problem: str) -> sqlite3.Connection:
        aside = self._path.with_name(f"{self._path.name}.damaged")
        self._path.replace(aside)
        for rest in ("-wal", "-journal"):
            self._path.with_name(f"{self._path.name}{rest}").unlink(missing_ok=True)
        self._path.touch(mode=0o600)
        db = _connect(self._path)
        db.execute(_TABLE)
        with db:
            db.executemany("INSERT INTO spool VALUES (?, ?, ?)", rescued)
        self.dropped["damaged"] += 1
        log.error("the queue was damaged", file=str(self._path), why=problem, rescued=len(rescued), kept_as=str(aside))
        return db


def default_folder() -> Path:
    """Where a service ($STATE_DIRECTORY) or a user ($XDG_STATE_HOME) keeps what must last."""
    if service := os.environ.get("STATE_DIRECTORY"):
        return Path(service.partition(":")[0])
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "sleevesight"


def _connect(path: Path) -> sqlite3.Connection:
    """Held exclusively: a second process would send everything a second time. The kernel lets go when we die."""
    db = sqlite3.connect(path, timeout=0, check_same_thread=False)
    try:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("BEGIN EXCLUSIVE")
        db.rollback()
    except sqlite3.OperationalError:  # in use, no space: nothing is wrong with the file
        db.close()
        raise
    except sqlite3.DatabaseError:
        pass  # it is damaged, as the check will find
    return db


def _readable(db: sqlite3.Connection) -> list[tuple[int, str, bytes]]:
    """The rows up to the first that cannot be read."""
    rows = []
    with contextlib.suppress(sqlite3.DatabaseError):
        for seq, key, body in db.execute("SELECT seq, id, body FROM spool ORDER BY seq"):
            if isinstance(key, str) and isinstance(body, bytes):
                rows.append((seq, key, body))
    return rows
