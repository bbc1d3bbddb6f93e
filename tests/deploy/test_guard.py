"""Who watches the watchdog, and supervisord: one that stands still for ever is to the system as if there were none."""

import socket
from pathlib import Path
from signal import SIGABRT, SIGKILL, Signals
from types import SimpleNamespace
from typing import Any

import pytest
from supervisor.states import ProcessStates

from actors.look import Look
from actors.run import WATCHDOG
from deploy.guard import SILENT_S, START_S, Guard, Interface, notify

NOTICED_S = 5.0
"""The promise for everybody, the watchdog included."""


class Post:
    """supervisord with a matcher and a watchdog, and the guard of its turns."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.sent: list[tuple[str, Signals]] = []
        self.programs = {name: self._program(name, 100 + place) for place, name in enumerate(("matcher", WATCHDOG))}
        group = SimpleNamespace(processes=self.programs)
        logger = SimpleNamespace(critical=lambda _text: None)
        self.supervisord = SimpleNamespace(
            process_groups={"all": group},
            options=SimpleNamespace(logger=logger, mood=1),
            tick=lambda: None,
        )
        self.stopped = False
        self.guard = Guard(self.supervisord, lambda: self.now_s, lambda _pid: Look(self.stopped, False, 0.0))

    def _program(self, name: str, pid: int) -> Any:
        return SimpleNamespace(
            config=SimpleNamespace(name=name),
            pid=pid,
            state=ProcessStates.RUNNING,
            get_state=lambda: self.programs[name].state,
            signal=lambda number: self.sent.append((name, number)),
        )

    def wait(self, seconds: float, asking: bool = False) -> float:
        """Let supervisord turn once a second, as it does when nothing happens; after how long a signal was sent."""
        before = len(self.sent)
        for second in range(1, round(seconds) + 1):
            self.now_s += 1.0
            if asking:
                self.guard.asked()
            self.guard.turn()
            if len(self.sent) > before:
                return float(second)
        return 0.0


def test_a_watchdog_that_asks_is_left_alone() -> None:
    """The guard must not be what ends it."""
    post = Post()
    post.wait(600, asking=True)
    assert post.sent == []


def test_a_watchdog_that_ceases_to_ask_is_ended_in_time() -> None:
    """Stopped or hung: it may say where; then it is killed."""
    post = Post()
    post.wait(5, asking=True)
    assert SILENT_S <= post.wait(60) < NOTICED_S
    post.wait(1)
    assert post.sent == [(WATCHDOG, SIGABRT), (WATCHDOG, SIGKILL)]


def test_one_that_is_stopped_is_killed_at_once() -> None:
    """It cannot say anything, and supervisord's next turn may be a second away."""
    post = Post()
    post.wait(5, asking=True)
    post.stopped = True
    assert SILENT_S <= post.wait(60) < NOTICED_S - 1
    assert post.sent == [(WATCHDOG, SIGKILL)]


def test_the_next_life_begins_anew() -> None:
    """It has asked nothing yet, and loads what it needs first."""
    post = Post()
    post.wait(5, asking=True)
    post.wait(60)
    post.programs[WATCHDOG].pid = 200
    assert post.wait(START_S - 2) == 0.0
    assert post.wait(4) > 0.0, "a start that never ends is noticed as well"


@pytest.mark.parametrize("state", ["STOPPED", "STOPPING", "BACKOFF", "EXITED", "FATAL"])
def test_who_does_not_run_is_not_judged(state: str) -> None:
    """It was stopped by hand, or supervisord sees to it."""
    post = Post()
    post.wait(5, asking=True)
    post.programs[WATCHDOG].state = getattr(ProcessStates, state)
    post.wait(600)
    assert post.sent == []


def test_the_sleep_of_supervisord_is_not_the_watchdogs() -> None:
    """Whoever wakes up after an hour has heard nothing for so long."""
    post = Post()
    post.wait(5, asking=True)
    post.now_s += 3600.0
    post.guard.turn()
    assert post.wait(600, asking=True) == 0.0
    assert post.sent == []


def test_the_interface_tells_the_watchdog_what_runs() -> None:
    """All that it needs, five times a second, and not the two dozen values that supervisorctl is told."""
    post = Post()
    turned: list[str] = []
    post.supervisord.tick = lambda: turned.append("tick")
    interface = Interface(post.supervisord)
    assert interface.watch() == [
        {"name": "matcher", "statename": "RUNNING", "pid": 100},
        {"name": WATCHDOG, "statename": "RUNNING", "pid": 101},
    ]
    post.supervisord.tick()
    assert turned == ["tick"], "what supervisord does there is done as ever"


def test_systemd_hears_that_the_loop_turns(short_socket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once that it is ready, then at most once a second: a supervisord that stands still is silent."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(short_socket))
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(short_socket))
        post = Post()
        for _ in range(20):
            post.now_s += 0.25
            post.guard.turn()
        heard = []
        while len(heard) < 6:
            try:
                heard.append(systemd.recv(64))
            except BlockingIOError:
                break
    assert heard == [b"READY=1", *[b"WATCHDOG=1"] * 4]


@pytest.mark.parametrize("address", [None, "/nonexistent/notify", "@nobody.listens"])
def test_without_systemd_nothing_happens(address: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Started by hand, or left by systemd: that is no reason to end."""
    if address is None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    else:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")


@pytest.fixture
def short_socket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A socket's path holds 108 bytes."""
    return tmp_path_factory.mktemp("s") / "notify"
