"""watchdog: hears everybody's heartbeats and has supervisord start again whoever does not get on."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any, Protocol
from xml.parsers.expat import ExpatError
from xmlrpc.client import Error as RpcError
from xmlrpc.client import ServerProxy

from actors.lifts import Lifts
from actors.liveness import Liveness, Verdict
from actors.look import Look, look
from actors.run import WATCHDOG
from bus.actor import Actor, Bus
from bus.log import get_logger
from bus.messages import Heartbeat
from bus.topics import HEARTBEAT

EVERY_MS = 200.0
ANSWER_S = 2.0
"""supervisord answers within milliseconds; one that hangs must not make its watchdog hang."""

_ERRORS = (RpcError, HTTPException, ExpatError, OSError)

log = get_logger(WATCHDOG)


class Supervisor(Protocol):
    """The part of supervisord's interface that is used here; its errors are those of `xmlrpc` and sockets."""

    def watch(self) -> Any:
        """A map for each program: `name`, `statename`, `pid`. Who has asked and ceases to is taken to hang."""

    def startProcess(self, name: str, wait: bool) -> Any:
        """Start a program that does not run."""

    def signalProcess(self, name: str, signal: str) -> Any:
        """Send a signal to a program's process, by the signal's name without SIG."""


def supervisord() -> Supervisor:
    """The one that has started this process. ValueError if none has."""
    url = os.environ.get("SUPERVISOR_SERVER_URL")
    if url is None:
        raise ValueError("no supervisord has started it: it is part of the service (docs/service.md)")
    from supervisor.xmlrpc import SupervisorTransport  # noqa: PLC0415 - for the service alone

    socket.setdefaulttimeout(ANSWER_S)  # the transport sets none, and nothing else here has Python's sockets
    proxy: Any = ServerProxy("http://127.0.0.1", transport=SupervisorTransport(None, None, url))
    interface: Supervisor = proxy.supervisor
    return interface


class Watchdog(Actor):
    """The rules are those of `actors.liveness` and `actors.lifts`; this is their hand."""

    name = WATCHDOG
    inputs = (HEARTBEAT,)

    def __init__(self, bus: Bus, supervisor: Supervisor, look: Callable[[int], Look | None] = look) -> None:
        super().__init__(bus)
        self._supervisor = supervisor
        self._liveness = Liveness(look)
        self._lifts = Lifts()
        self._answers = True
        self._next_ns = 0
        try:
            self.peers = tuple(one["name"] for one in supervisor.watch() if one["name"] != WATCHDOG)
        except _ERRORS as error:
            raise RuntimeError(f"supervisord does not say what it runs: {error}") from None

    def on_heartbeat(self, beat: Heartbeat, _blobs: object) -> None:
        """Somebody lives."""
        self._liveness.hear(beat)

    def step(self) -> float | None:
        """Judge five times a second; what comes in between waits for that."""
        now = self.bus.clock.now_ns()
        if now >= self._next_ns:
            self._next_ns = now + round(EVERY_MS * 1e6)
            with self._asking():
                self._look(now)
        return (self._next_ns - now) / 1e6

    def _look(self, now: int) -> None:
        programs = {one["name"]: one for one in self._supervisor.watch() if one["name"] in self.peers}
        running = {name: one["pid"] for name, one in programs.items() if one["statename"] in ("STARTING", "RUNNING")}
        for verdict in self._liveness.judge(now, running):
            self._act(verdict)
        given_up = [name for name, one in programs.items() if one["statename"] == "FATAL"]
        for name in self._lifts.due(now / 1e9, given_up, filter(self._liveness.ready, running)):
            log.warning("given up by supervisord: starting it again", actor=name)
            self.bus.counts["lifted"] += 1
            self._supervisor.startProcess(name, False)
        self.detail = self._summary(given_up)

    def _act(self, verdict: Verdict) -> None:
        log.error(verdict.what, actor=verdict.actor, process=verdict.pid)
        if verdict.signal is not None:
            self.bus.counts["ended"] += 1
            self._supervisor.signalProcess(verdict.actor, verdict.signal.name.removeprefix("SIG"))

    def _summary(self, given_up: list[str]) -> str:
        """One line for people; what needs one of them comes first."""
        parts = [f"reboot needed: {name} cannot be killed" for name in self._liveness.unkillable]
        parts += [f"does not start: {name}" for name in given_up]
        return "; ".join(parts) or f"watching {len(self.peers)} processes"

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Whoever is asked may be busy or going: that is said once, and he is asked again."""
        try:
            yield
        except _ERRORS as error:
            if self._answers:
                log.warning("supervisord does not do what it is asked", error=str(error))
            self._answers = False
        else:
            if not self._answers:
                log.info("supervisord answers again")
            self._answers = True
