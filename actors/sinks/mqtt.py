"""The mqtt sink: a device's visits, cards and health at a broker where many devices meet (docs/fleet.md).

Two threads besides the loop's: the courier alone touches the queue on the disk and decides what is sent; paho's own
does the network, and only tells the courier what happened (it holds its lock while it does).
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from actors.config import Config
from actors.forwarder import Forwarder, device, now
from actors.health import health
from actors.provenance import installed
from actors.sinks.broker import make_client, port
from actors.sinks.discovery import discovery
from bus.actor import Bus
from bus.log import get_logger
from bus.messages import Heartbeat, Results
from bus.topics import HEARTBEAT, RESULTS

RETRY_S = (1, 60)
"""The first and the longest wait for a broker that is away, doubled in between."""
REFUSED_S = 30.0
"""How long to keep visits that the broker did not take: somebody may be mending its access list."""
HEALTH_MS = 10_000.0
GOODBYE_S = 1.0
BATCH = 20
"""Visits under way at a time. The next follow when all have arrived: paho sends a batch again after a reconnect, and
whatever is published meanwhile would overtake it."""

log = get_logger("mqtt")


class Mqtt(Forwarder):
    """Publishes below `[mqtt] topic`/DEVICE. ValueError for settings that cannot work."""

    name = "sink.mqtt"
    inputs = (RESULTS, HEARTBEAT)

    def __init__(self, bus: Bus, config: Config) -> None:
        name = device(config.fleet)
        self._settings = config.mqtt
        self._topic = f"{config.mqtt.topic}/{name}"
        self._availability = f"{self._topic}/availability"
        self._client = make_client(config.mqtt, f"sleevesight-{name}", (self._availability, "offline"))
        super().__init__(bus, config)  # makes the queue, when nothing is refused any more
        self._client.reconnect_delay_set(*RETRY_S)
        self._client.on_connect, self._client.on_connect_fail = self._on_connect, self._on_connect_fail
        self._client.on_disconnect, self._client.on_publish = self._on_disconnect, self._on_publish
        self._shown: dict[str, str] = {}
        """The retained messages as they should be."""
        self._cards: list[dict[str, Any]] | None = None
        self._beats: dict[str, Heartbeat] = {}
        self._healthy: bool | None = None
        self._health_due_ns = 0
        self._batch: dict[int, int] = {}
        """Place in the queue of every visit under way, by paho's number for it."""
        self._size = BATCH
        self._refused_until = 0.0
        self._problem = ""
        self._refused = False
        """Whether the connection was refused, which says more than that it ended then."""
        self._parted = threading.Event()

    def start(self) -> None:
        """Begin to connect."""
        if self._settings.discovery:
            about = discovery(self.device, self._topic, installed("sleevesight") or "0")
            self._show(f"{self._settings.discovery}/device/sleevesight_{self.device}/config", about)
        self._show_cards([])
        self._client.connect_async(
            self._settings.host, port(self._settings), self._settings.keepalive_s, clean_start=True
        )
        self._client.loop_start()

    # The loop's thread: what is heard on the bus.

    def on_results(self, results: Results, blobs: object) -> None:
        """Store the visits, and show the cards if others lie there."""
        super().on_results(results, blobs)
        keys = ("track_id", "status", "card_id", "name", "set_name", "number")
        shown = [] if results.closing else [one for one in results.tracks if one.status in ("confirmed", "unknown")]
        cards = [{key: getattr(one, key) for key in keys} for one in shown]
        if cards != self._cards:
            self._show_cards(cards)

    def on_heartbeat(self, beat: Heartbeat, _blobs: object) -> None:
        """Keep the last of each actor."""
        self._beats[beat.actor] = beat

    def step(self) -> float | None:
        """Show the health now and then, and at once when it changes."""
        super().step()
        now_ns = self.bus.clock.now_ns()
        state = health(self._beats.values(), now_ns)
        if now_ns >= self._health_due_ns or state["ok"] != self._healthy:
            self._healthy, self._health_due_ns = state["ok"], now_ns + round(HEALTH_MS * 1e6)
            self._show(f"{self._topic}/health", {"time": now(), **state, "waiting": self.queue()})
        if self._refused_until and time.monotonic() > self._refused_until:
            self._refused_until = 0.0
            self.stored()
        return None

    def finish(self) -> None:
        """No card lies there any more."""
        if self._cards:
            self._show_cards([])

    def close(self) -> None:
        """Say goodbye in order, if anybody listens; the visits that wait stay on the disk."""
        self.soon(self._leave)
        super().close()
        self._parted.wait(GOODBYE_S if self.reachable else 0)

    def _show_cards(self, cards: list[dict[str, Any]]) -> None:
        self._cards = cards
        self._show(f"{self._topic}/cards", {"time": now(), "count": len(cards), "cards": cards})

    def _show(self, topic: str, content: dict[str, Any]) -> None:
        self.soon(self._retain, topic, json.dumps(content, ensure_ascii=False))

    # The courier's thread.

    def stored(self) -> None:
        """Have the next batch sent."""
        self.soon(self._send)

    def _send(self) -> None:
        if not self.reachable or self._batch or time.monotonic() < self._refused_until:
            return
        for visit in self.spool.first(self._size):
            sent = self._client.publish(f"{self._topic}/visits", visit.body, qos=1)
            if sent.rc in (
                MQTTErrorCode.MQTT_ERR_SUCCESS,
                MQTTErrorCode.MQTT_ERR_NO_CONN,
            ):  # either way paho keeps and sends it
                self._batch[sent.mid] = visit.seq

    def _arrived(self, mid: int, answer: ReasonCode) -> None:
        seq = self._batch.pop(mid, None)
        if seq is None:
            return
        if answer.is_failure:
            self._report(f"the broker does not take visits: {answer}; they are kept")
            self._refused_until = time.monotonic() + REFUSED_S
        else:
            self.spool.done(seq)
            self.bus.counts["delivered"] += 1
        if not self._batch:
            self._send()

    def _retain(self, topic: str, content: str) -> None:
        """Show a state, now and to whoever comes later. QoS 0: all are shown again after every connect."""
        self._shown[topic] = content
        if self.reachable:
            self._client.publish(topic, content, qos=0, retain=True)

    def _connected(self, most: int) -> None:
        self.reachable, self._problem, self._size = True, "", min(BATCH, most)
        self._parted.clear()
        self.detail = f"connected to {self._settings.host}"
        log.info("connected to the broker", host=self._settings.host, device=self.device, waiting=len(self.spool))
        self._client.publish(self._availability, "online", qos=1, retain=True)
        for topic, content in self._shown.items():
            self._client.publish(topic, content, qos=0, retain=True)
        self._send()

    def _refuse(self, answer: ReasonCode) -> None:
        self._refused = True
        self._away(f"it refused: {answer}")

    def _lost(self, answer: ReasonCode) -> None:
        if not self._refused:
            self._away(f"the connection ended: {answer}")
        self._refused = False

    def _away(self, problem: str) -> None:
        self.reachable = False
        self.detail = f"{self._settings.host}: {problem}"
        self._report(f"the broker is away: {problem}; visits are kept on the disk")

    def _report(self, problem: str) -> None:
        """Once, until it is another one or over."""
        if problem != self._problem:
            self._problem = problem
            log.warning(problem, host=self._settings.host)

    def _leave(self) -> None:
        if self.reachable:
            gone = self._client.publish(self._availability, "offline", qos=1, retain=True)
            with contextlib.suppress(RuntimeError):  # it has just been lost: the last will speaks
                gone.wait_for_publish(GOODBYE_S)
        self._client.disconnect()

    # paho's thread.

    def _on_connect(
        self, _c: Client, _u: object, _f: ConnectFlags, answer: ReasonCode, more: Properties | None
    ) -> None:
        if answer.is_failure:
            self.soon(self._refuse, answer)
        else:
            self.soon(self._connected, getattr(more, "ReceiveMaximum", BATCH))

    def _on_connect_fail(self, _c: Client, _u: object) -> None:
        self.soon(self._away, str(sys.exc_info()[1]))

    def _on_disconnect(self, _c: Client, _u: object, _f: DisconnectFlags, answer: ReasonCode, _m: object) -> None:
        self._parted.set()
        self.soon(self._lost, answer)

    def _on_publish(self, _c: Client, _u: object, mid: int, answer: ReasonCode, _more: object) -> None:
        self.soon(self._arrived, mid, answer)
