"""The actor: a thin shell around pure rules, driven by a loop (`bus.loop`) or, in tests, by `bus.fake`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from bus.clock import Clock
from bus.messages import Message
from bus.sockets import Address
from bus.topics import PIPELINE, Topic, published_by

if TYPE_CHECKING:
    from bus.ring import Frames


ROUND_S = 1.0
"""How long one round of an actor's work may take, unless it says otherwise: twenty times what the slowest one does."""


class Bus(Protocol):
    """What an actor sees of the outside world."""

    clock: Clock
    address: Address
    session: str
    counts: Counter[str]
    drops: Counter[str]

    def publish(self, topic: Topic, message: Message, blobs: Sequence[Any] = ()) -> None:
        """Send a message to whoever reads the topic."""

    def subscribers(self, topic: Topic) -> int:
        """How many readers a topic of this actor has right now."""

    def losses(self) -> Counter[str]:
        """`drops`, and those of its sockets, by topic and reason."""

    def may_take(self, seconds: float) -> None:
        """From now on a round of work may take so long (until then ROUND_S), which the heartbeat says at once."""

    def watch(self, fd: int, callback: Callable[[], None]) -> None:
        """Call back from the loop whenever a file descriptor is readable."""

    def ring(self) -> Frames:
        """A reader of the frame ring."""


class Actor:
    """One process of the pipeline.

    A subclass names its `inputs`, handles each in `on_<topic>(message, blobs)`, and publishes through `self.bus`.
    Everything runs in one thread: a handler returns soon, or hands its work to a thread of its own and looks after it
    in `step`, or says beforehand how long it `may_take`. Whoever is silent for longer is taken to hang.
    """

    name: str
    inputs: ClassVar[tuple[Topic, ...]] = ()
    ends_with: ClassVar[tuple[Topic, ...]] = ()
    """The inputs whose last message is the last that this actor waits for (a feedback edge is none of them)."""
    start_deadline_s: float = 120.0
    """How long its start may take: cold disks are slow, and one that takes longer hangs."""
    takes_all: ClassVar[bool] = False
    """Whether it is handed every message, also of a `latest` topic, and the goodbyes too."""

    peers: tuple[str, ...] = PIPELINE
    """Whose heartbeats come in, if HEARTBEAT is among the inputs."""
    live: bool = False
    """Whether its output comes from outside, unasked."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.ended = False
        """Set by an actor that has come to its own end (a source that has no more frames)."""
        self.detail = ""
        """One line for people, carried by the heartbeat."""
        self.temperature_c: float | None = None
        """Of the device that it drives, carried by the heartbeat; None where there is none, or it does not say."""

    @property
    def outputs(self) -> tuple[Topic, ...]:
        """The data topics that this actor publishes."""
        return published_by(self.name)

    def start(self) -> None:
        """Load what takes time; errors for people are ValueError, OSError or RuntimeError with one clear line."""

    def receive(self, topic: Topic, message: Message, blobs: Sequence[memoryview]) -> None:
        """Hand a message to its handler."""
        getattr(self, f"on_{topic.name}")(message, blobs)

    def step(self) -> float | None:
        """Called after every round of messages; returns in how many ms to call again at the latest (None: no wish)."""
        return None

    def settled(self) -> bool:
        """Whether nothing is under way that `finish` could not complete at once."""
        return True

    def finish(self) -> None:
        """The inputs are at their end: publish what is still held."""

    def queue(self) -> int:
        """How much is waiting inside, for the heartbeat."""
        return 0

    def close(self) -> None:
        """Let go of devices and files."""
