"""A whole system in processes of its own, as a user starts it, with an ear on its results and heartbeats."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import zmq

from actors.config import Config, dump
from bus.clock import SystemClock
from bus.messages import Bye, Crops, Heartbeat, Results, Visit
from bus.sockets import Address, Subscriber
from bus.topics import CROPS, HEARTBEAT, PIPELINE, RESULTS

ACTORS = (*PIPELINE, "sink.jsonl")
SLEEVESIGHT = (sys.executable, "-m", "cli.main")
PATIENCE_S = 30.0
"""For anything that must happen on a slow machine; what is fast in truth is printed."""


class TooSlow(RuntimeError):
    """Something that had to happen did not, in all the time that a slow machine is given."""


class Ear:
    """Hears everything that a system says about its results and its health, from the moment it is made."""

    def __init__(self, run_dir: Path, crops: bool = False, actors: Sequence[str] = ACTORS) -> None:
        self.context: zmq.Context[Any] = zmq.Context()
        address = Address(run_dir)
        self._subscribers = [Subscriber(self.context, address, HEARTBEAT, actor) for actor in actors]
        self._subscribers += [Subscriber(self.context, address, RESULTS)]
        if crops:
            self._subscribers += [Subscriber(self.context, address, CROPS)]
        self.results: list[Results] = []
        self.beats: list[Heartbeat] = []
        self.byes: list[Bye] = []
        self.crops: list[tuple[Crops, list[bytes]]] = []

    def listen(self, seconds: float = 0.05) -> None:
        """Take in what comes within the time."""
        poller = zmq.Poller()
        for subscriber in self._subscribers:
            poller.register(subscriber.socket, zmq.POLLIN)
        poller.poll(round(seconds * 1000))
        for subscriber in self._subscribers:
            for message, blobs in subscriber.drain():
                if isinstance(message, Results):
                    self.results.append(message)
                elif isinstance(message, Heartbeat):
                    self.beats.append(message)
                elif isinstance(message, Bye):
                    self.byes.append(message)
                elif isinstance(message, Crops):
                    self.crops.append((message, [bytes(blob) for blob in blobs]))

    def until(self, condition: Callable[[], Any], what: str, seconds: float = PATIENCE_S) -> None:
        """Listen until something is so."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TooSlow(f"not within {seconds:g} s: {what}")
            self.listen()

    def life(self, actor: str) -> Heartbeat | None:
        """The last heartbeat of the newest life of an actor."""
        beats = [beat for beat in self.beats if beat.actor == actor]
        return max(beats, key=lambda beat: (beat.started_ns, beat.seq), default=None)

    def lives(self) -> list[Heartbeat]:
        """The last heartbeat of every life of every actor."""
        last = {(beat.actor, beat.session): beat for beat in sorted(self.beats, key=lambda beat: beat.seq)}
        return list(last.values())

    def confirmed(self, since_ns: int = 0) -> list[Visit]:
        """Visits that began with a frame taken after `since_ns`, and were confirmed."""
        visits = [(one, visit) for one in self.results for visit in one.visits if visit.event == "confirmed"]
        frames = {(one.stream, one.frame): one.t_ns for one in self.results}
        return [v for one, v in visits if frames.get((one.stream, v.first_frame), 0) > since_ns]

    def close(self) -> None:
        """Stop listening."""
        self.context.destroy(linger=0)


class System:
    """`sleevesight up` with a configuration, and an ear on it."""

    actors: Sequence[str] = ACTORS
    parent = "launcher"
    """Whose processes they are."""

    def __init__(self, config: Config, crops: bool = False, program: Sequence[str] = SLEEVESIGHT) -> None:
        self.config = config
        self.run_dir = Path(config.bus.run_dir)
        self.file = self.run_dir.with_name(f"{self.run_dir.name}.toml")
        self.file.write_text(dump(config))
        self.log = self.run_dir.with_name(f"{self.run_dir.name}.log")
        self.clock = SystemClock()
        self.ear = Ear(self.run_dir, crops, self.actors)
        self.program = program
        command = self.command()
        self.begun_ns = self.clock.now_ns()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stderr=log,
                stdout=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for whoever started it, who ends it in order
            )

    def command(self) -> Sequence[str]:
        """What is started."""
        return [*self.program, "up", "--config", str(self.file)]

    def wait_ready(self) -> None:
        """Until everybody is ready and the first card has been confirmed."""
        self.ear.until(lambda: all(self.ready(actor) for actor in self.actors), f"ready; see {self.log}")
        self.ear.until(self.ear.confirmed, f"a confirmed card; see {self.log}")

    def ready(self, actor: str, not_session: str = "") -> bool:
        """Whether an actor is ready, in another life than `not_session`."""
        beat = self.ear.life(actor)
        return beat is not None and beat.state == "ready" and beat.session != not_session

    def session(self, actor: str) -> str:
        """The newest life of an actor."""
        beat = self.ear.life(actor)
        assert beat is not None, f"{actor} has never been heard"
        return beat.session

    def readied_ns(self, actor: str) -> int:
        """When the newest life of an actor was ready."""
        beat = self.ear.life(actor)
        assert beat is not None, f"{actor} has never been heard"
        return min(one.t_ns for one in self.ear.beats if one.session == beat.session and one.state == "ready")

    def pid(self, actor: str) -> int:
        """The process of an actor, as its heartbeat says."""
        beat = self.ear.life(actor)
        assert beat is not None, f"{actor} has never been heard"
        return beat.pid

    def kill(self, actor: str, number: int) -> int:
        """Send a signal to an actor's process; returns when."""
        now = self.clock.now_ns()
        os.kill(self.pid(actor), number)
        return now

    def processes(self) -> dict[int, str]:
        """Every process whose command line or configuration names this run directory."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                except OSError:
                    continue
                if str(self.run_dir) in line and state != "Z":
                    found[int(entry.name)] = line.strip()
        return found

    def open_files(self, actor: str) -> int:
        """How many descriptors an actor holds."""
        return open_files(self.pid(actor))

    def stop(self, number: int = signal.SIGINT) -> tuple[int, float]:
        """Ask the launcher to end; exit code and seconds."""
        begun = time.monotonic()
        self.process.send_signal(number)
        while self.process.poll() is None and time.monotonic() < begun + PATIENCE_S:
            self.ear.listen()
        code = self.process.wait(1)
        self.ear.listen(0)
        return code, time.monotonic() - begun

    def close(self) -> None:
        """End whatever is left of it."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.ear.close()


def open_files(pid: int) -> int:
    """How many descriptors a process holds."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
