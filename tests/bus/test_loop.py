"""The loop, around a toy actor in a real process: readiness, an orderly end, failures, hangs, and catching up."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from bus.actor import ROUND_S
from bus.loop import HEARTBEAT_MS, SLACK_S
from bus.messages import Bye, Frame, FrameRef, Heartbeat, Message, Tracks
from bus.sockets import Address, Publisher, Subscriber
from bus.topics import FRAME, HEARTBEAT, PIPELINE, TRACKS

TOY = Path(__file__).parent / "toy.py"


class Bench:
    """The toy's process, and the two ends of the bus that it is between."""

    def __init__(self, run_dir: Path, mode: str) -> None:
        self.context: zmq.Context[Any] = zmq.Context()
        self.address = Address(run_dir)
        self.frames = Publisher(self.context, self.address, FRAME, "capture", "s1")
        self.tracks = Subscriber(self.context, self.address, TRACKS)
        self.beats = Subscriber(self.context, self.address, HEARTBEAT, "toy")
        self.got: list[Message] = []
        self.heartbeats: list[Heartbeat] = []
        self.process = subprocess.Popen(
            [sys.executable, str(TOY), str(run_dir), mode], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        self.until(lambda: self.frames.subscribers == 1 and any(b.subscribers.get("tracks") for b in self.heartbeats))

    def until(self, condition: Callable[[], bool], seconds: float = 15.0) -> None:
        deadline = time.monotonic() + seconds
        poller = zmq.Poller()
        for socket in (self.frames.socket, self.tracks.socket, self.beats.socket):
            poller.register(socket, zmq.POLLIN)
        while True:
            self.frames.hear()
            self.got += [message for message, _ in self.tracks.drain()]
            self.heartbeats += [message for message, _ in self.beats.drain() if isinstance(message, Heartbeat)]
            if condition():
                return
            assert time.monotonic() < deadline, f"it did not happen; {self.got}"
            poller.poll(50)

    def send(self, *numbers: int) -> None:
        for number in numbers:
            self.frames.send(Frame(stream="s1", frame=number, t_ns=number, ref=FrameRef("r", 0, 2, 2, 0)))

    def answered(self) -> list[int]:
        return [message.frame for message in self.got if isinstance(message, Tracks)]

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.context.destroy(linger=0)


@pytest.fixture
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    bench = Bench(tmp_path, getattr(request, "param", ""))
    yield bench
    bench.close()


def test_the_end_of_the_stream_flows_down(bench: Bench) -> None:
    """After the last frame the actor answers it, says goodbye as the final one, and exits 0 by itself."""
    bench.send(1, 2)
    bench.frames.send(Bye(final=True, reason="end of stream"))
    bench.until(lambda: any(isinstance(message, Bye) for message in bench.got))
    assert isinstance(bench.got[-1], Bye)
    assert bench.got[-1].final
    assert bench.process.wait(10) == 0


def test_a_publisher_that_restarts_is_no_end(bench: Bench) -> None:
    """A capture that is stopped for a restart must not end the rest of a running system."""
    bench.frames.send(Bye(final=False))
    bench.send(3)
    bench.until(lambda: bench.answered() == [3])
    assert bench.process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_in_order(bench: Bench, number: int) -> None:
    """supervisord's stop: what arrived is answered, goodbye is said (not as a final one), exit 0, at once."""
    bench.send(1)
    bench.until(lambda: bench.answered() == [1])
    bench.process.send_signal(number)
    assert bench.process.wait(5) == 0
    bench.until(lambda: isinstance(bench.got[-1], Bye))
    assert not bench.got[-1].final  # type: ignore[attr-defined]
    bench.until(lambda: bench.heartbeats[-1].state == "stopping")


def test_a_reader_that_falls_behind_takes_the_newest(bench: Bench) -> None:
    """`latest`: after a busy moment the actor works on the present, and the skipped frames are counted."""
    bench.send(7)
    bench.send(*range(20, 40))
    bench.until(lambda: 39 in bench.answered())
    answered = bench.answered()
    bench.until(lambda: bench.heartbeats[-1].counts.get("frames") == len(answered))
    assert len(answered) < 21
    assert bench.heartbeats[-1].drops["frame.stale"] == 21 - len(answered)


@pytest.mark.parametrize("bench", ["lossless"], indirect=True)
def test_a_lossless_replay_skips_nothing(bench: Bench) -> None:
    """The same moment in a replay that must answer every frame."""
    bench.send(7)
    bench.send(*range(20, 40))
    bench.until(lambda: bench.answered() == [7, *range(20, 40)])


@pytest.mark.parametrize("bench", ["all"], indirect=True)
def test_an_actor_that_takes_all_is_handed_every_message(bench: Bench) -> None:
    """A recording with holes where the machine was busy, or without the goodbyes, cannot be played as it was."""
    bench.send(7)
    bench.send(*range(20, 40))
    bench.frames.send(Bye(final=True))
    bench.until(lambda: bench.answered() == [7, *range(20, 40)])  # its heartbeats come another way, and may be first
    bench.until(lambda: bool(bench.heartbeats) and bench.heartbeats[-1].state == "stopping")
    assert bench.heartbeats[-1].counts["byes"] == 1
    assert bench.heartbeats[-1].drops == {}


@pytest.mark.parametrize("bench", ["beats"], indirect=True)
def test_heartbeats_are_heard_of_the_whole_pipeline_and_of_whoever_is_named(bench: Bench) -> None:
    """They have an endpoint for each actor: whoever is not listened to looks as if he had never started."""
    actors = (*PIPELINE, "sink.own")
    publishers = {actor: Publisher(bench.context, bench.address, HEARTBEAT, actor, "s1") for actor in actors}

    def heard() -> bool:
        for actor, publisher in publishers.items():
            publisher.send(Heartbeat(actor=actor, pid=1, t_ns=0, state="ready", started_ns=0))
        return bench.heartbeats[-1].counts.get("actors") == len(actors)

    bench.until(heard)
    for publisher in publishers.values():
        publisher.close()


@pytest.mark.parametrize("bench", ["fail"], indirect=True)
def test_a_failure_at_work_exits_for_a_restart(bench: Bench) -> None:
    """One clear last line and exit code 1, which the launcher and supervisord answer with a restart."""
    bench.send(13)
    assert bench.process.wait(10) == 1
    assert bench.process.stderr is not None
    assert bench.process.stderr.read().decode().strip().endswith("toy: the lens cap is on")


@pytest.mark.parametrize("bench", ["hang"], indirect=True)
def test_a_hang_kills_itself_with_its_stack(bench: Bench) -> None:
    """A process that hangs in native code looks alive to supervisord: the dead-man ends it and says where it hung."""
    bench.send(13)
    assert bench.process.wait(10) != 0
    assert bench.process.stderr is not None
    assert "on_frame" in bench.process.stderr.read().decode()


def test_what_takes_long_is_said_beforehand_and_taken_back(bench: Bench) -> None:
    """Whoever loads for a minute would be ended for it, and whoever may always take a minute would hang unseen."""
    usual = ROUND_S + SLACK_S
    assert {beat.next_s for beat in bench.heartbeats if beat.state == "ready"} == {usual}
    bench.send(17)
    bench.until(lambda: bench.heartbeats[-1].next_s == 60.0 + SLACK_S)
    bench.send(18)
    bench.until(lambda: bench.heartbeats[-1].next_s == usual)


def test_whoever_stood_still_says_first_that_he_goes_on(bench: Bench) -> None:
    """He has much to do, and is being waited for: work first, and he would be ended before its end."""
    bench.send(1)
    bench.until(lambda: bench.heartbeats[-1].counts.get("frames") == 1)
    bench.process.send_signal(signal.SIGSTOP)
    os.waitpid(bench.process.pid, os.WUNTRACED)
    begun, heard = time.monotonic(), len(bench.heartbeats)
    bench.send(*range(20, 40))
    bench.until(lambda: time.monotonic() - begun > 2 * HEARTBEAT_MS / 1e3)  # until his next one is due
    bench.process.send_signal(signal.SIGCONT)
    bench.until(lambda: bench.heartbeats[-1].counts["frames"] > 1)
    assert bench.heartbeats[heard].counts["frames"] == 1


def test_the_heartbeat_reports_progress(bench: Bench) -> None:
    """Progress, not process state, is what tells a hung actor from a live one."""
    bench.send(1)
    bench.until(lambda: bool(bench.heartbeats) and bench.heartbeats[-1].counts.get("frames") == 1)
    beat = bench.heartbeats[-1]
    assert beat.state == "ready"
    assert beat.pid == bench.process.pid
    assert beat.last_in_ns > beat.started_ns
    assert beat.last_out_ns >= beat.last_in_ns
    assert beat.rss_bytes > 1_000_000
    assert beat.start_deadline_s == 120
    assert not beat.live
