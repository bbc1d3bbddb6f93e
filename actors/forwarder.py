"""The part that sinks for other machines share: every visit is on the disk at once, and leaves when it has arrived."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import re
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from actors.config import Config
from actors.events import Beginning, Event, visit_event
from actors.sections import FleetConfig
from actors.spool import Spool, SpoolError, default_folder
from bus.actor import Actor, Bus
from bus.log import get_logger
from bus.messages import Results, Visit
from bus.topics import RESULTS, Topic

log = get_logger("forwarder")


class Forwarder(Actor):
    """Stores visits in a thread of its own (`soon`), because a disk may take seconds and the loop must not wait.

    A subclass sends what `spool` holds, beginning whenever `stored` is called, and says in `reachable` whether it gets
    through.
    """

    inputs: ClassVar[tuple[Topic, ...]] = (RESULTS,)
    ends_with = (RESULTS,)

    def __init__(self, bus: Bus, config: Config) -> None:
        super().__init__(bus)
        self.device = device(config.fleet)
        self.spool = open_spool(config.fleet, self.name.removeprefix("sink."))
        self.reachable = False
        self._beginning = Beginning()
        self._courier = ThreadPoolExecutor(1, thread_name_prefix="courier")
        self._taken = self._dealt_with = 0
        """Visits, counted by the loop's thread and by the courier's."""
        self._failure: BaseException | None = None
        self._full = False

    def on_results(self, results: Results, _blobs: object) -> None:
        """Store the visits that began or ended with this frame."""
        self.bus.counts["frames"] += not results.closing
        start_ns = self._beginning.of(results)
        for visit in results.visits:
            message = visit_message(self.device, results, visit, start_ns)
            self._taken += 1
            self.soon(self._store, message["id"], json.dumps(message, ensure_ascii=False).encode())

    def soon(self, work: Callable[..., None], *arguments: Any) -> None:
        """Have the courier do something after what it was told before; nothing once the sink is being closed."""
        with contextlib.suppress(RuntimeError):
            self._courier.submit(work, *arguments).add_done_callback(self._look_at)

    def stored(self) -> None:
        """Called by the courier when there is something new in the spool."""

    def fail(self, error: BaseException) -> None:
        """End the actor with its next round: it is started again, with everything that is on the disk."""
        self._failure = self._failure or error

    def step(self) -> float | None:
        """Report what the threads did."""
        if self._failure is not None:
            raise RuntimeError(str(self._failure)) from self._failure
        for reason, count in dict(self.spool.dropped).items():
            self.bus.drops[reason] = count
        return None

    def queue(self) -> int:
        """Visits that have not arrived."""
        return self._taken - self._dealt_with + len(self.spool)

    def settled(self) -> bool:
        """Whether everything is stored and, if it gets through, has arrived."""
        return self._taken == self._dealt_with and not (self.reachable and len(self.spool))

    def close(self) -> None:
        """Store what was taken; what has not arrived is sent when the sink starts again."""
        self._courier.shutdown(wait=True)
        self.spool.close()

    def _store(self, key: str, body: bytes) -> None:
        before = self.spool.dropped["full"]
        try:
            self.spool.put(key, body)
        except SpoolError as error:
            self.spool.dropped["unstored"] += 1
            log.error("a visit could not be stored and is lost", id=key, why=str(error))
        finally:
            self._dealt_with += 1
        full = self.spool.dropped["full"] > before
        if full and not self._full:
            log.warning("the queue is full: the oldest visits are dropped", kept=len(self.spool))
        self._full = full
        self.stored()

    def _look_at(self, work: Future[None]) -> None:
        if (error := work.exception()) is not None:
            self.fail(error)


def device(fleet: FleetConfig) -> str:
    """The name of this device in topics and messages: [fleet] device, or the host's. ValueError if that will not do."""
    name = fleet.device or re.sub(r"[^A-Za-z0-9_-]+", "-", socket.gethostname().partition(".")[0])[:64]
    if not name.strip("-"):
        raise ValueError("this host has no name that could be the device's: set [fleet] device")
    return name


def open_spool(fleet: FleetConfig, name: str) -> Spool:
    """The queue of a sink. SpoolError if it cannot be opened, or another process has it."""
    folder = Path(fleet.spool).expanduser() if fleet.spool else default_folder()
    return Spool(folder / f"{name}.spool", fleet.keep, fleet.keep_mb << 20)


def visit_message(device: str, results: Results, visit: Visit, start_ns: int) -> Event:
    """A visit as the jsonl sink writes it, with whose it is, when it came, and an id of its own (docs/events.md)."""
    return {
        "id": f"{device}.{results.stream}.{results.life or results.session}.{visit.visit}.{visit.event}",
        "device": device,
        "time": now(),
        "visit": visit_event(visit, start_ns),
    }


def now() -> str:
    """The wall clock, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_loopback(host: str) -> bool:
    """Whether what is sent to a host stays on this machine; only names that nobody can redirect count."""
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return False
