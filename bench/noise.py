"""What a hostile peer sends, as fast as it can, until it is told to stop: for tests and for `bench soak --faults`."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import zmq

Stop = Callable[[], bool]
Noise = Callable[[str, Stop], None]
"""Sends to a ZeroMQ endpoint (`ipc://PATH`) until `Stop` says so."""

OVERSIZED_BYTES = 200_000_000
_SEND_MS = 200


def junk(endpoint: str, stop: Stop) -> None:
    """Messages that are no subscriptions, to a publisher."""
    with _peer(zmq.XSUB, endpoint) as send:
        while not stop():
            send([b"\x07" + os.urandom(40)])


def subscriptions(endpoint: str, stop: Stop) -> None:
    """Subscriptions to topics that there are not, to a publisher."""
    with _peer(zmq.XSUB, endpoint) as send:
        while not stop():
            send([b"\x01" + os.urandom(40)])


def oversized(endpoint: str, stop: Stop) -> None:
    """Messages of hundreds of MB, to a publisher."""
    message = bytes(OVERSIZED_BYTES)
    with _peer(zmq.XSUB, endpoint) as send:
        while not stop():
            send([message])


def raw_bytes(endpoint: str, stop: Stop) -> None:
    """Random bytes that are not even ZeroMQ, on ever new connections, to whatever listens."""
    path = endpoint.removeprefix("ipc://")
    while not stop():
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            connection.sendall(os.urandom(4000))


def garbage(endpoint: str, stop: Stop) -> None:
    """A publisher in the place of another: its topic with headers that are none, and topics that do not exist."""
    topic = Path(endpoint).name.encode()
    with _peer(zmq.XPUB, endpoint) as send:
        while not stop():
            send([topic, os.urandom(100)])
            send([topic + b"-of-nobody", os.urandom(100)])
            send([topic])


def oversized_messages(endpoint: str, stop: Stop) -> None:
    """A publisher in the place of another, whose every message has hundreds of MB."""
    parts = [Path(endpoint).name.encode(), bytes(OVERSIZED_BYTES)]
    with _peer(zmq.XPUB, endpoint) as send:
        while not stop():
            send(parts)


AT_PUBLISHERS: dict[str, Noise] = {"junk": junk, "oversized": oversized, "raw bytes": raw_bytes}
AT_READERS: dict[str, Noise] = {"garbage": garbage, "oversized messages": oversized_messages}


@contextlib.contextmanager
def made(noise: Noise, *endpoints: str) -> Iterator[None]:
    """Make a noise at every endpoint, a thread for each, as long as the context lasts."""
    over = threading.Event()
    threads = [threading.Thread(target=noise, args=(endpoint, over.is_set), daemon=True) for endpoint in endpoints]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


@contextlib.contextmanager
def _peer(kind: int, endpoint: str) -> Iterator[Callable[[list[bytes]], None]]:
    """A way to send as a socket that binds (XPUB) or connects; what finds no room soon is not sent."""
    context: zmq.Context[Any] = zmq.Context()
    peer = context.socket(kind)
    peer.setsockopt(zmq.LINGER, 0)
    peer.setsockopt(zmq.SNDTIMEO, _SEND_MS)
    peer.setsockopt(zmq.XPUB_NODROP, 1) if kind == zmq.XPUB else None
    peer.bind(endpoint) if kind == zmq.XPUB else peer.connect(endpoint)

    def send(parts: list[bytes]) -> None:
        with contextlib.suppress(zmq.Again):
            peer.send_multipart(parts, copy=False)

    try:
        yield send
    finally:
        context.destroy(linger=0)
