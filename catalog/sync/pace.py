"""How fast a host is asked, when it is asked again, and when no more."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

ATTEMPTS = 5
_MOST_S = 60.0
PATIENCE_S = 300.0
"""A host that asks for a longer pause than this is left alone until the next run: a quota of the day is used up."""
_FAILURES = 5
"""So many downloads in a row that failed at every attempt, and the host is down."""


@dataclass(frozen=True)
class Timing:
    """Time and chance, so that tests need neither."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    uniform: Callable[[float, float], float] = random.uniform


class Pace:
    """One host's turns: so many a second, none while it asked for a pause, no more at all once it is given up."""

    def __init__(self, per_s: float, timing: Timing) -> None:
        self._interval = 1.0 / per_s
        self._timing = timing
        self._next = self._paused_until = timing.clock()
        self._failures = 0
        self.given_up = ""
        """Why, once it is."""

    async def turn(self) -> None:
        """Wait for the next turn."""
        while True:
            slot = max(self._next, self._paused_until, self._timing.clock())
            self._next = slot + self._interval
            if (wait := slot - self._timing.clock()) > 0:
                await self._timing.sleep(wait)
            if self._timing.clock() >= self._paused_until:  # else a pause began meanwhile: queue up again behind it
                return

    def pause(self, seconds: float) -> None:
        """Give nobody a turn for so long, as the host asked; give the host up if that is too long."""
        if seconds > PATIENCE_S:
            self.given_up = f"it asks to be left alone for {seconds / 60:.0f} minutes"
        else:
            self._paused_until = max(self._paused_until, self._timing.clock() + seconds)

    def answered(self) -> None:
        """The host is there."""
        self._failures = 0

    def failed(self, reason: str) -> None:
        """A download came to nothing after all attempts."""
        self._failures += 1
        if self._failures >= _FAILURES:
            self.given_up = f"{self._failures} downloads in a row failed, the last: {reason}"


def backoff_s(attempt: int, uniform: Callable[[float, float], float]) -> float:
    """Seconds before attempt 1, 2, …: doubling to a minute, half of it by chance, so that clients drift apart."""
    most = min(_MOST_S, 2.0**attempt)
    return uniform(most / 2, most)


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, given as a number or a date (RFC 9110, 10.2.3); None without one."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment - now).total_seconds()) if moment.tzinfo else None
