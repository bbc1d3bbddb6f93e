"""The standard library's shared memory, and a datagram that says which slot of it."""

from __future__ import annotations

import itertools
import math
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np

from bench.micro.carriers import Pixels, ReceiveFrame, SendFrame, Shape

_SLOTS = 8


@contextmanager
def sender(folder: Path, shape: Shape) -> Iterator[SendFrame]:
    """See the package."""
    memory = SharedMemory(create=True, size=_SLOTS * math.prod(shape))
    (folder / "name").write_text(memory.name)
    slots, turn = _slots(memory, shape), itertools.cycle(range(_SLOTS))
    for pixels in slots:
        pixels.fill(0)  # its pages are made now: the first frame in it would pay for them

    def send(frame: Pixels) -> None:
        slot = next(turn)
        slots[slot][:] = frame
        with suppress(FileNotFoundError, ConnectionRefusedError):  # nobody reads yet
            door.sendto(bytes([slot]), str(folder / "reader"))

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        try:
            yield send
        finally:
            _close(memory, slots)
            memory.unlink()


@contextmanager
def receiver(folder: Path, shape: Shape) -> Iterator[ReceiveFrame]:
    """See the package."""
    memory = SharedMemory(name=(folder / "name").read_text())
    slots = _slots(memory, shape)

    def receive() -> AbstractContextManager[Pixels]:
        return nullcontext(slots[door.recv(1)[0]])

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(str(folder / "reader"))
        try:
            yield receive
        finally:
            _close(memory, slots)


def _slots(memory: SharedMemory, shape: Shape) -> list[Pixels]:
    return [np.ndarray(shape, np.uint8, memory.buf, slot * math.prod(shape)) for slot in range(_SLOTS)]


def _close(memory: SharedMemory, slots: list[Pixels]) -> None:
    """Let go of it: what still looks into it would forbid that."""
    slots.clear()
    memory.close()
