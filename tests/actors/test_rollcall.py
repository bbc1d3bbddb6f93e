"""A stream begins when everybody listens, and does not wait for ever for one who cannot."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from actors.rollcall import RollCall, begin
from bus.messages import Heartbeat
from bus.sockets import Address

SINKS = ["sink.console", "sink.jsonl"]
OTHERS = [*SINKS, "smoother", "matcher", "embedder", "selector"]
HEARD = {
    "selector": {"tracks": 1, "crops": 1},
    "embedder": {"embeddings": 1},
    "matcher": {"matches": 2},
    "smoother": {"results": 2},
}


@pytest.fixture
def roll(tmp_path: Path) -> Iterator[RollCall]:
    """Everybody is ready and heard."""
    context: zmq.Context[Any] = zmq.Context()
    roll = RollCall(context, Address(tmp_path), [])
    for actor in OTHERS:
        beat(roll, actor)
    yield roll
    roll.close()
    context.term()


def beat(roll: RollCall, actor: str, state: Any = "ready", session: str = "a", **subscribers: int) -> None:
    heard = {**HEARD.get(actor, {}), **subscribers}
    message = Heartbeat(actor=actor, pid=1, t_ns=0, state=state, started_ns=0, subscribers=heard)
    roll.heartbeats[actor, session] = message


def test_everybody_ready_and_heard_is_enough(roll: RollCall) -> None:
    """One reader too many in the reckoning, and the stream would never begin."""
    assert roll.ready(OTHERS)


@pytest.mark.parametrize("missing", OTHERS)
def test_one_that_still_loads_is_waited_for(roll: RollCall, missing: str) -> None:
    """The first cards would be shown without a name while the catalogue is being read."""
    beat(roll, missing, "starting")
    assert not roll.ready(OTHERS)
    del roll.heartbeats[missing, "a"]
    assert not roll.ready(OTHERS)


@pytest.mark.parametrize(
    ("actor", "topic", "readers"),
    [(actor, topic, count) for actor, heard in HEARD.items() for topic, count in heard.items()],
)
def test_one_that_is_not_heard_is_waited_for(roll: RollCall, actor: str, topic: str, readers: int) -> None:
    """A subscription takes its time to arrive: what is published before it is lost, and nobody counts it."""
    beat(roll, actor, **{topic: readers - 1})
    assert not roll.ready(OTHERS)


def test_a_listener_from_outside_is_counted_besides(roll: RollCall) -> None:
    """A replay that does not hear the first result itself would call it unanswered."""
    assert not roll.ready(OTHERS, {"results": 1})
    beat(roll, "smoother", results=3)
    assert roll.ready(OTHERS, {"results": 1})


def test_a_recorder_is_heard_on_every_topic(roll: RollCall) -> None:
    """It reads more than the results: a stream that begins before it is heard has a recording without a beginning."""
    sink = "sink.recorder"
    others = [*OTHERS, sink]
    beat(roll, sink)
    for actor, heard in HEARD.items():
        assert not roll.ready(others)
        beat(roll, actor, **{topic: count + 1 for topic, count in heard.items()})
    assert roll.ready(others)


def test_the_last_life_counts(roll: RollCall) -> None:
    """The matcher that was ready has died: the one that took its place is still loading."""
    beat(roll, "matcher", "starting", session="b")
    assert not roll.ready(OTHERS)


class Voice:
    """A subscriber that hears these heartbeats at once."""

    def __init__(self, *beats: Heartbeat) -> None:
        self._beats = beats

    def drain(self) -> list[tuple[Heartbeat, list[bytes]]]:
        return [(one, []) for one in self._beats]

    def close(self) -> None:
        """Nothing is held."""


def test_the_moment_of_being_ready_is_kept(roll: RollCall) -> None:
    """Start and recovery are measured by the first heartbeat that says ready; the last one is of the end."""
    states = [("a", "starting", 1), ("a", "ready", 2), ("a", "ready", 3), ("b", "starting", 4), ("b", "ready", 5)]
    lives = [
        Heartbeat(session=session, actor="matcher", pid=1, t_ns=t_ns, state=state, started_ns=0)  # type: ignore[arg-type]
        for session, state, t_ns in states
    ]
    roll.subscribers = [Voice(*lives)]  # type: ignore[list-item]
    roll.hear()
    assert {session: one.t_ns for (_, session), one in roll.readied.items()} == {"a": 2, "b": 5}
    assert {session: one.t_ns for (actor, session), one in roll.heartbeats.items() if actor == "matcher"} == {
        "a": 3,
        "b": 5,
    }


class Starter:
    """A launcher that only writes down whom it should start; one of them may refuse."""

    def __init__(self, failed: str | None = None) -> None:
        self.failed = failed
        self.started: list[str] = []

    def start(self, *names: str) -> None:
        self.started += names

    def step(self) -> None:
        """Nobody dies here."""


def test_capture_comes_last_whatever_the_others_do(tmp_path: Path) -> None:
    """A sink that hangs while it starts is no reason to show nothing at all."""
    launcher = Starter()
    begin(launcher, Address(tmp_path), SINKS, lambda: False, patience_s=0)  # type: ignore[arg-type]
    assert launcher.started == [*OTHERS, "capture"]


@pytest.mark.parametrize(("failed", "stopped"), [("matcher", False), (None, True)])
def test_nothing_is_captured_where_nothing_is_to_begin(tmp_path: Path, failed: str | None, stopped: bool) -> None:
    """The camera would light up only to be closed again."""
    launcher = Starter(failed)
    begin(launcher, Address(tmp_path), SINKS, lambda: stopped)  # type: ignore[arg-type]
    assert launcher.started == OTHERS
