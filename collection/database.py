"""The file: SQLite in WAL mode, its schema with its history, and errors that say what to do."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

APPLICATION_ID = 0x534C5643
"""`SLVC` in the file's header: another program's database is not ours to change."""
BUSY_S = 10.0
"""How long to wait for whoever is writing: every change is one short transaction."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE session (
            id INTEGER PRIMARY KEY,
            stream TEXT UNIQUE,  -- the capture's session; NULL: an import
            source TEXT NOT NULL,
            started_ms INTEGER NOT NULL)""",
        """CREATE TABLE card (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            set_id TEXT NOT NULL,
            set_name TEXT NOT NULL,
            set_code TEXT NOT NULL,
            number TEXT NOT NULL,
            rarity TEXT NOT NULL,
            supertype TEXT NOT NULL,
            picture TEXT NOT NULL,
            search TEXT NOT NULL)""",
        """CREATE TABLE visit (
            id INTEGER PRIMARY KEY,
            session INTEGER NOT NULL REFERENCES session,
            life TEXT NOT NULL,  -- the smoother's session, within which visits are numbered
            number INTEGER,      -- NULL: an import
            first_frame INTEGER,
            last_frame INTEGER,
            seen_ms INTEGER NOT NULL,
            ended_ms INTEGER,
            read_as TEXT REFERENCES card,  -- what the camera said; NULL: not in the catalogue
            distance REAL,
            gap REAL,
            printings TEXT NOT NULL,  -- ids that the picture cannot tell apart, JSON
            -- What counts, changed by people alone and through the log alone:
            card TEXT REFERENCES card,
            quantity INTEGER NOT NULL DEFAULT 1 CHECK (quantity > 0),
            finish TEXT,
            condition TEXT,
            language TEXT,
            price TEXT,
            note TEXT,
            removed INTEGER NOT NULL DEFAULT 0,
            UNIQUE (session, life, number))""",
        "CREATE INDEX visit_by_session ON visit (session, id) WHERE NOT removed",
        "CREATE INDEX visit_by_card ON visit (card, id) WHERE NOT removed",
        "CREATE TABLE thumbnail (visit INTEGER PRIMARY KEY REFERENCES visit, jpeg BLOB NOT NULL)",
        """CREATE TABLE change (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at_ms INTEGER NOT NULL,
            what TEXT NOT NULL,
            reverts INTEGER REFERENCES change,
            undone INTEGER NOT NULL DEFAULT 0)""",
        """CREATE TABLE edit (
            change INTEGER NOT NULL REFERENCES change,
            visit INTEGER NOT NULL REFERENCES visit,
            field TEXT NOT NULL,
            before,
            after,
            PRIMARY KEY (change, visit, field)) WITHOUT ROWID""",
        "CREATE INDEX edit_by_visit ON edit (visit)",
    ),
    ("ALTER TABLE visit ADD COLUMN track INTEGER",),  # that a person was asked about, before the camera numbered it
)
"""What led from each version of the schema to the next; what was released is never changed, only added to."""


class CollectionError(ValueError):
    """A collection that cannot be used, or a request that makes no sense: names the file or the value."""


def located(file: str) -> Path:
    """The file that is meant; empty: the one in the user's data directory ($XDG_DATA_HOME, else ~/.local/share)."""
    if file:
        return Path(file).expanduser()
    base = os.environ.get("XDG_DATA_HOME", "")
    root = Path(base) if base.startswith("/") else Path.home() / ".local" / "share"
    return root / "sleevesight" / "collection.sqlite"


class Database:
    """An open collection. Reads see one moment each; changes are short transactions that wait for one another."""

    def __init__(self, path: Path, *, create: bool = False, busy_s: float = BUSY_S) -> None:
        """Open the file, and bring its schema up to date. CollectionError if it is none, or damaged, or newer."""
        self.path = path
        if not path.exists() and not create:
            raise CollectionError(f"there is no collection {path} yet: `sleevesight up --sink collection` makes it")
        with self.clearly():
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise CollectionError(f"{path.parent} cannot be made: {error.strerror}") from None
            # Made in one thread, used by one at a time.
            self.connection = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self.connection.close()
                raise

    def _prepare(self) -> None:
        self.connection.row_factory = sqlite3.Row
        (version,) = self.connection.execute("PRAGMA user_version").fetchone()
        (application,) = self.connection.execute("PRAGMA application_id").fetchone()
        empty = self.connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
        if application != APPLICATION_ID and not empty:
            raise CollectionError(f"{self.path} is a database of another program: name another file")
        if version > len(MIGRATIONS):
            raise CollectionError(
                f"{self.path} was written by a newer Sleevesight (schema {version}, this one knows {len(MIGRATIONS)}): "
                "install that one"
            )
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")  # a confirmed visit survives the power cut, too
        self.connection.execute("PRAGMA foreign_keys = ON")
        if version < len(MIGRATIONS):
            self._migrate()

    def _migrate(self) -> None:
        with self.writing() as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()  # another process may have been quicker
            for migration in MIGRATIONS[version:]:
                for statement in migration:
                    db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def version(self) -> int:
        """A number that is another one after somebody else has changed the collection."""
        with self.clearly():
            (version,) = self.connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """For queries."""
        with self.clearly():
            yield self.connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """For changes: all of them or none, on the disk when the block is left."""
        with self.clearly():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # a full disk has rolled back by itself
                    self.connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def clearly(self) -> Iterator[None]:
        """SQLite's errors as CollectionError: what it is, and what to do."""
        try:
            yield
        except sqlite3.Error as error:
            raise CollectionError(f"{self.path}: {_meaning(error)}") from error

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_MEANINGS = {
    sqlite3.SQLITE_NOTADB: "this is no SQLite database: name another file",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: put a copy of it back, or rescue it with `sqlite3 FILE .recover`",
    sqlite3.SQLITE_BUSY: "another program has been writing to it for too long: end that one and try again",
    sqlite3.SQLITE_FULL: "the disk is full; what was confirmed before is kept",
    sqlite3.SQLITE_IOERR: "the disk cannot be written or read; what was confirmed before is kept",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened: name one in a folder that can be written to",
    sqlite3.SQLITE_READONLY: "the file cannot be written to: change its rights, or name another one",
}


def _meaning(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", None)
    return _MEANINGS.get(code & 0xFF, str(error)) if code is not None else str(error)
