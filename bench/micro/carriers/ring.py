"""Ours: the frame ring, and a small message that says where in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from select import select

from bench.micro.carriers import Pixels, ReceiveFrame, SendFrame, Shape
from bench.micro.link import zmq_context
from bus.clock import SystemClock
from bus.messages import Frame
from bus.ring import RingReader, RingServer, RingWriter
from bus.sockets import Address, Publisher, Subscriber
from bus.topics import FRAME

_SLOTS, _HOLD_MS = 8, 90.0


@contextmanager
def sender(folder: Path, shape: Shape) -> Iterator[SendFrame]:
    """See the package."""
    address, clock = Address(folder), SystemClock()
    with served_ring(address, shape, _SLOTS, _HOLD_MS) as writer, zmq_context() as context:
        publisher = Publisher(context, address, FRAME, "capture", "bench")

        def send(frame: Pixels) -> None:
            if (ref := writer.write(frame)) is not None:
                publisher.send(Frame(stream="bench", frame=0, t_ns=clock.now_ns(), ref=ref))

        yield send


@contextmanager
def receiver(folder: Path, _shape: Shape) -> Iterator[ReceiveFrame]:
    """See the package."""
    with zmq_context() as context:
        address = Address(folder)
        reader, ring = Subscriber(context, address, FRAME), RingReader(address.ring, SystemClock())

        def receive() -> AbstractContextManager[Pixels]:
            while True:
                reader.socket.poll()
                for message, _ in reader.drain():
                    if isinstance(message, Frame):
                        return ring.view(message.ref)

        yield receive


@contextmanager
def served_ring(address: Address, shape: Shape, slots: int, hold_ms: float) -> Iterator[RingWriter]:
    """A ring, and somebody at its door."""
    server = RingServer(address.ring)
    writer = server.writer = RingWriter(shape[0], shape[1], slots, hold_ms, SystemClock())
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            if select([server], [], [], 0.1)[0]:
                server.serve()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield writer
    finally:
        over.set()
        thread.join()
        server.close()
        writer.close()
