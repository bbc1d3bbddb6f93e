"""iceoryx2: samples loaned from its shared memory, and its event that wakes the reader up."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import iceoryx2
import numpy as np

from bench.micro.carriers import Pixels, ReceiveFrame, SendFrame, Shape

iceoryx2.set_log_level(iceoryx2.LogLevel.Error)


@contextmanager
def sender(folder: Path, shape: Shape) -> Iterator[SendFrame]:
    """See the package."""
    frames, events = _services(folder)
    size = math.prod(shape)
    publisher = frames.publisher_builder().initial_max_slice_len(size).create()
    notifier = events.notifier_builder().create()

    def send(frame: Pixels) -> None:
        sample = publisher.loan_slice_uninit(size)
        ctypes.memmove(sample.payload_ptr, frame.ctypes.data, size)
        sample.assume_init().send()
        notifier.notify()

    yield send


@contextmanager
def receiver(folder: Path, shape: Shape) -> Iterator[ReceiveFrame]:
    """See the package."""
    frames, events = _services(folder)
    subscriber = frames.subscriber_builder().create()
    listener = events.listener_builder().create()

    def receive() -> AbstractContextManager[Pixels]:
        while (sample := subscriber.receive()) is None:
            listener.blocking_wait()
        return _held(sample, shape)

    yield receive


@contextmanager
def _held(sample: Any, shape: Shape) -> Iterator[Pixels]:
    """The pixels of a sample, which goes back to its publisher afterwards."""
    try:
        yield np.frombuffer(sample.payload().as_memory_view(), np.uint8).reshape(shape)
    finally:
        sample.delete()


def _services(folder: Path) -> tuple[Any, Any]:
    """Frames and events under a name that no other run has."""
    node = iceoryx2.NodeBuilder.new().create(iceoryx2.ServiceType.Ipc)
    name = iceoryx2.ServiceName.new(f"sleevesight/{folder.name}")
    frames = node.service_builder(name).publish_subscribe(iceoryx2.Slice[ctypes.c_uint8]).open_or_create()
    return frames, node.service_builder(name).event().open_or_create()
