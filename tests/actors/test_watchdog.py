"""The hand of the rules: what is asked of supervisord, and what happens when it does not answer."""

import socket
from collections.abc import Iterator
from typing import Any
from xmlrpc.client import Fault

import pytest
from structlog.testing import capture_logs

from actors.lifts import FIRST_S
from actors.liveness import UNKILLABLE_S
from actors.look import Look
from actors.run import WATCHDOG
from actors.watchdog import Watchdog, supervisord
from bus.clock import ManualClock
from bus.fake import FakeBus
from bus.messages import Heartbeat
from bus.topics import HEARTBEAT

SILENT_S = 1.6
STANDS = Look(stopped=False, waits=False, cpu_s=0.0)


class Supervisord:
    """Knows programs, and writes down what it is told to do."""

    def __init__(self, **states: str) -> None:
        self.states = {**states, WATCHDOG: "RUNNING"}
        self.told: list[tuple[str, ...]] = []
        self.error: Exception | None = None

    def watch(self) -> Any:
        if self.error is not None:
            raise self.error
        return [
            {"name": name, "statename": state, "pid": 100 + place}
            for place, (name, state) in enumerate(self.states.items())
        ]

    def startProcess(self, name: str, wait: bool) -> None:
        assert not wait, "whoever waits for a start hears no heartbeats"
        self.told.append(("start", name))

    def signalProcess(self, name: str, signal: str) -> None:
        self.told.append((signal, name))


class Post:
    """A watchdog at its post."""

    def __init__(self, **states: str) -> None:
        self.bus = FakeBus(clock=ManualClock(10**9))
        self.supervisord = Supervisord(**states)
        self.dog = Watchdog(self.bus, self.supervisord, lambda _pid: STANDS)

    def beat(self, actor: str, **values: Any) -> None:
        pid = 100 + list(self.supervisord.states).index(actor)
        values = {"state": "ready", "next_s": SILENT_S, **values}
        self.bus.feed(self.dog, HEARTBEAT, Heartbeat(actor=actor, pid=pid, t_ns=0, started_ns=0, **values))

    def wait(self, seconds: float) -> None:
        clock = self.bus.clock
        assert isinstance(clock, ManualClock)
        for _ in range(round(seconds * 5)):
            clock.advance(200)
            self.dog.step()


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    yield
    socket.setdefaulttimeout(before)


def test_it_hears_whatever_supervisord_runs() -> None:
    """A sink that the configuration names and the watchdog does not hear would be taken for one that never starts."""
    post = Post(capture="RUNNING", **{"sink.mqtt": "RUNNING"})
    assert post.dog.peers == ("capture", "sink.mqtt"), "and not itself"
    assert post.dog.inputs == (HEARTBEAT,)


def test_a_hung_actor_is_ended_through_its_owner() -> None:
    """A signal to a bare number may hit whoever has got that number since; TERM would wait for ten seconds."""
    post = Post(capture="RUNNING", matcher="RUNNING")
    post.wait(1)
    post.beat("matcher", detail="a catalogue")
    with capture_logs() as said:
        for _ in range(4):
            post.beat("capture")
            post.wait(1)
    assert post.supervisord.told == [("ABRT", "matcher"), ("KILL", "matcher")]
    assert said[0]["log_level"] == "error"
    assert said[0]["actor"] == "matcher"
    assert "a catalogue" in said[0]["event"]
    assert post.bus.counts["ended"] == 2


def test_reboot_needed_is_said_once_and_stays_in_the_heartbeat() -> None:
    """A log scrolls away: whoever looks at the heartbeats has to see it as long as it is so."""
    post = Post(capture="RUNNING")
    post.wait(1)
    post.beat("capture")
    with capture_logs() as said:
        post.wait(SILENT_S + UNKILLABLE_S + 60)
    assert [entry["event"] for entry in said if "reboot" in entry["event"]] == [
        "cannot be killed, a driver holds it: reboot needed"
    ]
    assert post.supervisord.told == [("ABRT", "capture"), ("KILL", "capture")]
    assert post.dog.detail == "reboot needed: capture cannot be killed"


def test_who_was_given_up_is_lifted_and_who_was_stopped_is_not() -> None:
    """FATAL is supervisord's resignation; STOPPED is somebody's wish."""
    post = Post(matcher="FATAL", capture="STOPPED", smoother="BACKOFF", selector="STOPPING")
    post.wait(FIRST_S + 1)
    assert post.supervisord.told == [("start", "matcher")]
    assert post.dog.detail == "does not start: matcher"
    post.supervisord.states["matcher"] = "STARTING"
    post.wait(1)
    assert post.dog.detail == "watching 4 processes"


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError(), TimeoutError(), Fault(6, "SHUTDOWN_STATE"), FileNotFoundError()]
)
def test_a_supervisord_that_does_not_answer_ends_nobody(error: Exception) -> None:
    """It may be going, or busy: that is said once, nobody is judged meanwhile, and it is asked again."""
    post = Post(matcher="RUNNING")
    post.wait(1)
    post.beat("matcher")
    post.supervisord.error = error
    with capture_logs() as said:
        post.wait(60)
        assert post.supervisord.told == []
        post.supervisord.error = None
        post.beat("matcher")
        post.wait(1)
    assert [entry["log_level"] for entry in said] == ["warning", "info"]
    assert post.supervisord.told == []


def test_without_supervisord_it_says_what_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Started by hand on a laptop it would do nothing, for ever."""
    monkeypatch.delenv("SUPERVISOR_SERVER_URL", raising=False)
    with pytest.raises(ValueError, match="part of the service"):
        supervisord()


def test_a_supervisord_that_is_not_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run directory was given another name: a traceback from the depths of http.client helps nobody."""
    monkeypatch.setenv("SUPERVISOR_SERVER_URL", "unix:///nonexistent/supervisor.sock")
    with pytest.raises(RuntimeError, match=r"does not say what it runs: .*No such file"):
        Watchdog(FakeBus(), supervisord())


def test_a_supervisord_that_hangs_does_not_make_its_watchdog_hang(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The transport has no time limit of its own; the dead-man would end the watchdog for it."""
    monkeypatch.setattr("actors.watchdog.ANSWER_S", 0.05)
    path = tmp_path_factory.mktemp("s") / "s"
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(path))
        deaf.listen()
        monkeypatch.setenv("SUPERVISOR_SERVER_URL", f"unix://{path}")
        with pytest.raises(RuntimeError, match="timed out"):
            Watchdog(FakeBus(), supervisord())
