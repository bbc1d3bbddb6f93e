"""A bus without sockets: an actor becomes a function from timed messages to messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bus.actor import Actor
from bus.clock import Clock, ManualClock
from bus.messages import Message
from bus.ring import Frames, RingReader
from bus.sockets import Address
from bus.topics import Topic
from bus.wire import decode, encode

M = TypeVar("M", bound=Message)


class FakeBus:
    """Records what an actor publishes. Every message passes through the wire format, as it would in real life."""

    clock: Clock

    def __init__(self, run_dir: Path | None = None, now_ns: int = 1_000_000_000, clock: Clock | None = None) -> None:
        self.clock = clock or ManualClock(now_ns)
        self.address = Address(run_dir or Path("/nonexistent"))
        self.session = "fake"
        self.counts: Counter[str] = Counter()
        self.drops: Counter[str] = Counter()
        self.readers: Counter[str] = Counter()
        self.sent: list[tuple[Topic, Message, list[memoryview]]] = []
        self.announced: list[float] = []
        """How long a round of work might take, each time that it was said."""
        self.watched: dict[int, Callable[[], None]] = {}

    def publish(self, topic: Topic, message: Message, blobs: Sequence[Any] = ()) -> None:
        """Keep the message as a reader would get it."""
        message.session, message.seq = self.session, len(self.sent) + 1
        self.sent.append(decode([bytes(part) for part in encode(topic, message, blobs)]))

    def subscribers(self, topic: Topic) -> int:
        """As many as the test says."""
        return self.readers[topic.name]

    def losses(self) -> Counter[str]:
        """Nothing gets lost on the way here."""
        return Counter(self.drops)

    def may_take(self, seconds: float) -> None:
        """Keep what was announced."""
        self.announced.append(seconds)

    def watch(self, fd: int, callback: Callable[[], None]) -> None:
        """Keep the callback for the test to call."""
        self.watched[fd] = callback

    def ring(self) -> Frames:
        """A reader of a ring under the run directory of the test."""
        return RingReader(self.address.ring, self.clock)

    def take(self, kind: type[M]) -> list[M]:
        """The messages of a type published since the last call, and forget them."""
        found = [message for _, message, _ in self.sent if isinstance(message, kind)]
        self.sent = [entry for entry in self.sent if not isinstance(entry[1], kind)]
        return found

    def feed(self, actor: Actor, topic: Topic, message: Message, blobs: Iterable[Any] = ()) -> None:
        """Deliver a message to an actor and let it work."""
        copy = msgspec.structs.replace(message, session=message.session or "feeder")
        actor.receive(*decode([bytes(part) for part in encode(topic, copy, list(blobs))]))
        actor.step()
