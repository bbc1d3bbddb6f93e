"""A small message from one process to another: typed and validated, beside bare pyzmq."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import zmq

from bench.micro.link import CLOCK, Arrival, Ends, Receive, Send, linked, zmq_context
from bench.micro.options import Options, say
from bench.micro.table import Table, rows
from bench.micro.timing import alternate
from bus.messages import Tracks, TrackState
from bus.sockets import Address, Publisher, Subscriber
from bus.topics import TRACKS
from bus.wire import encode

QUAD = [(10.0, 20.0), (110.5, 20.0), (110.5, 160.25), (10.0, 160.25)]
OURS, BARE = "typed and validated", "the same bytes with bare pyzmq"
_PAUSE_S = 0.002


def measure(options: Options) -> list[Table]:
    """The one table."""
    say(f"bus: {(rounds := 100 if options.quick else 3000)} rounds")
    return [table(rounds)]


def table(rounds: int) -> Table:
    """Both ways in turn."""
    ways = {OURS: Ends(_typed_sender, _typed_receiver), BARE: Ends(_bare_sender, _bare_receiver)}
    with ExitStack() as stack:
        opened = {name: stack.enter_context(linked(ends, ("one way", ""), _PAUSE_S)) for name, ends in ways.items()}
        samples = alternate(opened, rounds, warm_up=10)
    return Table(
        title="A small message (the tracks of a frame with one card) between two processes.",
        rows=rows(samples, OURS),
        libraries=("pyzmq", "msgspec"),
    )


def message(number: int) -> Tracks:
    """What is sent."""
    return Tracks(stream="bench", frame=number, t_ns=CLOCK.now_ns(), tracks=[TrackState(1, QUAD, 0.9, 10, 0)])


@contextmanager
def _typed_sender(folder: Path) -> Iterator[Send]:
    with zmq_context() as context:
        publisher = Publisher(context, Address(folder), TRACKS, "selector", "bench")
        yield lambda number: publisher.send(message(number))


@contextmanager
def _typed_receiver(folder: Path) -> Iterator[Receive]:
    with zmq_context() as context:
        reader = Subscriber(context, Address(folder), TRACKS)

        def receive() -> Arrival:
            while True:
                reader.socket.poll()
                for one, _ in reader.drain():
                    if isinstance(one, Tracks):
                        now = CLOCK.now_ns()
                        return Arrival(one.frame, now, now)

        yield receive


@contextmanager
def _bare_sender(folder: Path) -> Iterator[Send]:
    with zmq_context() as context:
        socket = context.socket(zmq.PUB)
        socket.bind(f"ipc://{folder}/tracks")
        rest = bytes(sum(len(bytes(part)) for part in encode(TRACKS, message(0), [])) - 8)
        yield lambda number: socket.send_multipart([number.to_bytes(8, "little", signed=True), rest], copy=False)


@contextmanager
def _bare_receiver(folder: Path) -> Iterator[Receive]:
    with zmq_context() as context:
        socket = context.socket(zmq.SUB)
        socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.connect(f"ipc://{folder}/tracks")

        def receive() -> Arrival:
            number = int.from_bytes(socket.recv_multipart()[0], "little", signed=True)
            now = CLOCK.now_ns()
            return Arrival(number, now, now)

        yield receive
