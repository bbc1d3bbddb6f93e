"""The file: made, brought up to date, refused with one line, and never half written."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from shelf_of_cards import PIKACHU, seen, sighting

from collection import database as module
from collection.database import APPLICATION_ID, CollectionError, Database, located
from collection.history import fix, undo
from collection.query import Filter, page
from collection.visits import confirm


def test_the_default_place_follows_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data in the wrong folder is not found by the next command, nor by a backup."""
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert located("") == Path("/data/sleevesight/collection.sqlite")
    monkeypatch.setenv("XDG_DATA_HOME", "not/absolute")  # the specification says: ignore it
    monkeypatch.setenv("HOME", "/home/me")
    assert located("") == Path("/home/me/.local/share/sleevesight/collection.sqlite")
    assert located("~/mine.sqlite") == Path("/home/me/mine.sqlite")


def test_reading_makes_no_file(tmp_path: Path) -> None:
    """A typing error in --file would leave an empty collection behind, and say that there are no cards."""
    with pytest.raises(CollectionError, match=r"there is no collection .*c.sqlite yet.*--sink collection"):
        Database(tmp_path / "c.sqlite")
    assert not any(tmp_path.iterdir())


def test_a_new_file_says_what_it_is(database: Database) -> None:
    """WAL lets people read while the sink writes; FULL keeps a visit through a power cut."""
    pragmas = ("journal_mode", "synchronous", "application_id", "user_version", "foreign_keys")
    found = [database.connection.execute(f"PRAGMA {pragma}").fetchone()[0] for pragma in pragmas]
    assert found == ["wal", 2, APPLICATION_ID, len(module.MIGRATIONS), 1]


def test_an_older_file_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was collected with the version before is there after an update."""
    with Database(tmp_path / "c.sqlite", create=True) as old:
        seen(old, PIKACHU)
    more = (*module.MIGRATIONS, ("ALTER TABLE visit ADD COLUMN grade TEXT", "UPDATE visit SET grade = 'none'"))
    monkeypatch.setattr(module, "MIGRATIONS", more)
    with Database(tmp_path / "c.sqlite") as new:
        assert new.connection.execute("SELECT card, grade FROM visit").fetchall()[0][:] == ("sv3pt5-25", "none")
        assert new.connection.execute("PRAGMA user_version").fetchone()[0] == len(more)


def test_an_update_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a migration would be neither version: no program could open it again."""
    with Database(tmp_path / "c.sqlite", create=True) as old:
        seen(old, PIKACHU)
    released = module.MIGRATIONS
    monkeypatch.setattr(module, "MIGRATIONS", (*released, ("ALTER TABLE visit ADD COLUMN grade", "DROP TABLE gone")))
    with pytest.raises(CollectionError, match="no such table: gone"):
        Database(tmp_path / "c.sqlite")
    monkeypatch.setattr(module, "MIGRATIONS", released)
    with Database(tmp_path / "c.sqlite") as still:
        assert "grade" not in still.connection.execute("SELECT * FROM visit").fetchone().keys()  # noqa: SIM118


def test_a_newer_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old program that writes into a new schema damages what it does not know."""
    Database(tmp_path / "c.sqlite", create=True).close()
    monkeypatch.setattr(module, "MIGRATIONS", ())
    with pytest.raises(CollectionError, match=r"newer Sleevesight \(schema [1-9], this one knows 0\)"):
        Database(tmp_path / "c.sqlite")


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    """--file points at the browser's history: its tables must not get company."""
    other = sqlite3.connect(tmp_path / "other.sqlite")
    other.execute("CREATE TABLE mine (x)")
    other.close()
    before = (tmp_path / "other.sqlite").read_bytes()
    with pytest.raises(CollectionError, match="database of another program"):
        Database(tmp_path / "other.sqlite", create=True)
    assert (tmp_path / "other.sqlite").read_bytes() == before


@pytest.mark.parametrize("content", [b"id,name\n" * 2000, b"\0" * 5000])
def test_what_is_no_database_is_said_so(tmp_path: Path, content: bytes) -> None:
    """The CSV instead of the collection: one line, no traceback."""
    (tmp_path / "c.sqlite").write_bytes(content)
    with pytest.raises(CollectionError, match=r"c.sqlite: this is no SQLite database: name another file"):
        Database(tmp_path / "c.sqlite")


def test_a_damaged_file_is_said_so(tmp_path: Path) -> None:
    """A bad card in the Pi: which file, and what can be done."""
    path = tmp_path / "c.sqlite"
    with Database(path, create=True) as made:
        seen(made, *[PIKACHU] * 200)
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)
    with (
        pytest.raises(CollectionError, match=r"c.sqlite: the file is damaged: put a copy .*recover"),
        Database(path) as bad,
    ):
        page(bad, Filter(), 50)


def test_a_full_disk_is_said_so_and_loses_nothing_confirmed(tmp_path: Path) -> None:
    """The visit that does not fit is refused whole; those before it are there, and the next one finds room again."""
    with Database(tmp_path / "c.sqlite", create=True) as small:
        small.connection.execute("PRAGMA max_page_count = 30")
        kept = 0
        with pytest.raises(CollectionError, match="the disk is full; what was confirmed before is kept"):
            for kept in range(1000):
                confirm(small, sighting(kept, jpeg=b"x" * 20_000), 0)
        assert 0 < kept == len(page(small, Filter(), 1000))
        small.connection.execute("PRAGMA max_page_count = 10000")
        confirm(small, sighting(kept), 0)
        assert small.connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


HERE = Path(__file__).parent

WRITER = """
import sys
from pathlib import Path
from shelf_of_cards import sighting
from collection.database import Database
from collection.visits import confirm
with Database(Path(sys.argv[1]), create=True) as database:
    for number in range(1_000_000):
        confirm(database, sighting(number, jpeg=b"x" * 20_000), number)
        print(number, flush=True)
"""


def test_a_killed_writer_loses_no_visit_that_it_confirmed(tmp_path: Path) -> None:
    """SIGKILL in the middle of writing, several times over: every number that came back is in the file, once."""
    told: list[int] = []
    for stop_after in (1, 7, 40):
        path = tmp_path / "c.sqlite"
        writer = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), str(path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(HERE.parents[1]), str(HERE)))},
        )
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(stop_after)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.read().splitlines()
        writer.wait()
        writer.stdout.close()
        told += [int(line) for line in lines if line.strip()]
        with Database(path) as after:
            numbers = [row[0] for row in after.connection.execute("SELECT number FROM visit")]
            assert set(told) <= set(numbers)
            assert len(numbers) == len(set(numbers)) <= max(told) + 2  # and perhaps the one that was on its way
            assert after.connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def _correct(path: Path, visits: list[int], ready: object) -> None:
    with Database(path) as database:
        ready.wait()  # type: ignore[attr-defined]
        for visit in visits:
            fix(database, [visit], {"note": f"note {visit}"}, 0)


def test_people_correct_while_the_sink_writes(tmp_path: Path) -> None:
    """Two processes on one file: each change waits its turn, and nobody's is lost or refused."""
    path = tmp_path / "c.sqlite"
    context = multiprocessing.get_context("fork")
    with Database(path, create=True) as setup:
        before = seen(setup, *[PIKACHU] * 40)
    ready = context.Event()
    person = context.Process(target=_correct, args=(path, before, ready))
    person.start()
    with Database(path) as sink:
        ready.set()
        for number in range(100, 160):
            confirm(sink, sighting(number), 0)
        person.join(30)
        assert person.exitcode == 0
        visits = page(sink, Filter(), 1000)
    assert len(visits) == 100
    assert {one.visit: one.said.note for one in visits if one.said.note} == {one: f"note {one}" for one in before}


def test_whoever_holds_the_file_for_ever_is_named(tmp_path: Path) -> None:
    """An editor with an open transaction: a line, not a hang."""
    with Database(tmp_path / "c.sqlite", create=True) as first, Database(tmp_path / "c.sqlite", busy_s=0.01) as second:
        with (
            first.writing(),
            pytest.raises(CollectionError, match="another program has been writing to it for too long"),
        ):
            confirm(second, sighting(1), 0)
        confirm(second, sighting(1), 0)


def test_a_change_of_somebody_else_is_noticed(database: Database) -> None:
    """A page that shows the collection must not show what is gone; its own changes it knows."""
    before = database.version()
    seen(database, PIKACHU)
    assert database.version() == before
    with Database(database.path) as other:
        undo(other, 0)
    assert database.version() != before
