"""What Linux shows of a process, with real ones: who takes a busy machine for a hang ends what is well."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.look import look

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="nobody is shown here")

PATIENCE_S = 30.0
SLEEPS = "import threading; threading.Event().wait()"
SLEEPS_AND_WORKS = "import threading; threading.Thread(target=lambda: [None for _ in iter(int, 1)]).start(); " + SLEEPS
WORKS = "while True: pass"


@pytest.fixture
def begin() -> Iterator[Callable[[str], int]]:
    """Processes that do something for ever."""
    started: list[subprocess.Popen[bytes]] = []

    def start(code: str) -> int:
        started.append(subprocess.Popen([sys.executable, "-c", f"print(flush=True)\n{code}"], stdout=subprocess.PIPE))
        assert started[-1].stdout is not None
        started[-1].stdout.readline()
        return started[-1].pid

    yield start
    for process in started:
        process.kill()
        process.communicate()


def until(pid: int, **wanted: bool) -> None:
    """Look until it is so, as it soon is."""
    deadline = time.monotonic() + PATIENCE_S
    while (seen := look(pid)) is None or any(getattr(seen, key) != value for key, value in wanted.items()):
        assert time.monotonic() < deadline, seen


def test_whoever_waits_for_nothing_of_the_machines(begin: Callable[[str], int]) -> None:
    """A lock that nobody lets go of: no core and no disk would help."""
    until(begin(SLEEPS), waits=False, stopped=False)


@pytest.mark.parametrize("code", [WORKS, SLEEPS_AND_WORKS], ids=["itself", "a thread of its own"])
def test_whoever_could_go_on_and_what_he_has_had(begin: Callable[[str], int], code: str) -> None:
    """An inference runs in a thread of its own: its process seems to sleep meanwhile."""
    pid = begin(code)
    until(pid, waits=True, stopped=False)
    first = look(pid)
    assert first is not None
    deadline = time.monotonic() + PATIENCE_S
    while (later := look(pid)) is None or later.cpu_s < first.cpu_s + 0.1:
        assert time.monotonic() < deadline, later


def test_whoever_is_stopped(begin: Callable[[str], int]) -> None:
    """He hears nothing, and nobody needs to wait for what he has to say."""
    pid = begin(WORKS)
    os.kill(pid, signal.SIGSTOP)
    os.waitpid(pid, os.WUNTRACED)
    until(pid, stopped=True, waits=False)


def test_whoever_is_gone(begin: Callable[[str], int]) -> None:
    """It may end between two questions; what is left of it is looked at by nobody."""
    pid = begin(WORKS)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert look(pid) is None
