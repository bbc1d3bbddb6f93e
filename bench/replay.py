"""Replay: a stream through the real processes, each frame's result collected, everything lost accounted for."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import zmq

from actors.config import Config, updated
from actors.events import frame_event
from actors.launcher import Launcher
from actors.rollcall import RollCall
from bench.probe import Probe
from bench.summary import Summary, summarise
from bus.messages import Bye, Results, Tracks
from bus.sockets import Address, Subscriber
from bus.topics import PIPELINE, RESULTS, TRACKS

READY_S = 60.0
_QUIET_MS = 100
"""After this much silence, nothing that the ended processes sent is on its way any more."""
MAX_FAILURES = 3
"""An actor that has failed by itself this often will do so for ever: the same stream leads it to the same place."""


class ReplayError(RuntimeError):
    """A replay that could not be run to its end."""


class ActorRefused(ReplayError):
    """An actor that cannot start: it has said why on standard error, and nobody needs to say it again."""


class Collector:
    """Hears the results and everybody's heartbeats; with `crops` also how many crops each frame asked for."""

    def __init__(self, address: Address, actors: list[str], events: TextIO | None, *, crops: bool = False) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.topics = (RESULTS, TRACKS) if crops else (RESULTS,)
        self._subscribers = [Subscriber(self._context, address, topic) for topic in self.topics]
        self.roll = RollCall(self._context, address, actors)
        self._poller = zmq.Poller()
        for subscriber in (*self._subscribers, *self.roll.subscribers):
            self._poller.register(subscriber.socket, zmq.POLLIN)
        self._events = events
        self._start_ns: dict[str, int] = {}
        self.results: list[Results] = []
        self.crops: dict[tuple[str, int], int] = {}
        """By stream and frame."""
        self.ended = False

    def collect(self, timeout_ms: int) -> bool:
        """Take in what comes within the time; whether anything did."""
        ready = dict(self._poller.poll(timeout_ms))
        self.roll.hear()
        for subscriber in self._subscribers:
            if subscriber.socket in ready:
                for message, _ in subscriber.drain():
                    self._take(message, subscriber.topic is RESULTS)
        return bool(ready)

    def _take(self, message: object, of_results: bool) -> None:
        if isinstance(message, Bye):
            self.ended = self.ended or (of_results and message.final)
        elif isinstance(message, Tracks):
            self.crops[message.stream, message.frame] = message.crops
        elif isinstance(message, Results):
            self.results.append(message)
            if self._events is not None and not message.closing:
                start = self._start_ns.setdefault(message.stream, message.t_ns)
                self._events.write(json.dumps(frame_event(message, start), ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Stop listening."""
        for subscriber in self._subscribers:
            subscriber.close()
        self.roll.close()
        self._context.term()


def replay(
    config: Config,
    events: Path | None = None,
    stop: Callable[[], bool] = lambda: False,
    probe: Probe | None = None,
) -> dict[str, Any]:
    """Run the stream of `[capture] source` to its end; returns the summary of docs/events.md.

    The processes meet in a run directory of their own, so that a running system is not disturbed. `events` is written
    beside itself and renamed at the end. Raises ReplayError if an actor cannot start. When `stop` says so, the
    replay ends in order and is summarised as far as it went, with `complete` false. A `probe` watches the processes and
    is left with all that was heard.
    """
    run_dir = Path(tempfile.mkdtemp(prefix="sleevesight-"))
    config = updated(config, "bus", run_dir=str(run_dir), host="")
    if config.lossless:
        # Nothing may be lost to a slow machine: long leases, and the memory that they need.
        capture = config.capture
        config = updated(config, "capture", hold_ms=max(capture.hold_ms, 1000.0), ring_mb=max(capture.ring_mb, 256))
    partial = events.with_name(f"{events.name}.partial-{os.getpid()}") if events else None
    try:
        with partial.open("w", encoding="utf-8") if partial else open(os.devnull, "w") as file:  # noqa: PTH123
            summary = _run(config, file if partial else None, stop, probe)
            file.write(json.dumps({"summary": summary}, ensure_ascii=False) + "\n")
        if partial and events:
            partial.replace(events)
        return summary
    except OSError as error:
        if events is None or error.filename is not None:
            raise
        raise ReplayError(f"{events}: {error.strerror}") from None  # a disk that is full says so without a name
    finally:
        if partial:
            partial.unlink(missing_ok=True)
        shutil.rmtree(run_dir, ignore_errors=True)


def _run(config: Config, events: TextIO | None, stop: Callable[[], bool], probe: Probe | None) -> Summary:
    sinks = [f"sink.{name}" for name in config.sinks.enabled]
    others = [*sinks, *(name for name in reversed(PIPELINE) if name != "capture")]
    launcher = Launcher(config)
    collector = Collector(config.address, ["capture", *others], events, crops=probe is not None)
    listeners = {topic.name: 1 for topic in collector.topics}
    complete = False
    try:
        launcher.start(*others)
        deadline = time.monotonic() + READY_S
        while not collector.roll.ready(others, listeners) and not stop():
            _watch(launcher, collector, probe)
            if time.monotonic() > deadline:
                raise ReplayError(f"not everybody is ready after {READY_S:.0f} s: the log above says who")
        if not stop():
            launcher.start("capture")
        while not launcher.over() and not stop():
            _watch(launcher, collector, probe)
        complete = collector.ended
    finally:
        launcher.stop()
        while collector.collect(_QUIET_MS):
            pass
        collector.close()
    if probe is not None:
        probe.heard(collector.results, collector.crops, collector.roll)
    return summarise(collector.results, list(collector.roll.heartbeats.values()), launcher.restarts(), complete)


def _watch(launcher: Launcher, collector: Collector, probe: Probe | None) -> None:
    collector.collect(50)
    launcher.step()
    if probe is not None:
        probe.step(launcher)
    if launcher.failed is not None:
        raise ActorRefused(f"{launcher.failed} cannot start")
    for name in PIPELINE:
        if name in launcher.children and launcher.children[name].failures >= MAX_FAILURES:
            raise ReplayError(f"{name} has failed {MAX_FAILURES} times: its own lines above say why")
