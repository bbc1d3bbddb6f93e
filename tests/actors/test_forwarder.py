"""What the sinks for other machines share: names, ids, and a disk that fails."""

import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from fleet_fakes import feed, fleet_config, until, visit_results, working

from actors.config import Config, ConfigError, updated
from actors.forwarder import Forwarder, device, is_loopback, visit_message
from actors.sections import FleetConfig
from actors.spool import SpoolError
from bus.clock import SystemClock
from bus.fake import FakeBus


class Quiet(Forwarder):
    """Stores, and sends nothing."""

    name = "sink.quiet"


def ids(*results: object) -> set[str]:
    return {visit_message("table-1", one, one.visits[0], 0)["id"] for one in results}  # type: ignore[attr-defined]


def test_an_id_is_of_one_visit_and_event_alone() -> None:
    """A smoother that was started again numbers its visits from 1: receivers must not take them for repeats."""
    first = visit_results(1)
    assert len(ids(first, visit_results(1, event="ended"), visit_results(2), visit_results(1, session="s2"))) == 4
    assert ids(first) == ids(visit_results(1))
    killed = msgspec.structs.replace(visit_results(1, session="s2"), life=first.session)
    assert ids(first) == ids(killed), "one that goes on after a kill tells of the same visits"


@pytest.mark.parametrize(
    ("host", "name"),
    [("pi", "pi"), ("my pi.lan", "my-pi"), ("größe", "gr-e"), ("a" * 99, "a" * 64)],
)
def test_a_device_without_a_name_takes_the_hosts(monkeypatch: pytest.MonkeyPatch, host: str, name: str) -> None:
    """It becomes part of topics and ids, where blanks, dots and slashes mean something."""
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    assert device(FleetConfig()) == name
    assert device(FleetConfig(device="table-1")) == "table-1"


def test_a_host_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Topics with an empty part are somebody else's."""
    monkeypatch.setattr(socket, "gethostname", lambda: "")
    with pytest.raises(ValueError, match=r"set \[fleet\] device"):
        device(FleetConfig())


@pytest.mark.parametrize("name", ["a/b", "a b", "#", "+", "ä", "a" * 65])
def test_a_name_that_is_no_part_of_a_topic(name: str) -> None:
    """`+` would subscribe, `/` would be another device."""
    with pytest.raises(ConfigError, match=r"\[fleet\] device"):
        updated(Config(), "fleet", device=name)


@pytest.mark.parametrize("topic", ["", "/a", "a/", "a//b", "a/+/b", "#", "$SYS", "a\0"])
def test_a_topic_that_cannot_be_published_to(topic: str) -> None:
    """The broker would hang up, and we would connect again, for ever."""
    with pytest.raises(ConfigError, match=r"\[mqtt\] topic"):
        updated(Config(), "mqtt", topic=topic)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("[::1]", True),
        ("10.0.0.1", False), ("0.0.0.0", False), ("localhost.example", False), ("127.0.0.1.example", False),
        ("", False),
    ],
)  # fmt: skip
def test_what_stays_on_this_machine(host: str, local: bool) -> None:
    """Passwords go there without TLS; a name that looks local is none."""
    assert is_loopback(host) is local


def test_a_full_disk_costs_visits_and_not_the_sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted; and what is there already can still be sent."""
    with working(Quiet, fleet_config(tmp_path)) as (bus, actor):
        feed(bus, actor, 1)
        until(lambda: len(actor.spool) == 1)
        monkeypatch.setattr(actor.spool, "put", lambda *_: raised(SpoolError("database or disk is full")))
        feed(bus, actor, 2, 3)
        until(actor.settled, actor)
        until(lambda: bus.drops == {"unstored": 2}, actor)
        assert actor.queue() == 1


def raised(error: Exception) -> None:
    raise error


def test_a_thread_that_fails_ends_the_actor(tmp_path: Path) -> None:
    """It would look well, and deliver nothing any more; started again, it has everything that is on the disk."""
    with working(Quiet, fleet_config(tmp_path)) as (_, actor):
        actor.soon(raised, sqlite3.DatabaseError("malformed"))
        with pytest.raises(RuntimeError, match="malformed"):
            until(lambda: False, actor)


def test_what_was_taken_is_stored_at_the_end(tmp_path: Path) -> None:
    """Stopped in the middle of a burst: the process ends when all of it is on the disk."""
    config = fleet_config(tmp_path)
    actor = Quiet(bus := FakeBus(clock=SystemClock()), config)
    feed(bus, actor, *range(50))
    actor.close()
    with working(Quiet, config) as (_, again):
        assert len(again.spool) == 50


def test_nobody_else_pays_for_these_libraries() -> None:
    """Half a second and 20 MB in every process of a Pi, for a sink that it may not even run."""
    code = "import sys, actors.process; print(*{'paho', 'httpx', 'prometheus_client', 'sqlite3'} & {*sys.modules})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert found.stdout.split() == []
