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
from bus.topics import HEARTBEAT, TOPICS, Topic
from bus.wire import WireError, decode, encode

LINGER_MS = 500
_IPC_PATH_LIMIT = 100  # sun_path holds 108 bytes


def default_run_dir() -> Path:
    """$XDG_RUNTIME_DIR/sleevesight, or a folder of this user under the temporary directory."""
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


class Publisher:
    """The one publisher of a topic; numbers what it sends."""

    def __init__(self, context: zmq.Context[Any], address: Address, topic: Topic, actor: str, session: str) -> None:
        self.topic = topic
        self._lock = address.lock(topic, actor)
        self._session = session
        self._seq = 0
        self.subscribers = 0
        self.socket = context.socket(zmq.XPUB)
        self.socket.setsockopt(zmq.SNDHWM, topic.depth)
        self.socket.setsockopt(zmq.LINGER, LINGER_MS)
        self.socket.setsockopt(zmq.XPUB_VERBOSER, 1)  # every subscription, also of a second reader
        self._endpoint = address.endpoint(topic, actor)
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

    def hear(self) -> None:
        """Take in who came and who went; guests are not counted."""
        with contextlib.suppress(zmq.Again):
            while True:
                event = self.socket.recv(zmq.NOBLOCK)
                if event[1:] == self.topic.name.encode():
                    self.subscribers += 1 if event[:1] == b"\x01" else -1

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
        self.socket = context.socket(zmq.SUB)
        self.socket.setsockopt(zmq.RCVHWM, topic.depth)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 10 if guest else 20)
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, 0 if guest else 200)
        self.socket.setsockopt(zmq.SUBSCRIBE, b"" if guest else topic.name.encode())
        self.socket.connect(address.endpoint(topic, actor))
        self._session = ""
        self._seq = 0

    def drain(self) -> Iterator[tuple[Message, list[memoryview]]]:
        """Everything that waits, oldest first; what cannot be read is counted and left out."""
        while True:
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
