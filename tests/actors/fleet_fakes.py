"""What stands around a sink that sends to other machines: results, a broker, a consumer who notes what comes."""

import contextlib
import os
import queue
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from actors.config import Config, updated
from bus.actor import Actor
from bus.clock import SystemClock
from bus.fake import FakeBus
from bus.messages import Results, TrackResult, Visit
from bus.topics import RESULTS

PATIENCE_S = 20.0
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
"""Debian's, in a folder that not every user searches."""
QUAD = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def fleet_config(folder: Path, device: str = "table-1", **fleet: Any) -> Config:
    return updated(Config(), "fleet", device=device, spool=str(folder / device), **fleet)


def mqtt_config(folder: Path, broker: "Broker", device: str = "table-1", **more: Any) -> Config:
    return updated(fleet_config(folder, device), "mqtt", host="127.0.0.1", port=broker.port, **more)


def numbers(visits: list[dict[str, Any]]) -> list[int]:
    return [visit["visit"]["visit"] for visit in visits]


def visit_results(number: int, event: str = "confirmed", session: str = "s1", card: str | None = "sv1-1") -> Results:
    visit = msgspec.convert(
        {
            "visit": number, "event": event, "track_id": number, "first_frame": 1, "last_frame": 2,
            "t_ns": 1_500_000_000, "card_id": card, "name": card and "Pineco", "distance": 0.1, "gap": 0.4,
        },
        Visit,
    )  # fmt: skip
    track = TrackResult(number, "confirmed" if card else "unknown", QUAD, card, card and "Pineco")
    return Results(
        session=session,
        stream="st",
        frame=number,
        t_ns=1_000_000_000,
        status="cards",
        tracks=[track],
        visits=[visit],
        trace=[],
    )


def until(what: Callable[[], Any], actor: Actor | None = None) -> Any:
    """Wait for something that another thread or process brings about, letting the actor work meanwhile."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := what()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for {what}")
        if actor is not None:
            actor.step()
        time.sleep(0.01)
    return found


@contextlib.contextmanager
def working(kind: Callable[[FakeBus, Config], Actor], config: Config) -> Iterator[tuple[FakeBus, Any]]:
    """An actor at work in this process."""
    bus = FakeBus(clock=SystemClock())
    actor = kind(bus, config)
    try:
        actor.start()
        yield bus, actor
    finally:
        actor.close()


def feed(bus: FakeBus, actor: Actor, *numbers: int, **more: Any) -> None:
    for number in numbers:
        bus.feed(actor, RESULTS, visit_results(number, **more))


class Broker:
    """Debian's Mosquitto with a configuration of its own; what it holds for subscribers survives its being killed."""

    def __init__(self, folder: Path, *listener: str, port: int = 0) -> None:
        self.port = port or free_port()
        self._file = folder / "mosquitto.conf"
        self._stored = folder / "mosquitto" / "mosquitto.db"
        self._stored.parent.mkdir(exist_ok=True)
        listener = listener or ("allow_anonymous true",)
        lines = [
            f"listener {self.port} 127.0.0.1",
            *listener,
            "user root",
            "persistence true",
            f"persistence_location {self._stored.parent}/",
            "max_queued_messages 0",
        ]
        self._file.write_text("\n".join(lines) + "\n")
        self._log = folder / "mosquitto.log"
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen([str(MOSQUITTO), "-c", str(self._file)], stdout=log, stderr=log)

        def listens() -> bool:
            assert self.process.poll() is None, self._log.read_text()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return True
            return False

        until(listens)

    def save(self) -> None:
        """Have it write down who subscribed to what: a kill does not ask."""
        self._stored.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        until(self._stored.exists)  # it writes beside and renames

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Consumer:
    """Subscribes to everything, and stays known to the broker while one of the two is away."""

    def __init__(self, port: int, topics: str = "#", name: str = "consumer", prepare: Any = None) -> None:
        self.messages: queue.Queue[paho.MQTTMessage] = queue.Queue()
        self._seen: set[str] = set()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, name, clean_session=False)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_message = lambda _c, _u, message: self.messages.put(message)
        self._client.on_connect = lambda *_: self._client.subscribe(topics, 1)
        subscribed: queue.Queue[bool] = queue.Queue()
        self._client.on_subscribe = lambda *_: subscribed.put(True)
        if prepare:
            prepare(self._client)
        self._client.connect("127.0.0.1", port, 60)
        self._client.loop_start()
        subscribed.get(timeout=PATIENCE_S)

    def next(self, ending: str, text: str = "") -> paho.MQTTMessage:
        """The next message on a topic that ends so, with this text in it; what comes before is passed over."""
        while True:
            message = self.messages.get(timeout=PATIENCE_S)
            if message.topic.endswith(ending) and text in message.payload.decode():
                return message

    def visits(self, count: int) -> list[dict[str, Any]]:
        """The next visits, repeats discarded by their id."""
        found = []
        while len(found) < count:
            visit = msgspec.json.decode(self.next("/visits").payload)
            if visit["id"] not in self._seen:
                self._seen.add(visit["id"])
                found.append(visit)
        return found

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
