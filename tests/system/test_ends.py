"""However a system ends, it ends soon, and leaves neither processes nor files."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running import ACTORS, Ear, System, configuration
from tape import Tape

from actors.launcher import Launcher
from bus.topics import PIPELINE

KILLED = "does not end, killing it"
"""What the launcher says of an actor that has not heard it, or hangs."""


@pytest.fixture
def running(launch: Callable[..., System], short: Path, catalogue: Path, recording: Path) -> System:
    system = launch(configuration(short / "run", catalogue, f"recording:{recording}"))
    system.wait_ready()
    return system


def left_behind(system: System) -> list[str]:
    """Files in the run directory that are no locks (which stay, because removing a lock is a race of its own)."""
    return sorted(path.name for path in system.run_dir.iterdir() if path.suffix != ".lock")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_in_order(running: System, number: int) -> None:
    """Ctrl-C, or a service that is stopped, ends every actor in time, and leaves no visit open."""
    code, _ = running.stop(number)
    log = running.log.read_text()
    assert code == 0, log
    assert KILLED not in log
    assert running.processes() == {}
    assert left_behind(running) == []
    assert "Traceback" not in log
    last = {beat.actor: beat.state for beat in running.ear.lives()}
    assert last == dict.fromkeys(ACTORS, "stopping")
    assert [bye.final for bye in running.ear.byes] == [False]
    visits = [visit for one in running.ear.results for visit in one.visits]
    assert {v.visit for v in visits if v.event == "confirmed"} <= {v.visit for v in visits if v.event == "ended"}


def test_a_signal_during_the_start_is_heard(launch: Callable[..., System], short: Path, catalogue: Path) -> None:
    """Ctrl-C right after the start, while models are being loaded, is no reason for a traceback or for orphans."""
    system = launch(configuration(short / "run", catalogue, "scene:demo"))
    system.ear.until(lambda: system.ear.beats, "somebody is alive")
    code, _ = system.stop()
    log = system.log.read_text()
    assert code == 0, log
    assert KILLED not in log
    assert system.processes() == {}
    assert left_behind(system) == []
    assert "Traceback" not in log


def test_the_actors_end_with_a_killed_launcher(running: System) -> None:
    """Orphans would hold the camera and the sockets until somebody finds them by hand."""
    running.process.kill()
    running.process.wait()
    running.ear.until(lambda: running.processes() == {}, "everybody has ended")
    assert set(left_behind(running)) <= {"config.toml"}


def test_the_end_of_a_stream_ends_the_system(
    launch: Callable[..., System], short: Path, catalogue: Path, tape: Tape
) -> None:
    """A stored source is over at some time: `up` ends by itself, after what was left of it has been answered."""
    tape.write(short / "brief.mcap", 40, 15.0)
    config = configuration(short / "run", catalogue, f"recording:{short / 'brief.mcap'}")
    system = launch(config)
    system.ear.until(lambda: system.process.poll() is not None, "the end")
    assert system.process.returncode == 0
    capture = system.ear.life("capture")
    assert capture is not None
    assert capture.counts["frames"] == 40
    assert system.ear.results[-1].frame > 30  # a machine that is busy leaves some out, at the end too
    assert [bye.final for bye in system.ear.byes] == [True]
    assert left_behind(system) == []


def test_an_actor_that_cannot_start_ends_the_others(launch: Callable[..., System], short: Path) -> None:
    """Without a catalogue nothing works: one line says so, and nobody keeps running for nothing."""
    system = launch(configuration(short / "run", short / "nothing", "scene:still"))
    system.ear.until(lambda: system.process.poll() is not None, "the end")
    log = system.log.read_text()
    assert system.process.returncode == 2
    assert f"matcher: {short}/nothing is no catalogue" in log
    assert "Traceback" not in log
    assert system.processes() == {}


def test_an_actor_that_missed_the_end_does_not_keep_the_others(
    short: Path, catalogue: Path, tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was started again after the goodbye waited for a stream that was over, and `up` with it, for ever."""
    monkeypatch.setattr("actors.launcher.DRAIN_S", 0.5)
    monkeypatch.setattr("actors.process.FORKS", False)  # the launcher runs in the tests' own process here
    tape.write(short / "brief.mcap", 20, 15.0)
    launcher = Launcher(configuration(short / "run", catalogue, f"recording:{short / 'brief.mcap'}"))
    ear = Ear(short / "run")

    def stepped(condition: Callable[[], Any]) -> Any:
        launcher.step()
        return condition()

    try:
        launcher.start("sink.jsonl", *reversed(PIPELINE))
        ear.until(lambda: stepped(lambda: ear.results), "a first result")
        embedder = launcher.children["embedder"].process
        embedder.send_signal(signal.SIGSTOP)  # so that it has not heard the goodbye when it is killed
        ear.until(lambda: stepped(lambda: launcher.children["capture"].over), "the end of the stream")
        embedder.kill()
        ear.until(lambda: stepped(launcher.over), "the end of it all")
    finally:
        launcher.stop()
        ear.close()
    assert not launcher.children["matcher"].ended_at
    assert [path.name for path in (short / "run").iterdir() if path.suffix != ".lock"] == []
