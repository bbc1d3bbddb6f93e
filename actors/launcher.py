"""The launcher for laptops: starts the actors, starts the dead and the hung again, and ends them in order."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import Any

import zmq

from actors.config import Config, dump
from actors.liveness import Liveness
from actors.process import Process, preload, spawn
from actors.rollcall import RollCall
from actors.run import REFUSED
from bus.clock import SystemClock
from bus.lock import FileLock
from bus.log import get_logger
from bus.topics import PIPELINE

FIRST_BACKOFF_S, LAST_BACKOFF_S = 0.2, 10.0
STEADY_S = 3.0
"""A process that lived this long was well: it is started again at once, and the back-off begins anew."""
STOP_S = 5.0
DRAIN_S = 15.0
"""How long the pipeline may take to pass on what it holds after the source has ended."""

log = get_logger("launcher")


@dataclass(slots=True)
class Child:
    """One actor's process and how often it had to be started."""

    name: str
    process: Process
    started: float
    restarts: int = 0
    failures: int = 0
    """How often it ended by itself with an error, and was not killed."""
    backoff: float = FIRST_BACKOFF_S
    again_at: float = 0.0
    over: bool = False
    ended_at: float = 0.0


class Launcher:
    """Runs a set of actors as processes of their own. `step` is to be called every 100 ms or so."""

    def __init__(self, config: Config) -> None:
        self._address = config.address
        self._address.prepare()
        self._lock = FileLock(config.address.run_dir / "launcher.lock", "sleevesight")
        self._path = config.launched
        self._path.write_text(dump(config, comments=False))
        self._path.chmod(0o600)
        preload(config)
        self._context: zmq.Context[Any] = zmq.Context()
        self.roll = RollCall(self._context, config.address, ())
        """What is heard of the actors."""
        self._liveness = Liveness()
        self._clock = SystemClock()
        self.children: dict[str, Child] = {}
        self.failed: str | None = None
        """Name of an actor that cannot start, once that is clear; its own error is on standard error."""

    def start(self, *names: str) -> None:
        """Start these actors."""
        self.roll.listen_to(names)
        for name in names:
            self.children[name] = Child(name, spawn(name, self._path), time.monotonic())

    def step(self) -> None:
        """Look after the dead and the hung: an end is an end, a refusal to start is final, else they start again."""
        now = time.monotonic()
        for child in self.children.values():
            if child.over:
                continue
            if child.again_at:
                if now >= child.again_at:
                    child.process, child.started, child.again_at = spawn(child.name, self._path), now, 0.0
                    child.restarts += 1
                continue
            code = child.process.poll()
            if code is not None:
                self._bury(child, code, now)
        self._judge()

    def _judge(self) -> None:
        """Who runs and does not get on, by the same rules as the watchdog's: end his process, which is then dead."""
        for beat in self.roll.hear():
            self._liveness.hear(beat)
        running = {
            name: child.process.pid for name, child in self.children.items() if not (child.over or child.again_at)
        }
        for verdict in self._liveness.judge(self._clock.now_ns(), running):
            log.error(verdict.what, actor=verdict.actor, process=verdict.pid)
            if verdict.signal is not None:
                self.children[verdict.actor].process.send_signal(verdict.signal)

    def _bury(self, child: Child, code: int, now: float) -> None:
        if code == 0:
            child.over, child.ended_at = True, now
            return
        if code == REFUSED and not child.restarts:
            child.over = True
            self.failed = self.failed or child.name
            return
        child.failures += code > 0
        pause = 0.0 if now - child.started > STEADY_S else child.backoff
        log.warning("actor died, starting it again", actor=child.name, code=code, in_s=round(pause, 1))
        child.again_at = now + pause
        child.backoff = min(pause * 2, LAST_BACKOFF_S) if pause else FIRST_BACKOFF_S

    def over(self) -> bool:
        """Whether every actor has come to its end, or had time to: one that was started again may have missed it."""
        capture = self.children.get("capture")
        drained = capture is not None and capture.ended_at > 0 and time.monotonic() > capture.ended_at + DRAIN_S
        return drained or all(child.over for child in self.children.values())

    def restarts(self) -> dict[str, int]:
        """How often each actor had to be started again."""
        return {name: child.restarts for name, child in self.children.items() if child.restarts}

    def stop(self) -> None:
        """End the actors in the order of the pipeline, each after the one before it has passed on what it held."""
        deadline = time.monotonic() + STOP_S
        order = [*PIPELINE, *(name for name in self.children if name not in PIPELINE)]
        for name in order:
            child = self.children.get(name)
            if child is None or child.process.poll() is not None:
                continue
            child.process.send_signal(signal.SIGTERM)
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.error("actor does not end, killing it", actor=name)
                child.process.kill()
                child.process.wait()
        for child in self.children.values():
            child.over = True
        self.roll.close()
        self._context.term()
        with contextlib.suppress(OSError):
            self._path.unlink()
        self._address.sweep()
        self._lock.release()
