"""zenoh: buffers of its shared memory between two peers. Its Python gives no view of them: the reader gets a copy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import zenoh
from zenoh.shm import BlockOn, GarbageCollect, ShmProvider

from bench.micro.carriers import Pixels, ReceiveFrame, SendFrame, Shape

_KEY, _SLOTS = "frame", 8


@contextmanager
def sender(folder: Path, shape: Shape) -> Iterator[SendFrame]:
    """See the package."""
    size = math.prod(shape)
    memory, policy = ShmProvider.default_backend(_SLOTS * size), BlockOn(GarbageCollect())
    with zenoh.open(_peer(folder, "listen")) as session:
        publisher = session.declare_publisher(_KEY, congestion_control=zenoh.CongestionControl.BLOCK)

        def send(frame: Pixels) -> None:
            buffer = memory.alloc(size, policy=policy)
            buffer[:] = frame.tobytes()
            publisher.put(buffer)

        yield send


@contextmanager
def receiver(folder: Path, shape: Shape) -> Iterator[ReceiveFrame]:
    """See the package."""
    with zenoh.open(_peer(folder, "connect")) as session:
        frames = session.declare_subscriber(_KEY, zenoh.handlers.FifoChannel(_SLOTS))

        def receive() -> AbstractContextManager[Pixels]:
            return nullcontext(np.frombuffer(frames.recv().payload.to_bytes(), np.uint8).reshape(shape))

        yield receive


def _peer(folder: Path, role: str) -> Any:
    """A peer that talks over one Unix socket and looks for nobody on the network."""
    config = zenoh.Config()
    config.insert_json5("scouting/multicast/enabled", "false")
    for one in ("listen", "connect"):
        endpoints = f'["unixsock-stream/{folder}/zenoh"]' if one == role else "[]"
        config.insert_json5(f"{one}/endpoints", endpoints)
    return config
