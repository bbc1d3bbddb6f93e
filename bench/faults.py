"""What happens to a system that runs for long: each fault is done to a running one, which has to be well again soon."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

import zmq

from bench import noise
from bench.system import ACTORS, PATIENCE_S, SLEEVESIGHT, Ear, System
from bus.topics import HEARTBEAT, TOPICS

Inject = Callable[[System], None]
STALL_S = NOISE_S = 1.0


class NotSurvived(RuntimeError):
    """A fault did what it must not do."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is done to a system until `inject` returns. `kills`: the actor that has a new life after it."""

    name: str
    inject: Inject
    kills: str = ""


def recovery_s(system: System, fault: Fault, patience_s: float = PATIENCE_S) -> float:
    """Do it, and wait: seconds from its end to the result of a frame that was taken when everybody was there again.

    Raises TooSlow if that does not come, and NotSurvived for a wrong outcome.
    """
    before = {actor: beat.session for actor in ACTORS if (beat := system.ear.life(actor)) is not None}
    fault.inject(system)
    ended_ns = since_ns = system.clock.now_ns()
    if fault.kills:
        actor = fault.kills
        system.ear.until(lambda: system.ready(actor, before[actor]), f"{actor} is back", patience_s)
        since_ns = system.readied_ns(actor)
    else:
        system.ear.until(lambda: _beats_since(system, since_ns), f"everybody lives after {fault.name}", patience_s)
    system.ear.until(
        lambda: any(one.t_ns > since_ns and not one.closing for one in system.ear.results[-64:]),
        f"results after {fault.name}",
        patience_s,
    )
    return (_first_ns(system, since_ns) - ended_ns) / 1e9


def _beats_since(system: System, since_ns: int) -> bool:
    beats = [system.ear.life(actor) for actor in ACTORS]
    return all(beat is not None and beat.state == "ready" and beat.t_ns > since_ns for beat in beats)


def _first_ns(system: System, since_ns: int) -> int:
    """When the first frame that was taken after a moment was answered."""
    return min(one.trace[-1].done_ns for one in system.ear.results if one.t_ns > since_ns and one.trace)


def stall(ear: Ear, pid: int, seconds: float) -> None:
    """Stop a process, keep listening, and let it go on."""
    os.kill(pid, signal.SIGSTOP)
    try:
        listen(ear, seconds)
    finally:
        os.kill(pid, signal.SIGCONT)


def listen(ear: Ear, seconds: float) -> None:
    """Keep an ear on the system for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ear.listen(0.02)


def _kill(actor: str) -> Fault:
    def inject(system: System) -> None:
        system.kill(actor, signal.SIGKILL)

    return Fault(f"kill {actor}", inject, actor)


def _stall(actor: str) -> Fault:
    return Fault(f"stall {actor}", lambda system: stall(system.ear, system.pid(actor), STALL_S))


def _hang(actor: str) -> Fault:
    """It stands still for good, until somebody misses it: its recovery counts from that moment on."""

    def inject(system: System) -> None:
        system.kill(actor, signal.SIGSTOP)

    return Fault(f"hang {actor}", inject, actor)


def _second_instance(system: System) -> None:
    """A second capture on the same run directory is refused."""
    command = [*SLEEVESIGHT, "run", "capture", "--config", str(system.file)]
    second = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        system.ear.until(lambda: second.poll() is not None, "the second capture ends")
    finally:
        second.kill()
        second.wait()
    if second.returncode != 2:
        raise NotSurvived(f"a second capture ended with {second.returncode}, where 2 is a refusal")


def _silent_reader(system: System) -> None:
    """Subscribes to everything and reads nothing."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    for endpoint in _endpoints(system):
        reader = context.socket(zmq.SUB)
        reader.setsockopt(zmq.SUBSCRIBE, b"")
        reader.connect(endpoint)
    listen(system.ear, NOISE_S)
    context.destroy(linger=0)


def _noise(kind: str) -> Fault:
    def inject(system: System) -> None:
        doors = [f"ipc://{system.config.address.ring}"] if kind == "raw bytes" else []
        with noise.made(noise.AT_PUBLISHERS[kind], *_endpoints(system), *doors):
            listen(system.ear, NOISE_S)

    return Fault(kind, inject)


def _endpoints(system: System) -> list[str]:
    """Everything that listens and speaks ZeroMQ."""
    address = system.config.address
    data = [address.endpoint(topic) for topic in TOPICS.values() if topic is not HEARTBEAT]
    return [*data, *(address.endpoint(HEARTBEAT, actor) for actor in ACTORS)]


FAULTS = {
    fault.name: fault
    for fault in (
        *(_kill(actor) for actor in ACTORS),
        _stall("selector"),
        _stall("embedder"),
        *(_hang(actor) for actor in ("capture", "selector", "embedder")),
        Fault("second instance", _second_instance),
        Fault("silent reader", _silent_reader),
        *(_noise(kind) for kind in noise.AT_PUBLISHERS),
    )
}
