"""An actor's process: on Linux a copy of whoever starts it (launcher or supervisord), who has imported everything.

Imports cost each process half a second and 30 MB that nobody else shares; copied, they cost neither
(docs/decisions/006). Copying is safe because whoever is copied does nothing but wait: he has no thread of Python's,
and the copy closes whatever was open.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import NoReturn, Protocol

from actors import opencv
from actors.config import Config
from actors.run import PARENT, child_environment, main, single_threaded

FORKS = sys.platform == "linux"  # macOS forbids its frameworks to a forked copy
_MODULES = ("capture", "selector", "embedder", "backends.onnx", "backends.detector", "matcher", "smoother", "sink")
_SINKS = {
    "console": "sinks.console",
    "recorder": "recorder",
    "collection": "sinks.collection",
    "dashboard": "dashboard.actor",
}
_POLL_S = 0.005


class Process(Protocol):
    """What the launcher needs of a process: the part of `subprocess.Popen` that it uses."""

    @property
    def pid(self) -> int:
        """Its number."""

    def poll(self) -> int | None:
        """Its exit code (minus the signal that killed it), None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, waited for; subprocess.TimeoutExpired if that takes too long."""

    def send_signal(self, sig: int) -> None:
        """Send it a signal, unless it has ended."""

    def kill(self) -> None:
        """Kill it."""


class Forked:
    """A copy of this process that runs one actor."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        """See `Process`."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """See `Process`."""
        deadline = time.monotonic() + (timeout if timeout is not None else float("inf"))
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
            time.sleep(_POLL_S)
        return code

    def send_signal(self, sig: int) -> None:
        """See `Process`."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        """See `Process`."""
        self.send_signal(signal.SIGKILL)


def preload(config: Config) -> None:
    """Import what the actors of this configuration will need, and set it aside from the garbage collector.

    A collector that visits an object writes to it, and what is written to is not shared any more.
    """
    if not FORKS:
        return
    opencv.settle()
    single_threaded()
    scheme = config.capture.source.partition(":")[0]
    sources = [f"sources.{scheme}"] if scheme in ("scene", "video", "images", "recording", "camera", "imx500") else []
    sinks = [module for name, module in _SINKS.items() if name in config.sinks.enabled]
    for module in (*_MODULES, *sources, *sinks):
        importlib.import_module(f"actors.{module}")
    importlib.import_module("catalog.index").usearch()  # after the engine: see there
    gc.collect()
    gc.freeze()


def spawn(name: str, config: Path) -> Process:
    """Start the actor `name` with the configuration of a file, in a session of its own; it ends with this process."""
    if FORKS:
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        pid = fork()
        if pid == 0:
            _live(name, config, parent)
        return Forked(pid)
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", "run", name, "--config", str(config)],
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches the launcher alone, which ends the others in order
        env={**child_environment(), "PYTHONUNBUFFERED": "1"},
    )


def fork() -> int:
    """`os.fork`, whose copy has none of the signal handlers of whoever it is a copy of, like a program that is started.

    Signals wait until they are gone: one that came before, as in a stop right after a start, would be answered by
    a handler that means somebody else, and the copy would never end.
    """
    held = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            for number in signal.valid_signals():
                if callable(signal.getsignal(number)):
                    signal.signal(number, signal.SIG_DFL)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
    return pid


def _live(name: str, config: Path, parent: int) -> NoReturn:
    """The life of the launcher's copy."""
    os.setsid()
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # locks and sockets of the launcher are not ours
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    become(name, config, parent)


def become(name: str, config: Path, parent: int) -> NoReturn:
    """Be the process of an actor from now on, in a copy made by `fork`; it ends with `parent`.

    It never returns into the code that it was copied from, whatever happens.
    """
    code = 1
    try:
        os.environ[PARENT] = str(parent)
        Path("/proc/self/comm").write_text(name)  # what `top` shows; the command line is that of the original
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        code = main(name, config)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
