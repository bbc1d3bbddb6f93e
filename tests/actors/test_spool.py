"""The queue on the disk: what was accepted is there, in order, whatever happens to the process or the file."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections import deque
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.spool import Spool, SpoolError, default_folder


def opened(path: Path, messages: int = 1000, size: int = 1 << 20) -> Spool:
    return Spool(path / "q.spool", messages, size)


def bodies(spool: Spool) -> list[bytes]:
    return [item.body for item in spool.first(10_000)]


def test_first_in_first_out(tmp_path: Path) -> None:
    """A visit that ended before it was confirmed makes no sense to anybody."""
    spool = opened(tmp_path)
    for number in range(5):
        spool.put(f"id{number}", b"%d" % number)
    assert [(item.id, item.body) for item in spool.first(2)] == [("id0", b"0"), ("id1", b"1")]
    spool.done(spool.first(1)[0].seq)
    assert bodies(spool) == [b"1", b"2", b"3", b"4"]
    assert len(spool) == 4


def test_what_is_not_done_is_there_again(tmp_path: Path) -> None:
    """At least once: a message leaves when it has arrived, not when it was sent."""
    spool = opened(tmp_path)
    spool.put("a", b"1")
    spool.first(1)
    spool.close()
    again = opened(tmp_path)
    assert bodies(again) == [b"1"]
    again.done(again.first(1)[0].seq)
    again.close()
    assert len(opened(tmp_path)) == 0


def test_a_number_is_never_used_twice(tmp_path: Path) -> None:
    """A late answer for a message that is gone must not remove the one that came after it."""
    spool = opened(tmp_path)
    spool.put("a", b"1")
    seq = spool.first(1)[0].seq
    spool.done(seq)
    spool.put("b", b"2")
    spool.done(seq)
    assert bodies(spool) == [b"2"]


@pytest.mark.parametrize(("messages", "size"), [(3, 1 << 20), (1000, 6)])
def test_the_oldest_goes_when_it_is_full(tmp_path: Path, messages: int, size: int) -> None:
    """A broker that is away for a month must not fill the disk; what is lost is counted."""
    spool = opened(tmp_path, messages, size)
    for number in range(5):
        spool.put("x", b"%02d" % number)
    assert bodies(spool) == [b"02", b"03", b"04"]
    assert dict(spool.dropped) == {"full": 2}


def test_what_is_too_large_alone_pushes_nothing_out(tmp_path: Path) -> None:
    """One monster would empty the queue for nothing."""
    spool = opened(tmp_path, size=4)
    spool.put("a", b"1")
    spool.put("b", b"12345")
    assert bodies(spool) == [b"1"]
    assert dict(spool.dropped) == {"too_large": 1}


def test_what_is_given_up_is_counted_once(tmp_path: Path) -> None:
    """With its reason; and not again if it is gone already."""
    spool = opened(tmp_path)
    spool.put("a", b"1")
    seq = spool.first(1)[0].seq
    spool.drop(seq, "rejected")
    spool.drop(seq, "rejected")
    assert dict(spool.dropped) == {"rejected": 1}


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(st.one_of(st.binary(max_size=12), st.sampled_from(["done", "reopen"])), max_size=30),
    messages=st.integers(1, 6),
    size=st.integers(1, 40),
)
def test_it_is_a_bounded_queue(
    tmp_path_factory: pytest.TempPathFactory, steps: list[bytes | str], messages: int, size: int
) -> None:
    """Whatever the order of putting, taking and restarting: the model is a deque that is popped from the left."""
    folder = tmp_path_factory.mktemp("spool")
    spool, model = opened(folder, messages, size), deque[bytes]()
    for step in steps:
        if isinstance(step, bytes):
            spool.put("x", step)
            if len(step) <= size:
                model.append(step)
                while len(model) > messages or sum(map(len, model)) > size:
                    model.popleft()
        elif step == "done" and model:
            spool.done(spool.first(1)[0].seq)
            model.popleft()
        elif step == "reopen":
            spool.close()
            spool = opened(folder, messages, size)
        assert bodies(spool) == list(model)
        assert len(spool) == len(model)
    spool.close()


WRITER = """
import sys
from pathlib import Path
from actors.spool import Spool
spool = Spool(Path(sys.argv[1]), 10**6, 10**9)
for number in range(10**6):
    spool.put(str(number), b"%d" % number)
    print(number, flush=True)
"""


def test_a_kill_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    """kill -9 in the middle of writing: every message that `put` returned for is there, in order, without a hole."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "q.spool")],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    for _ in range(50):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().split()
    process.wait()
    accepted = 50 + len(rest)
    found = [int(body) for body in bodies(opened(tmp_path))]
    assert found == list(range(len(found)))
    assert len(found) in (accepted, accepted + 1), "the last may be on the disk and not printed yet"


def test_a_torn_tail_is_ignored(tmp_path: Path) -> None:
    """Power that fails while a page is written: everything before the torn transaction is there."""
    spool = opened(tmp_path)
    for number in range(10):
        spool.put("x", b"%d" % number)
    log = (tmp_path / "q.spool-wal").read_bytes()
    database = (tmp_path / "q.spool").read_bytes()
    spool.close()
    for cut in range(len(log) - 1, len(log) - 9000, -700):
        (tmp_path / "q.spool").write_bytes(database)
        (tmp_path / "q.spool-wal").write_bytes(log[:cut] + b"\x5a" * 100)
        torn = opened(tmp_path)
        found = [int(body) for body in bodies(torn)]
        assert found == list(range(len(found)))
        assert len(found) >= 7
        torn.put("y", b"99")
        assert bodies(torn)[-1] == b"99"
        assert not torn.dropped
        torn.close()


def test_a_damaged_file_is_set_aside_and_what_can_be_read_is_kept(tmp_path: Path) -> None:
    """A bad card sector must not keep the sink from ever starting again."""
    spool = opened(tmp_path)
    for number in range(400):
        spool.put("x", b"%04d" % number * 50)
    spool.close()
    path = tmp_path / "q.spool"
    content = bytearray(path.read_bytes())
    content[-9000:] = b"\xff" * 9000
    path.write_bytes(content)
    again = opened(tmp_path)
    found = [int(body[:4]) for body in bodies(again)]
    assert found == list(range(len(found)))
    assert len(found) > 300
    assert dict(again.dropped) == {"damaged": 1}
    assert (tmp_path / "q.spool.damaged").stat().st_size == len(content)
    again.put("x", b"new")
    assert bodies(again)[-1] == b"new"


def test_a_file_that_is_something_else_entirely(tmp_path: Path) -> None:
    """It is kept, not overwritten: it may be somebody's photo."""
    (tmp_path / "q.spool").write_bytes(b"no database " * 500)
    spool = opened(tmp_path)
    spool.put("a", b"1")
    assert bodies(spool) == [b"1"]
    assert (tmp_path / "q.spool.damaged").read_bytes().startswith(b"no database")


def test_two_processes_never_share_one(tmp_path: Path) -> None:
    """Both would send everything; the second says what is wrong. The lock is the kernel's, so no kill leaves one."""
    spool = opened(tmp_path)
    code = (
        f"from pathlib import Path; from actors.spool import Spool; Spool(Path({str(tmp_path / 'q.spool')!r}), 9, 99)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert "SpoolError: the queue" in second.stderr
    assert "another process has it; set [fleet] spool" in second.stderr
    spool.close()
    opened(tmp_path).close()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """One line, with the setting."""
    (tmp_path / "file").touch()
    with pytest.raises(SpoolError, match=r"file.*set \[fleet\] spool"):
        Spool(tmp_path / "file" / "q.spool", 1, 1)


def test_only_its_user_reads_it(tmp_path: Path) -> None:
    """Who owns which cards is nobody else's business."""
    spool = opened(tmp_path / "new")
    spool.put("a", b"1")
    for file in (tmp_path / "new").iterdir():
        assert file.stat().st_mode & 0o077 == 0
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0


def test_the_database_syncs_before_put_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Power loss cannot be staged here: that a put is synced, and a removal need not be, is what SQLite is told."""
    told: list[str] = []
    real = sqlite3.connect

    def connect(*arguments: object, **more: object) -> sqlite3.Connection:
        db = real(*arguments, **more)  # type: ignore[call-overload]
        db.set_trace_callback(told.append)
        return db  # type: ignore[no-any-return]

    monkeypatch.setattr(sqlite3, "connect", connect)
    spool = opened(tmp_path)
    told.clear()
    spool.put("a", b"1")
    put = list(told)
    assert put.index("PRAGMA synchronous = FULL") < next(n for n, what in enumerate(put) if what.startswith("INSERT"))
    assert put[-1] == "COMMIT"
    assert "PRAGMA journal_mode" not in " ".join(put)
    spool.done(1)
    assert told[len(put)] == "PRAGMA synchronous = NORMAL"


def test_where_it_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service's own state folder, else the user's: never the run directory, which is gone after a power cut."""
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/sleevesight:/else")
    assert default_folder() == Path("/var/lib/sleevesight")
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setenv("XDG_STATE_HOME", "/home/me/state")
    assert default_folder() == Path("/home/me/state/sleevesight")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert default_folder() == Path("/home/me/.local/state/sleevesight")
