"""A frame from one process to another: the ring beside what else could carry it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np

from bench.micro.carriers import CARRIERS, Carrier, ReceiveFrame, SendFrame, Shape
from bench.micro.link import CLOCK, Arrival, Ends, Receive, Send, linked
from bench.micro.options import MISSING, Options, say
from bench.micro.table import Row, Table, rows
from bench.micro.timing import Way, alternate
from bus.ring import FrameGone

SHAPE = (1520, 1520, 3)
FIGURES = ("first byte", "all read")
_PAUSE_S = 0.005


def measure(options: Options) -> list[Table]:
    """The one table."""
    say(f"ring: {(rounds := 30 if options.quick else 400)} rounds")
    return [table(rounds, SHAPE)]


def table(rounds: int, shape: Shape) -> Table:
    """Every carrier that can be imported, in turn; the others say that they are missing."""
    with ExitStack() as stack:
        ways: dict[str, Way] = {}
        missing = []
        for carrier in CARRIERS:
            try:
                ways[carrier.title] = stack.enter_context(linked(ends(carrier, shape), FIGURES, _PAUSE_S))
            except ImportError:
                missing.append(Row(way=carrier.title, note=MISSING))
        samples = alternate(ways, rounds, warm_up=10)
    return Table(
        title=f"A frame of {shape[1]}x{shape[0]} px between two processes, until its first byte can be read, and until "
        "all of it has been.",
        rows=[*rows(samples, CARRIERS[0].title), *missing],
        libraries=tuple(dict.fromkeys(carrier.library for carrier in CARRIERS if carrier.library)),
    )


def ends(carrier: Carrier, shape: Shape) -> Ends:
    """Both ends of a carrier of numbered frames. ImportError if its library is missing."""
    module = import_module(carrier.module)
    return Ends(partial(_sender, module.sender, shape), partial(_receiver, module.receiver, shape))


@contextmanager
def _sender(
    opened: Callable[[Path, Shape], AbstractContextManager[SendFrame]], shape: Shape, folder: Path
) -> Iterator[Send]:
    frame = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    number_in_it = frame.reshape(-1)[:8].view(np.int64)
    with opened(folder, shape) as carry:

        def send(number: int) -> None:
            number_in_it[0] = number
            carry(frame)

        yield send


@contextmanager
def _receiver(
    opened: Callable[[Path, Shape], AbstractContextManager[ReceiveFrame]], shape: Shape, folder: Path
) -> Iterator[Receive]:
    with opened(folder, shape) as carried:

        def receive() -> Arrival:
            while True:
                try:
                    with carried() as pixels:
                        words = pixels.reshape(-1).view(np.int64)
                        number, readable_ns = int(words[0]), CLOCK.now_ns()
                        words.sum()  # memory is read about as fast as it can be
                        return Arrival(number, readable_ns, CLOCK.now_ns())
                except FrameGone:  # too late on a busy machine: it is sent again
                    continue

        yield receive
