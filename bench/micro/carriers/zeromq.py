"""The frame itself as a ZeroMQ message: its bytes go through a socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import numpy as np
import zmq

from bench.micro.carriers import Pixels, ReceiveFrame, SendFrame, Shape
from bench.micro.link import zmq_context


@contextmanager
def sender(folder: Path, _shape: Shape) -> Iterator[SendFrame]:
    """See the package."""
    with zmq_context() as context:
        socket = context.socket(zmq.PUB)
        socket.bind(f"ipc://{folder}/frame")

        def send(frame: Pixels) -> None:
            socket.send(frame)  # copied: the next frame is written while this one is still on its way

        yield send


@contextmanager
def receiver(folder: Path, shape: Shape) -> Iterator[ReceiveFrame]:
    """See the package."""
    with zmq_context() as context:
        socket = context.socket(zmq.SUB)
        socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.connect(f"ipc://{folder}/frame")

        def receive() -> AbstractContextManager[Pixels]:
            return nullcontext(np.frombuffer(socket.recv(copy=False).buffer, np.uint8).reshape(shape))

        yield receive
