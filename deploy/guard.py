"""Who watches the watchdog: supervisord, which the watchdog asks five times a second. And systemd watches supervisord.

Each sees the next one at work, by what that one has to do anyway: no timer that runs beside the work, and no process
more (docs/decisions/010).
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from supervisor.rpcinterface import SupervisorNamespaceRPCInterface
from supervisor.states import ProcessStates, getProcessStateDescription

from actors.liveness import DUMP_S
from actors.look import Look, look
from actors.run import WATCHDOG

SILENT_S = 2.5
"""The watchdog asks five times a second, and waits two seconds for an answer."""
START_S = 60.0
"""For its first question."""
AWAKE_S = 1.2
"""supervisord's loop turns once a second at least: if more has passed, it slept itself."""
NOTIFY_S = 1.0
"""How often systemd is told, at most."""


class Interface(SupervisorNamespaceRPCInterface):  # type: ignore[misc]
    """Supervisord's own interface, and the watchdog's question."""

    def __init__(self, supervisord: Any) -> None:
        super().__init__(supervisord)
        self._guard = Guard(supervisord)
        turn = supervisord.tick

        def tick() -> None:
            turn()
            self._guard.turn()

        supervisord.tick = tick  # called at the end of every turn of supervisord's loop

    def watch(self) -> list[dict[str, Any]]:
        """What `getAllProcessInfo` says, as far as the watchdog needs it; only he asks this."""
        self._update("watch")
        self._guard.asked()
        return [
            {"name": one.config.name, "statename": getProcessStateDescription(one.get_state()), "pid": one.pid}
            for one in _processes(self.supervisord)
        ]


class Guard:
    """Ends a watchdog that has ceased to ask, and tells systemd that supervisord's loop turns."""

    def __init__(
        self,
        supervisord: Any,
        now_s: Callable[[], float] = time.monotonic,
        see: Callable[[int], Look | None] = look,
    ) -> None:
        self._supervisord, self._now_s, self._see = supervisord, now_s, see
        self._last_s = self._told_s = now_s()
        self._ready = False
        self._pid = 0
        self._left_s = START_S
        self._asked = self._sentenced = False

    def asked(self) -> None:
        """The watchdog is at work."""
        self._asked = True

    def turn(self) -> None:
        """Supervisord's loop has turned."""
        now_s = self._now_s()
        awake_s, self._last_s = min(now_s - self._last_s, AWAKE_S), now_s
        for process in _processes(self._supervisord):
            if process.config.name == WATCHDOG:
                self._look_at(process, awake_s)
        if not self._ready or now_s - self._told_s >= NOTIFY_S:
            notify("WATCHDOG=1" if self._ready else "READY=1")
            self._ready, self._told_s = True, now_s

    def _look_at(self, process: Any, awake_s: float) -> None:
        if process.pid != self._pid:
            self._pid, self._left_s, self._asked, self._sentenced = process.pid, START_S, False, False
        if process.get_state() not in (ProcessStates.STARTING, ProcessStates.RUNNING):
            return
        self._left_s = SILENT_S if self._asked else self._left_s - awake_s
        self._asked = False
        if self._left_s < 0:
            seen = self._see(process.pid)
            deaf = self._sentenced or (seen is not None and seen.stopped)
            number = signal.SIGKILL if deaf else signal.SIGABRT  # first it may say where it hangs
            self._supervisord.options.logger.critical(f"the {WATCHDOG} asks nothing any more: {number.name}")
            process.signal(number)
            self._sentenced, self._left_s = True, DUMP_S


def _processes(supervisord: Any) -> list[Any]:
    return [one for group in supervisord.process_groups.values() for one in group.processes.values()]


def notify(what: str) -> None:
    """Tell systemd, if it is there and wants to know (sd_notify); that it does not listen is no reason to stop."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address is None:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out:
        try:
            out.sendto(what.encode(), f"\0{address[1:]}" if address.startswith("@") else address)
        except OSError:
            return
