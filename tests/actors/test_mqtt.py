"""The mqtt sink and a real Mosquitto: what is accepted arrives once, in order, whoever is killed meanwhile."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fleet_fakes import (
    MOSQUITTO,
    Broker,
    Consumer,
    feed,
    mqtt_config,
    numbers,
    until,
    visit_results,
    working,
)
from samples import SAMPLES

from actors.config import dump, updated
from actors.sinks import mqtt
from actors.sinks.mqtt import Mqtt
from bus.fake import FakeBus
from bus.messages import Heartbeat
from bus.topics import HEARTBEAT, PIPELINE, RESULTS

pytestmark = pytest.mark.skipif(not MOSQUITTO, reason="mosquitto is not installed")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    yield broker
    broker.kill()


@pytest.fixture
def consume(broker: Broker) -> Iterator[Callable[..., Consumer]]:
    made: list[Consumer] = []

    def consumer(*arguments: Any, **more: Any) -> Consumer:
        made.append(Consumer(broker.port, *arguments, **more))
        return made[-1]

    yield consumer
    for one in made:
        one.close()


def connected(actor: Mqtt) -> None:
    until(lambda: actor.reachable, actor)


# What is published.


def test_a_visit_is_published_once_with_an_id(tmp_path: Path, broker: Broker, consume: Callable[..., Consumer]) -> None:
    """The form of docs/events.md, with what tells devices and repeats apart."""
    consumer = consume("sleevesight/#")
    with working(Mqtt, mqtt_config(tmp_path, broker)) as (bus, actor):
        feed(bus, actor, 1)
        feed(bus, actor, 1, event="ended")
        first, second = consumer.visits(2)
        until(lambda: not actor.queue(), actor)
        assert bus.counts["delivered"] == 2
    assert first["id"] == "table-1.st.s1.1.confirmed"
    assert second["id"] == "table-1.st.s1.1.ended"
    assert (first["device"], first["visit"]["card_id"], first["visit"]["t_ms"]) == ("table-1", "sv1-1", 500.0)
    assert first["time"].endswith("Z")


def test_a_late_subscriber_sees_how_things_are(
    tmp_path: Path, broker: Broker, consume: Callable[..., Consumer]
) -> None:
    """Whoever opens a dashboard in the evening needs the state, and not the next change."""
    with working(Mqtt, mqtt_config(tmp_path, broker)) as (bus, actor):
        feed(bus, actor, 1)
        connected(actor)
        until(lambda: not actor.queue(), actor)
        late = consume("sleevesight/#", "late")
        shown = {message.topic: message for message in (late.next("") for _ in range(3))}
        assert {topic.rpartition("/")[2] for topic in shown} == {"availability", "cards", "health"}
        assert all(message.retain for message in shown.values())
        cards = json.loads(shown["sleevesight/table-1/cards"].payload)
        assert cards["count"] == 1
        assert cards["cards"][0] == {
            "track_id": 1, "status": "confirmed", "card_id": "sv1-1",
            "name": "Pineco", "set_name": None, "number": None,
        }  # fmt: skip
        assert shown["sleevesight/table-1/availability"].payload == b"online"
    assert late.next("/availability").payload == b"offline"


def test_cards_are_published_when_they_change(tmp_path: Path, broker: Broker, consume: Callable[..., Consumer]) -> None:
    """Thirty frames a second of the same cards are one message; what is not read yet is nobody's business."""
    consumer = consume("sleevesight/+/cards")
    one = visit_results(1)
    unread = msgspec.structs.replace(one.tracks[0], status="detecting", card_id=None)
    with working(Mqtt, mqtt_config(tmp_path, broker)) as (bus, actor):
        connected(actor)
        for frame in range(30):
            bus.feed(actor, RESULTS, msgspec.structs.replace(one, frame=frame, visits=[]))
        bus.feed(actor, RESULTS, msgspec.structs.replace(one, frame=31, visits=[], tracks=[unread]))
        bus.feed(actor, RESULTS, msgspec.structs.replace(one, frame=32, visits=[]))
        counts = [json.loads(consumer.next("/cards").payload)["count"] for _ in range(4)]
        bus.feed(actor, RESULTS, msgspec.structs.replace(one, frame=32, visits=[], closing=True))
        counts.append(json.loads(consumer.next("/cards").payload)["count"])
    assert counts == [0, 1, 0, 1, 0]


def beat(actor: str, bus: FakeBus) -> Heartbeat:
    sample = SAMPLES["heartbeat"][1]
    assert isinstance(sample, Heartbeat)
    now_ns = bus.clock.now_ns()
    return msgspec.structs.replace(sample, actor=actor, t_ns=now_ns, state="ready", drops={"frame.stale": 2})


def test_health_comes_from_the_heartbeats(tmp_path: Path, broker: Broker, consume: Callable[..., Consumer]) -> None:
    """A device whose camera hangs is online, and not well: both have to be seen from afar, at once."""
    consumer = consume("sleevesight/+/health")
    with working(Mqtt, mqtt_config(tmp_path, broker)) as (bus, actor):
        connected(actor)
        assert json.loads(consumer.next("/health").payload)["ok"] is False
        for name in PIPELINE:
            bus.feed(actor, HEARTBEAT, beat(name, bus))
        state = json.loads(consumer.next("/health").payload)
    assert state["ok"] is True
    assert set(state["actors"]) == set(PIPELINE)
    assert state["dropped"] == 2 * len(PIPELINE)
    assert state["waiting"] == 0


def test_home_assistant_is_told(tmp_path: Path, broker: Broker, consume: Callable[..., Consumer]) -> None:
    """What its schema requires (device with an identifier, origin with a name, components with platform and unique_id),
    on the topic that it listens to, retained; and every topic that is named is one that the sink publishes to."""
    with working(Mqtt, mqtt_config(tmp_path, broker)) as (_, actor):
        connected(actor)
        message = consume("homeassistant/#").next("")
    assert message.topic == "homeassistant/device/sleevesight_table-1/config"
    assert message.retain
    told = json.loads(message.payload)
    assert told["device"]["identifiers"] == ["sleevesight_table-1"]
    assert told["origin"]["name"] == "sleevesight"
    assert told["availability_topic"] == "sleevesight/table-1/availability"
    assert (told["payload_available"], told["payload_not_available"]) == ("online", "offline")
    own = {f"sleevesight/table-1/{name}" for name in ("visits", "cards", "health")}
    for name, entity in told["components"].items():
        assert entity["platform"] in ("sensor", "binary_sensor", "event")
        assert entity["unique_id"] == f"sleevesight_table-1_{name}"
        assert {value for key, value in entity.items() if key.endswith("_topic")} <= own
    assert told["components"]["visit"]["event_types"] == ["confirmed", "ended"]


def test_home_assistant_is_told_nothing_if_that_is_wished(
    tmp_path: Path, broker: Broker, consume: Callable[..., Consumer]
) -> None:
    """Not everybody runs it."""
    with working(Mqtt, mqtt_config(tmp_path, broker, discovery="", topic="cards/hall")) as (_, actor):
        connected(actor)
        consumer = consume()
        topics: set[str] = set()
        while len(topics) < 3:
            topics.add(consumer.next("").topic)
    assert topics == {f"cards/hall/table-1/{name}" for name in ("availability", "cards", "health")}


def test_two_devices_at_one_broker(tmp_path: Path, broker: Broker, consume: Callable[..., Consumer]) -> None:
    """Neither takes the other's connection, topics or ids."""
    consumer = consume("sleevesight/+/visits")
    with (
        working(Mqtt, mqtt_config(tmp_path, broker, "left")) as (one_bus, one),
        working(Mqtt, mqtt_config(tmp_path, broker, "right")) as (other_bus, other),
    ):
        connected(one)
        connected(other)
        for number in range(10):
            feed(one_bus, one, number)
            feed(other_bus, other, number)
        visits = consumer.visits(20)
        assert one.reachable
        assert other.reachable
    for device in ("left", "right"):
        assert numbers([visit for visit in visits if visit["device"] == device]) == list(range(10))


# When somebody is away.


def test_a_broker_that_is_killed_in_the_middle(
    tmp_path: Path, broker: Broker, consume: Callable[..., Consumer]
) -> None:
    """Published and not acknowledged, stored while it was away, and new ones: all arrive, in order."""
    consumer = consume("sleevesight/+/visits")
    with working(Mqtt, mqtt_config(tmp_path, broker)) as (bus, actor):
        feed(bus, actor, *range(30))
        got = consumer.visits(30)
        broker.save()
        broker.process.send_signal(signal.SIGSTOP)
        feed(bus, actor, *range(30, 60))
        until(lambda: len(actor._batch) == mqtt.BATCH, actor)
        broker.kill()
        until(lambda: not actor.reachable, actor)
        feed(bus, actor, *range(60, 100))
        until(lambda: len(actor.spool) == 70, actor)
        broker.start()
        got += consumer.visits(70)
        until(lambda: not actor.queue(), actor)
    assert numbers(got) == list(range(100))
    assert not bus.drops


def test_what_was_stored_is_sent_by_the_next_start(
    tmp_path: Path, broker: Broker, consume: Callable[..., Consumer]
) -> None:
    """The device was switched off while the broker was away."""
    consumer = consume("sleevesight/+/visits")
    broker.save()
    broker.kill()
    config = mqtt_config(tmp_path, broker)
    with working(Mqtt, config) as (bus, actor):
        feed(bus, actor, *range(50))
        until(actor.settled, actor)
    broker.start()
    with working(Mqtt, config) as (bus, actor):
        feed(bus, actor, 50)
        assert numbers(consumer.visits(51)) == list(range(51))
        until(lambda: actor.settled() and not actor.queue(), actor)


def test_the_broker_is_away_and_the_queue_is_small(tmp_path: Path, broker: Broker) -> None:
    """Bounded: the oldest go, counted by their reason in the heartbeat."""
    broker.kill()
    config = updated(mqtt_config(tmp_path, broker), "fleet", keep=10)
    with working(Mqtt, config) as (bus, actor):
        feed(bus, actor, *range(25))
        until(actor.settled, actor)
        actor.step()
        assert actor.queue() == 10
        assert bus.drops == {"full": 15}
        assert "Connection refused" in until(lambda: actor.detail, actor)


SINK = """
import sys
from pathlib import Path
from actors.config import load
from actors.sinks.mqtt import Mqtt
from bus.loop import Loop
config = load(Path(sys.argv[1]))
Loop(lambda bus: Mqtt(bus, config), "sink.mqtt", config.address).run()
"""


def test_the_last_will_of_a_sink_that_is_killed(
    tmp_path: Path, broker: Broker, consume: Callable[..., Consumer]
) -> None:
    """kill -9 leaves no time for goodbyes: the broker tells everybody, and whoever asks later."""
    config = updated(mqtt_config(tmp_path, broker), "bus", run_dir=str(tmp_path / "run"))
    (tmp_path / "config.toml").write_text(dump(config))
    consumer = consume("sleevesight/+/availability")
    process = subprocess.Popen(
        [sys.executable, "-c", SINK, str(tmp_path / "config.toml")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert consumer.next("").payload == b"online"
    finally:
        process.kill()
        process.wait()
    assert consumer.next("").payload == b"offline"
    assert consume("sleevesight/+/availability", "late").next("").payload == b"offline"


def test_the_loop_never_waits_for_the_disk_or_the_network(tmp_path: Path, broker: Broker) -> None:
    """A broker that stands still and a disk that does, too: frames are taken as they come."""
    with working(Mqtt, mqtt_config(tmp_path, broker)) as (bus, actor):
        connected(actor)
        broker.process.send_signal(signal.SIGSTOP)
        with actor.spool._lock:  # the disk
            feed(bus, actor, *range(200))
            assert actor.queue() == 200
            assert not actor.settled()
        until(lambda: len(actor.spool) == 200, actor)
        broker.process.send_signal(signal.SIGCONT)
        until(lambda: not actor.queue(), actor)
