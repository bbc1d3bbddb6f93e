"""A link from this process to one of its own, and the time that what is sent over it takes to get there."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import zmq

from bench.micro.timing import Sample, Way
from bus.clock import SystemClock

KNOCK, END = -1, -2
"""Numbers that are no measurements: is anybody there, and goodbye."""
_PATIENCE_S, _LOST_S = 30.0, 1.0

CLOCK = SystemClock()
"""Both ends read the same clock."""


class Arrival(NamedTuple):
    """The number of what came, when its first byte could be read, and when all of it had been."""

    number: int
    readable_ns: int
    read_ns: int


Send = Callable[[int], None]
Receive = Callable[[], Arrival]


@dataclass(frozen=True)
class Ends:
    """Open the two ends in a folder that they share; both are pickled for the other process."""

    sender: Callable[[Path], AbstractContextManager[Send]]
    receiver: Callable[[Path], AbstractContextManager[Receive]]


@contextmanager
def zmq_context() -> Iterator[zmq.Context[Any]]:
    """Ended with all its sockets, and what is still queued in them."""
    context: zmq.Context[Any] = zmq.Context()
    try:
        yield context
    finally:
        context.destroy(linger=0)


@contextmanager
def linked(ends: Ends, figures: tuple[str, str], pause_s: float) -> Iterator[Way]:
    """A way that sends once and says how long it took to the first byte and to the last; an empty name is left out.

    It pauses before each, as a camera does, and finds the reader waiting. RuntimeError if the reader ends or hears
    nothing.
    """
    methods = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="sleevesight-") as folder, ends.sender(Path(folder)) as send:
        here, there = methods.Pipe(duplex=False)
        process = methods.Process(target=_read, args=(ends.receiver, Path(folder), there), daemon=True)
        process.start()
        there.close()
        try:
            _exchange(send, here, KNOCK, 0.1)

            def measure(number: int) -> Sample:
                time.sleep(pause_s)
                sent_ns, arrival = _exchange(send, here, number, _LOST_S)
                times = ((at_ns - sent_ns) / 1e6 for at_ns in arrival[1:])
                return {figure: ms for figure, ms in zip(figures, times, strict=True) if figure}

            yield measure
            send(END)
            process.join(_LOST_S)
        finally:
            process.kill()
            process.join()


def _exchange(send: Send, here: Connection, number: int, wait_s: float) -> tuple[int, Arrival]:
    """Send until it is heard; when it was sent the last time, and its arrival. What is lost is sent again."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        sent_ns = CLOCK.now_ns()
        send(number)
        try:
            while here.poll(wait_s):
                arrival = Arrival(*here.recv())
                if arrival.number == number and arrival.readable_ns > sent_ns:
                    return sent_ns, arrival
        except EOFError:
            break
    raise RuntimeError("the reading process has ended or hears nothing: its own lines above say why")


def _read(receiver: Callable[[Path], AbstractContextManager[Receive]], folder: Path, out: Connection) -> None:
    with receiver(folder) as receive:
        while (arrival := receive()).number != END:
            out.send(tuple(arrival))
