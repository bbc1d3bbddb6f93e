"""The recorder's files: none is overwritten, whatever ends one it can be played, and it says where it is from."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcap.reader import make_reader
from recorder_desk import RESULT, Desk, on, picture, played
from samples import SAMPLES

from actors import recorder
from actors.config import Config, dump, updated
from actors.recorder import Recorder
from actors.recording import TALLY, origin
from actors.sink import SinkActor, make_sink
from actors.sources.base import SourceError
from bus.clock import ManualClock
from bus.fake import FakeBus
from bus.loop import ActorFailed
from bus.messages import VERSION, Bye, Heartbeat
from bus.ring import RingWriter
from bus.topics import HEARTBEAT, PIPELINE, RESULTS

# The file.


def test_what_exists_is_never_overwritten(desk: Desk, ring: RingWriter, clock: ManualClock) -> None:
    """The evening's recording is gone because the command was repeated: refused, and the file is as it was."""
    desk.frames(0)
    before = desk.finish().read_bytes()
    again = Desk(desk.out, ring, clock)
    with pytest.raises(ValueError, match=r"table.mcap exists already: name another file"):
        again.recorder.start()
    again.recorder.close()
    assert desk.out.read_bytes() == before


def test_a_folder_gets_a_file_for_every_start(tmp_path: Path, ring: RingWriter, clock: ManualClock) -> None:
    """A service that is started again within a second must neither overwrite its file nor refuse."""
    (tmp_path / "tapes").mkdir()
    for session in ("aaaa", "bbbb"):
        desk = Desk(tmp_path / "tapes", ring, clock)
        desk.bus.session = session
        desk.recorder.start()
        desk.recorder.finish()
        desk.recorder.close()
    names = sorted(path.name for path in (tmp_path / "tapes").iterdir())
    assert len(names) == 2
    assert all(name.endswith(f"-{session}.mcap") for name, session in zip(names, ("aaaa", "bbbb"), strict=True))


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("", r"no file is named: set \[recorder\] out, or pass --out"),
        ("/nowhere/table.mcap", r"\[recorder\] out = /nowhere/table.mcap: No such file or directory"),
        ("/nowhere/", r"\[recorder\] out = /nowhere/: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_made(desk: Desk, ring: RingWriter, clock: ManualClock, out: str, message: str) -> None:
    """One line at the start, that names the key."""
    other = Desk(desk.out, ring, clock)
    other.recorder = Recorder(other.bus, updated(other.config, "recorder", out=out))
    with pytest.raises(ValueError, match=message):
        other.recorder.start()


def test_a_file_that_is_cut_off_anywhere_plays_up_to_the_cut(desk: Desk) -> None:
    """Killed, or no power: what is whole is there, in order, and nothing else; zeros at the end are no frames."""
    for number in range(12):
        desk.frames(number)
        desk.hear(RESULT, RESULTS)
    whole = desk.finish().read_bytes()
    cut, counts = desk.out.with_name("cut.mcap"), []
    for size in [*range(0, len(whole), len(whole) // 150), len(whole) - 1]:
        cut.write_bytes(whole[:size] + bytes(size % 3 * 5000))
        try:
            frames = played(cut)
        except SourceError as error:
            assert "cut.mcap" in str(error)
            frames = []
        assert all(np.array_equal(one.pixels, picture(number)) for number, one in enumerate(frames))
        counts.append(len(frames))
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, 12)
    assert len(set(counts)) > 1


def test_little_is_lost_by_a_kill(tmp_path: Path, ring: RingWriter, clock: ManualClock) -> None:
    """Nothing may wait in a buffer of ours: all but the last chunk is on disk while the recorder still runs."""
    desk = Desk(tmp_path / "table.mcap", ring, clock, frames="none")
    desk.recorder.start()
    crop = np.random.default_rng(0).integers(0, 256, 20_000, np.uint8).tobytes()
    for _ in range(20):
        desk.hear(SAMPLES["crops"][1], SAMPLES["crops"][0], [crop])
    copy = tmp_path / "copy.mcap"
    copy.write_bytes(desk.out.read_bytes())
    assert len(on(copy, "crops")) >= 16
    assert origin(copy)["wire"] == str(VERSION)
    desk.recorder.close()


class Full:
    """A file on a disk with so many bytes left: the write that does not fit is done in part."""

    def __init__(self, file: Any, room: int) -> None:
        self._file, self._room = file, room

    def write(self, data: bytes) -> int:
        self._file.write(data[: self._room])
        self._room = max(0, self._room - len(data))
        if not self._room:
            raise OSError(28, "No space left on device")
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_a_full_disk_ends_it_with_one_line(
    tmp_path: Path, ring: RingWriter, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recorder ends, the others do not notice, and what was written plays."""
    create = recorder._create
    monkeypatch.setattr(recorder, "_create", lambda *arguments: Full(create(*arguments), 400_000))
    desk = Desk(tmp_path / "table.mcap", ring, clock)
    desk.recorder.start()
    noise = np.random.default_rng(0).integers(0, 256, 30_000, np.uint8).tobytes()
    sent = 0
    with pytest.raises(
        ActorFailed, match=r"table.mcap: No space left on device; what was written so far can be played"
    ):
        for sent in range(40):
            desk.frames(sent)
            desk.hear(SAMPLES["crops"][1], SAMPLES["crops"][0], [noise])
    desk.recorder.close()
    frames = played(desk.out)
    assert 5 < len(frames) <= sent + 1 < 40
    assert all(np.array_equal(one.pixels, picture(number)) for number, one in enumerate(frames))


# What made it, and what became of it.


def test_it_says_what_made_it(desk: Desk, tmp_path: Path) -> None:
    """Six months later nobody knows which model and which settings it was."""
    desk.frames(0)
    said = origin(desk.finish())
    assert said["wire"] == str(VERSION)
    assert said["config"] == dump(desk.config, comments=False)
    assert said["config_sha256"] == hashlib.sha256(said["config"].encode()).hexdigest()
    model = Path(__file__).parents[2] / "models" / "embedder.onnx"
    assert said["model_sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert {"version", "git", "catalog", "platform", "device", "python", "started"} < set(said)
    assert said["python"].startswith("3.")


def test_the_system_is_described_as_it_was_started(tmp_path: Path, ring: RingWriter, clock: ManualClock) -> None:
    """A recorder from outside has a configuration of its own, and may be there first: the launcher's file counts."""
    desk = Desk(tmp_path / "table.mcap", ring, clock)
    desk.recorder.start()
    started = updated(desk.config, "smoother", confirm=7)
    desk.config.launched.write_text(dump(started))
    desk.frames(0)
    assert origin(desk.finish())["config"] == dump(started, comments=False)


def test_it_says_what_became_of_it(desk: Desk) -> None:
    """Whoever plays it must know whether something is missing, without having heard the heartbeats."""
    desk.frames(0, 1, 2, 3)
    desk.bus.drops["frame.overflow"] = 5
    with desk.finish().open("rb") as file:
        tally = {record.name: record.metadata for record in make_reader(file).iter_metadata()}[TALLY]
    assert tally == {"frames": "4", "pictures": "4", "messages": "4", "seconds": "0.9", "lost.frame.overflow": "5"}
    assert desk.recorder.detail.startswith(f"{desk.out}: 4 frames (4 pictures), 0.9 s, 0.")
    assert desk.recorder.detail.endswith("MB; lost: 5 frame.overflow")


# When it ends.


def test_it_ends_when_the_time_is_up(tmp_path: Path, ring: RingWriter, clock: ManualClock) -> None:
    """Counted from the first frame: it may have waited for the system for a long time."""
    desk = Desk(tmp_path / "table.mcap", ring, clock)
    desk.recorder = Recorder(desk.bus, desk.config, seconds=1.0)
    desk.recorder.start()
    clock.advance(60_000)
    assert desk.recorder.step() is None
    desk.frames(0)
    assert desk.recorder.step() == pytest.approx(700)
    desk.frames(1, 2)
    assert not desk.recorder.ended
    desk.frames(3)
    desk.recorder.step()
    assert desk.recorder.ended
    assert desk.recorder.settled()


def test_the_last_heartbeats_are_waited_for(desk: Desk) -> None:
    """They carry the final counts, and come after the end of the results; a system that goes on is not waited for."""
    desk.hear(Bye(final=False), RESULTS)
    assert desk.recorder.settled()
    desk.hear(Bye(final=True), RESULTS)
    assert not desk.recorder.settled()
    desk.clock.advance(150)
    desk.hear(Heartbeat(actor="smoother", pid=1, t_ns=0, state="stopping", started_ns=0), HEARTBEAT)
    desk.clock.advance(150)
    assert not desk.recorder.settled()
    desk.clock.advance(100)
    assert desk.recorder.settled()


# As a sink.


def test_it_runs_as_it_is_among_the_sinks(tmp_path: Path) -> None:
    """Wrapped as a sink it would get nothing but results."""
    actor = make_sink(FakeBus(), Config(), "sink.recorder")
    assert isinstance(actor, Recorder)
    assert actor.name == "sink.recorder"
    assert actor.outputs == ()
    assert isinstance(make_sink(FakeBus(), Config(), "sink.console"), SinkActor)
    assert {topic.publisher for topic in actor.inputs} - {"*"} == set(PIPELINE)
