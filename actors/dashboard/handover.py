"""From the thread of the bus to the thread of the web: neither waits for the other, and what waits is bounded."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
DEPTH = 1024
"""Half a minute of results: whoever is that far behind hangs."""


class Handover(Generic[T]):
    """A queue between threads that wakes its taker once for all that waits; the oldest are lost, and counted."""

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Callable[[T], None], depth: int = DEPTH) -> None:
        self._loop = loop
        self._take = take
        self._waiting: deque[T] = deque(maxlen=depth)
        self._lock = threading.Lock()
        self._woken = False
        self.lost = 0

    def put(self, item: T) -> None:
        """Hand over, from any thread; never waits."""
        with self._lock:
            self.lost += len(self._waiting) == self._waiting.maxlen
            self._waiting.append(item)
            if self._woken:
                return
            self._woken = True
        with contextlib.suppress(RuntimeError):  # the taker's loop is closed: nobody is there any more
            self._loop.call_soon_threadsafe(self._drain)

    def __len__(self) -> int:
        """How much waits."""
        return len(self._waiting)

    def _drain(self) -> None:
        with self._lock:
            taken = list(self._waiting)
            self._waiting.clear()
            self._woken = False
        for item in taken:
            self._take(item)
