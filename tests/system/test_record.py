"""A real recorder beside a real system: what it wrote can be played, however it ended, and nobody noticed it."""

import json
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mcap.reader import make_reader
from running import PATIENCE_S, SLEEVESIGHT, System, configuration
from tape import Tape

from actors.config import Config, dump, updated
from actors.recording import IMAGE, ORIGIN, TALLY, TOPIC_NAMES, entries, origin
from bus.topics import RESULTS

FRAMES = 60


class Recording:
    """`sleevesight record` in a process of its own."""

    def __init__(self, out: Path, config: Path, *more: object, limit: int | None = None) -> None:
        self.out = out
        command = [*SLEEVESIGHT, "record", "--out", str(out), "--config", str(config), *map(str, more)]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))) if limit else None,
        )

    def holds(self, size: int) -> bool:
        return self.out.is_file() and self.out.stat().st_size >= size

    def wait_listening(self) -> None:
        """Until it has connected to everything, which it does before it makes its file."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.out.is_file():
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)

    def end(self, number: int | None = None) -> tuple[int, str, str]:
        """Exit code and both outputs, after a signal or by itself."""
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, err


@pytest.fixture
def record() -> Iterator[Callable[..., Recording]]:
    """Start recorders that are gone after the test."""
    started: list[Recording] = []

    def start(*arguments: object, **more: int) -> Recording:
        started.append(Recording(*arguments, **more))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.communicate()


def counts(path: Path) -> dict[str, int]:
    found = dict.fromkeys([*TOPIC_NAMES, IMAGE], 0)
    for entry in entries(path, found):
        found[entry.channel] += 1
    return found


def confirmed(events: Path) -> tuple[list[str], dict[str, int]]:
    summary = json.loads(events.read_text().splitlines()[-1])["summary"]
    assert summary["complete"]
    return [visit["card_id"] for visit in summary["visits"]], summary


def replayed(stream: Path, config: Path, events: Path, *more: str) -> None:
    command = [
        *SLEEVESIGHT,
        "replay",
        str(stream),
        "--config",
        str(config),
        "--mode",
        "lockstep",
        "--events",
        str(events),
    ]
    done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=4 * PATIENCE_S)
    assert done.returncode == 0, done.stderr


def patient(config: Config) -> Config:
    """Nothing is lost to a busy machine."""
    config = updated(config, "log", level="warning")
    return updated(config, "capture", pace="lockstep", ring_mb=64, hold_ms=5000.0)


def test_a_recorded_stream_plays_with_the_same_cards(
    launch: Callable[..., System], record: Callable[..., Recording], short: Path, catalogue: Path, tape: Tape
) -> None:
    """The whole way: a system, a recorder from outside that was there first, and its file instead of the source."""
    tape.write(short / "brief.mcap", FRAMES, 15.0)
    config = patient(configuration(short / "run", catalogue, f"recording:{short / 'brief.mcap'}"))
    (short / "c.toml").write_text(dump(config))
    recording = record(short / "tape.mcap", short / "c.toml", "--frames", "png")
    recording.wait_listening()
    system = launch(config)
    system.ear.until(lambda: recording.process.poll() is not None, "the end of the stream ends the recorder")
    code, out, err = recording.end()
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    assert out.startswith(f"{short}/tape.mcap: ")
    assert out.endswith("lost: none\n")
    shown = [json.loads(line).get("visit", {}) for line in Path(config.sinks.jsonl).read_text().splitlines()]
    replayed(short / "tape.mcap", short / "c.toml", short / "e")
    cards, summary = confirmed(short / "e")
    assert len(cards) > 2
    assert cards == [visit["card_id"] for visit in shown if visit.get("event") == "confirmed"]
    assert summary["answered"] == counts(short / "tape.mcap")[IMAGE]
    assert origin(short / "tape.mcap")["config"] == dump(config, comments=False)


def test_each_actor_says_again_what_it_said(catalogue: Path, pictures: Path, short: Path) -> None:
    """`bench actor` on a recording by the sink: from the first frame on, every message of every actor is the same."""
    config = patient(configuration(short / "run", catalogue, f"images:{pictures}"))
    config = updated(config, "recorder", out=str(short / "tape.mcap"), frames="png")
    (short / "c.toml").write_text(dump(config))
    replayed(pictures, short / "c.toml", short / "e", "--sink", "recorder")
    found = counts(short / "tape.mcap")
    assert found["frame"] == found["tracks"] == 25  # and a goodbye is one of them
    assert found[IMAGE] == 24
    for actor in ("selector", "embedder", "matcher", "smoother"):
        command = [*SLEEVESIGHT, "bench", "actor", actor, str(short / "tape.mcap"), "--json", str(short / actor)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=4 * PATIENCE_S)
        report = json.loads((short / actor).read_text())
        assert done.returncode == 0, done.stdout + done.stderr
        assert report["equal"] == report["messages_out"] > 3, report
        assert report["notes"] == [], report


# Beside a system that goes on.


@pytest.fixture
def file(system: System, tmp_path: Path) -> Path:
    """Which system to listen to, and no word of what is going well."""
    (tmp_path / "c.toml").write_text(dump(updated(system.config, "log", level="warning")))
    return tmp_path / "c.toml"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_the_file(
    system: System, file: Path, record: Callable[..., Recording], tmp_path: Path, number: int
) -> None:
    """A service that is stopped, or Ctrl-C: the index is there for other programs, and so are the counts."""
    recording = record(tmp_path / "tape.mcap", file)
    system.ear.until(lambda: recording.holds(1 << 20), "something is recorded")
    code, out, err = recording.end(number)
    assert code == 0, err
    assert out.startswith(f"{tmp_path}/tape.mcap: ")
    with recording.out.open("rb") as stream:
        reader = make_reader(stream, validate_crcs=True)
        summary = reader.get_summary()
        assert summary is not None
        assert {channel.topic for channel in summary.channels.values()} >= {*TOPIC_NAMES, IMAGE}
        metadata = {one.name: one.metadata for one in reader.iter_metadata()}
    assert set(metadata) == {ORIGIN, TALLY}
    assert int(metadata[TALLY]["frames"]) > 10
    assert_undisturbed(system)


def test_a_killed_recorder_leaves_what_it_wrote(
    system: System, file: Path, record: Callable[..., Recording], tmp_path: Path
) -> None:
    """SIGKILL while it writes, as when the power goes: the file plays, and the system goes on as if nothing was."""
    recording = record(tmp_path / "tape.mcap", file)
    system.ear.until(lambda: recording.holds(1 << 20), "something is recorded")
    recording.process.kill()
    recording.process.communicate()
    found = counts(recording.out)
    assert found[IMAGE] > 5
    assert found["results"] > 5
    results = [entry.message()[1] for entry in entries(recording.out, {RESULTS.name})]
    numbers = [one.seq for one in results]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert_undisturbed(system)
    after = record(tmp_path / "after.mcap", file, "--seconds", "0.5")
    code, out, err = after.end()
    assert code == 0, err
    assert "after.mcap: " in out


def test_a_full_disk_ends_the_recorder_alone(
    system: System, file: Path, record: Callable[..., Recording], tmp_path: Path
) -> None:
    """One line, exit code 1, and what is on the disk plays."""
    recording = record(tmp_path / "tape.mcap", file, limit=1_500_000)
    system.ear.until(lambda: recording.process.poll() is not None, "the recorder gives up")
    code, out, err = recording.end()
    assert (code, out) == (1, "")
    assert err == f"sleevesight: {tmp_path}/tape.mcap: File too large; what was written so far can be played\n"
    assert recording.out.stat().st_size == 1_500_000
    assert counts(recording.out)[IMAGE] > 5
    assert_undisturbed(system)


def assert_undisturbed(system: System) -> None:
    """The processes are the ones that were there, they go on, and none counts the recorder among its readers."""
    now = system.clock.now_ns()
    system.ear.until(lambda: system.ear.confirmed(now), "the system goes on")
    assert len(system.ear.lives()) == 6
    selector, smoother = system.ear.life("selector"), system.ear.life("smoother")
    assert selector is not None
    assert smoother is not None
    assert selector.subscribers == {"tracks": 1, "crops": 1}
    assert smoother.subscribers == {"results": 3}  # capture, the sink, and the ear of these tests
