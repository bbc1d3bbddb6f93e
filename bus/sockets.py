"""ZeroMQ sockets of the bus: where they are, who may bind them, and what a reader lost.

A publisher takes a lock before it binds, because a second bind to one ipc path silently steals it. Its socket is an
XPUB, which is a PUB that also hears who subscribes: so an actor knows when its readers are there.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq

from bus.lock import AlreadyRunning, FileLock
from bus.messages import Message
from bus.topics import HEARTBEAT, MAX_PART_BYTES, TOPICS, Topic
from bus.wire import WireError, decode, encode

LINGER_MS = 500
_IPC_PATH_LIMIT = 100  # sun_path holds 108 bytes
_HEARD_AT_ONCE = 256
"""Subscriptions taken in at once: a flood of them must not keep the loop from its work."""
MAX_SUBSCRIPTION_BYTES = 512
"""Room for a handshake; a subscription is the name of a topic. 200 MB in one took its publisher half a second."""
MAX_SUBSCRIPTIONS = 1000
"""libzmq keeps every subscription until its peer goes: 130,000 of 40 random bytes, sent in 3 s, took 280 MB."""


def default_run_dir() -> Path:
    """$RUNTIME_DIRECTORY (a service's), $XDG_RUNTIME_DIR/sleevesight, or a user's folder under the temporary one."""
    if service := os.environ.get("RUNTIME_DIRECTORY"):
        return Path(service)
    base = os.environ.get("XDG_RUNTIME_DIR")
    return Path(base) / "sleevesight" if base else Path(tempfile.gettempdir()) / f"sleevesight-{os.getuid()}"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the bus is: a run directory (ipc), or host and first port (tcp, for readers on other machines)."""

    run_dir: Path
    host: str = ""
    port: int = 0

    def prepare(self) -> None:
        """Make the run directory, closed to others. ValueError if it cannot be used."""
        try:
            self.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            owner = self.run_dir.stat().st_uid
        except OSError as error:
            raise ValueError(f"the run directory {self.run_dir} cannot be made: {error.strerror}") from None
        if owner != os.getuid():
            raise ValueError(f"the run directory {self.run_dir} belongs to another user: set [bus] run_dir")
        if len(str(self.run_dir.absolute())) + 24 > _IPC_PATH_LIMIT:
            raise ValueError(f"the run directory {self.run_dir} has too long a name for sockets: set [bus] run_dir")

    def endpoint(self, topic: Topic, actor: str = "") -> str:
        """The ZeroMQ endpoint of a topic; heartbeats have one for each actor and are always local."""
        if topic is HEARTBEAT:
            return f"ipc://{self.run_dir.absolute()}/heartbeat.{actor}"
        if self.host:
            return f"tcp://{self.host}:{self.port + list(TOPICS).index(topic.name)}"
        return f"ipc://{self.run_dir.absolute()}/{topic.name}"

    def lock(self, topic: Topic, actor: str = "") -> FileLock:
        """The right to bind that endpoint; AlreadyRunning if somebody has it."""
        name = f"heartbeat.{actor}" if topic is HEARTBEAT else topic.name
        return FileLock(self.run_dir / f"{name}.lock", actor or topic.publisher)

    def sweep(self) -> None:
        """Remove the sockets of those who were killed: the kernel let go of their locks, but nobody of their files."""
        for lock in self.run_dir.glob("*.lock"):
            with contextlib.suppress(AlreadyRunning):
                held = FileLock(lock, lock.stem)
                lock.with_suffix("").unlink(missing_ok=True)
                held.release()

    @property
    def ring(self) -> Path:
        """The Unix socket that hands out the frame ring."""
        return self.run_dir.absolute() / "ring.sock"


def _socket(context: zmq.Context[Any], kind: int, longest_bytes: int) -> Any:
    """A socket that hangs up on whoever sends a longer part, or bytes that are no ZeroMQ of this century.

    Without a ZAP domain libzmq takes what does not begin like ZMTP 3 for ZMTP 1.0, and random bytes for subscriptions:
    one process that wrote them into new connections for 3 s kept a publisher busy for more than 10.
    """
    socket = context.socket(kind)
    socket.setsockopt(zmq.MAXMSGSIZE, longest_bytes)
    socket.setsockopt(zmq.ZAP_DOMAIN, b"sleevesight")
    return socket


class Publisher:
    """The one publisher of a topic; numbers what it sends."""

    def __init__(self, context: zmq.Context[Any], address: Address, topic: Topic, actor: str, session: str) -> None:
        self.topic = topic
        self._lock = address.lock(topic, actor)
        self._session = session
        self._seq = 0
        self.subscribers = 0
        self.drops: Counter[str] = Counter()
        self._others = 0
        self.socket = _socket(context, zmq.XPUB, MAX_SUBSCRIPTION_BYTES)
        self.socket.setsockopt(zmq.SNDHWM, topic.depth)
        self.socket.setsockopt(zmq.LINGER, LINGER_MS)
        self.socket.setsockopt(zmq.XPUB_VERBOSER, 1)  # every subscription, also of a second reader
        self._endpoint = address.endpoint(topic, actor)
        if topic.large:  # pyzmq starts a thread for the first part that it does not copy: 4 ms of the first card's
            zmq.Frame(bytes(zmq.COPY_THRESHOLD), copy=False)
        try:
            self.socket.bind(self._endpoint)
        except zmq.ZMQError as error:
            self.close()
            self._lock.release()
            raise ValueError(f"{actor} cannot publish at {self._endpoint}: {error}") from None

    def send(self, message: Message, blobs: Sequence[Any] = ()) -> None:
        """Send to whoever listens; a reader whose queue is full loses this message and sees the gap."""
        self._seq += 1
        message.session, message.seq = self._session, self._seq
        self.socket.send_multipart(encode(self.topic, message, blobs), copy=False)

    def hear(self) -> bool:
        """Take in who came and who went, and whether that changed the number of readers.

        Raises RuntimeError for more subscriptions than there can be: only the process's end gives their memory back.
        """
        before = self.subscribers
        with contextlib.suppress(zmq.Again):
            for _ in range(_HEARD_AT_ONCE):
                self._count(self.socket.recv(zmq.NOBLOCK))
        return self.subscribers != before

    def _count(self, event: bytes) -> None:
        """Who asks for this topic by its name is a reader; a guest asks for less, and a stray for something else."""
        change, name = {b"\x01": 1, b"\x00": -1}.get(event[:1], 0), self.topic.name.encode()
        if change and event[1:] == name:
            self.subscribers = max(0, self.subscribers + change)
        else:
            self._others += change
            self.drops["stray"] += not (change and name.startswith(event[1:]))
        if self.subscribers + self._others > MAX_SUBSCRIPTIONS:
            raise RuntimeError(f"somebody floods {self._endpoint} with subscriptions: find out who, and end it")

    def close(self) -> None:
        """Send what is queued, for LINGER_MS at most."""
        self.socket.close()

    def release(self) -> None:
        """Remove the endpoint and let others bind it; only after the context has ended.

        Some versions of libzmq remove the ipc file in the background some time after `close`, others never do: a
        successor that has bound it by then would lose its endpoint.
        """
        if self._endpoint.startswith("ipc://"):
            Path(self._endpoint.removeprefix("ipc://")).unlink(missing_ok=True)
        self._lock.release()


class Subscriber:
    """A reader of one topic. Knows from `seq` what it lost and from `session` that its peer restarted.

    A `guest` asks for everything that begins with nothing, and not for the topic by its name: so it is not counted as
    one of the readers that a publisher waits for. It is quick to connect, because nobody waits.
    """

    def __init__(
        self, context: zmq.Context[Any], address: Address, topic: Topic, actor: str = "", *, guest: bool = False
    ) -> None:
        self.topic = topic
        self.drops: Counter[str] = Counter()
        self.socket = _socket(context, zmq.SUB, MAX_PART_BYTES)
        self.socket.setsockopt(zmq.RCVHWM, topic.depth)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 10 if guest else 20)
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, 0 if guest else 200)
        self.socket.setsockopt(zmq.SUBSCRIBE, b"" if guest else topic.name.encode())
        self.socket.connect(address.endpoint(topic, actor))
        self._session = ""
        self._seq = 0

    def drain(self) -> Iterator[tuple[Message, list[memoryview]]]:
        """What waits, oldest first, `depth` messages at most; what cannot be read is counted and left out."""
        for _ in range(self.topic.depth):  # a flood of them must not keep the loop from its work
            try:
                parts = self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            try:
                _, message, blobs = decode([part.buffer for part in parts])
            except WireError as error:
                self.drops[error.reason] += 1
                continue
            self._account(message)
            yield message, blobs

    def _account(self, message: Message) -> None:
        if message.session == self._session and message.seq > self._seq + 1:
            self.drops["overflow"] += message.seq - self._seq - 1
        self._session, self._seq = message.session, message.seq

    def close(self) -> None:
        """Stop listening."""
        self.socket.close()
