"""A running system among others: second instances, late and curious readers, and another version on the wire."""

import ast
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import zmq
from running import PATIENCE_S, SLEEVESIGHT, Ear, System, configuration
from tape import Tape

from actors.config import dump
from bus.messages import Heartbeat, Results, Tracks, TrackState
from bus.sockets import Address, Publisher, Subscriber
from bus.topics import RESULTS, TRACKS

EXAMPLE = Path(__file__).parents[2] / "examples" / "print_cards.py"


def run(*arguments: str, seconds: float = PATIENCE_S) -> "subprocess.CompletedProcess[str]":
    """A command to its end."""
    return subprocess.run([*SLEEVESIGHT, *arguments], capture_output=True, text=True, timeout=seconds)


def assert_goes_on(system: System) -> None:
    """The system answers new frames and confirms new cards, with the processes that it had."""
    sessions = {beat.actor: beat.session for beat in system.ear.lives()}
    now = system.clock.now_ns()
    system.ear.until(lambda: system.ear.confirmed(now), "the first system goes on")
    assert {beat.actor: beat.session for beat in system.ear.lives()} == sessions


def test_a_second_system_is_refused(system: System) -> None:
    """Two launchers on one run directory would fight over the sockets: the second one says so, and harms nothing."""
    done = run("up", "--config", str(system.file))
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "sleevesight is already running" in done.stderr
    assert str(system.process.pid) in done.stderr
    assert_goes_on(system)


def test_a_second_capture_is_refused(system: System) -> None:
    """A second bind silently steals an ipc endpoint from the first: the lock is asked before."""
    done = run("run", "capture", "--config", str(system.file))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "capture is already running" in done.stderr
    assert_goes_on(system)


def test_a_late_reader_hears_from_now_on(system: System) -> None:
    """Whoever comes late has lost nothing: it counts from the first message that it got."""
    context: zmq.Context[Any] = zmq.Context()
    subscriber = Subscriber(context, Address(system.run_dir), RESULTS)
    heard: list[int] = []

    def more() -> bool:
        heard.extend(message.frame for message, _ in subscriber.drain() if isinstance(message, Results))
        return len(heard) >= 10

    system.ear.until(more, "ten results for the late reader")
    assert heard[0] > 0
    assert heard == list(range(heard[0], heard[0] + len(heard)))
    assert subscriber.drops == {}
    context.destroy(linger=0)


def test_tail_prints_what_is_said(system: System) -> None:
    """The first thing to reach for when something is odd: it must not need to know who publishes."""
    for topic, key in (("results", "tracks"), ("heartbeat", "actor"), ("crops", "blobs")):
        done = run("tail", topic, "--count", "3", "--config", str(system.file))
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(lines) == 3
        assert all(key in line for line in lines)


def test_a_newer_schema_is_counted_and_left_out(short: Path, catalogue: Path) -> None:
    """Half an update: a newer publisher must not bring the readers down, nor be misread by them."""
    config = configuration(short / "run", catalogue, "scene:still")
    Address(short / "run").prepare()
    (short / "c.toml").write_text(dump(config))
    smoother = subprocess.Popen([*SLEEVESIGHT, "run", "smoother", "--config", str(short / "c.toml")])
    ear = Ear(short / "run")
    context: zmq.Context[Any] = zmq.Context()
    publisher = Publisher(context, Address(short / "run"), TRACKS, "selector", "s1")
    try:
        ear.until(lambda: _hears(ear, publisher), "the smoother listens")
        box = [(10.0, 10.0), (70.0, 10.0), (70.0, 94.0), (10.0, 94.0)]
        for number in range(3):
            tracks = [TrackState(1, box, 0.9, number, 0)]
            message = Tracks(stream="s1", frame=number, t_ns=number, tracks=tracks, v=2 if number == 1 else 1)
            publisher.send(message)
        publisher.socket.send_multipart([b"tracks", msgspec.msgpack.encode({"v": 2, "type": "hologram"})])
        publisher.socket.send_multipart([b"tracks", b"\xc1 no msgpack"])
        ear.until(lambda: len(ear.results) >= 2, "results for what could be read")
        assert [one.frame for one in ear.results] == [0, 2]
        ear.until(lambda: _drops(ear).get("tracks.malformed", 0) == 1, "the count in the heartbeat")
        assert _drops(ear)["tracks.newer_schema"] == 2
        assert smoother.poll() is None
        smoother.terminate()
        assert smoother.wait(PATIENCE_S) == 0
    finally:
        smoother.kill()
        smoother.wait()
        context.destroy(linger=0)
        ear.close()


def _hears(ear: Ear, publisher: Publisher) -> bool:
    publisher.hear()
    beat = ear.life("smoother")
    return publisher.subscribers == 1 and beat is not None and beat.subscribers.get("results") == 1


def _drops(ear: Ear) -> dict[str, int]:
    beat: Heartbeat | None = ear.life("smoother")
    return beat.drops if beat else {}


def test_the_example_prints_the_cards(system: System, tape: Tape) -> None:
    """It is what people start from: it must run against a real system, without anything of ours."""
    endpoint = Address(system.run_dir).endpoint(RESULTS)
    sink = subprocess.Popen([sys.executable, "-I", str(EXAMPLE), endpoint], stdout=subprocess.PIPE, text=True)
    try:
        assert sink.stdout is not None
        lines = [sink.stdout.readline() for _ in range(2)]
        sink.send_signal(signal.SIGINT)
        assert sink.wait(PATIENCE_S) == 0
    finally:
        sink.kill()
        sink.wait()
    shown = tape.recent(system.ear.results[-1].frame + tape.cycle, tape.cycle)
    assert all(line.split()[-1] in shown for line in lines), lines
    assert not {"bus", "actors", "catalog", "vision", "cli"} & _imports(EXAMPLE)


def _imports(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_text())))
    plain = {name.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for name in node.names}
    return plain | {str(node.module).split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)}
