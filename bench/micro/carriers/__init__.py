"""What carries a frame from one process to another: one file each, with a `sender` and a `receiver`.

Both are context managers and are given a folder that they share and the shape of the frames. The sender is a function
of a frame uint8 [h, w, 3]; it is opened first. The receiver is a function that waits for the next frame and gives a
context manager with its pixels, which need not be good for longer.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Shape = tuple[int, int, int]
SendFrame = Callable[[Pixels], None]
ReceiveFrame = Callable[[], AbstractContextManager[Pixels]]


@dataclass(frozen=True)
class Carrier:
    """What the table calls it, its file, and what has to be installed for it."""

    title: str
    module: str
    library: str


CARRIERS = (
    Carrier("ring and small message", "bench.micro.carriers.ring", "pyzmq"),
    Carrier("ZeroMQ message", "bench.micro.carriers.zeromq", "pyzmq"),
    Carrier("multiprocessing.shared_memory", "bench.micro.carriers.shared", ""),
    Carrier("iceoryx2", "bench.micro.carriers.iceoryx", "iceoryx2"),
    Carrier("zenoh, shared memory", "bench.micro.carriers.eclipse_zenoh", "eclipse-zenoh"),
)
