"""What the bus costs between two processes: `python -m bench.bus`.

One-way times of a small message through our publisher, poll loop and typed messages, beside bare pyzmq; and of a
1520x1520 frame through the ring, beside the same frame as a ZeroMQ message. Both ends read the same clock.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import zmq

from bus.clock import SystemClock
from bus.messages import Frame, FrameRef, Tracks, TrackState
from bus.ring import RingReader, RingServer, RingWriter
from bus.sockets import Address, Publisher, Subscriber
from bus.topics import FRAME, TRACKS

CLOCK = SystemClock()
QUAD = [(10.0, 20.0), (110.5, 20.0), (110.5, 160.25), (10.0, 160.25)]
SHAPE = (1520, 1520, 3)
_END = -1


def _typed_reader(folder: str, out: Connection) -> None:
    context: zmq.Context[Any] = zmq.Context()
    reader = Subscriber(context, Address(Path(folder)), TRACKS)
    poller = zmq.Poller()
    poller.register(reader.socket, zmq.POLLIN)
    times: list[int] = []
    while True:
        poller.poll(1000)
        for message, _ in reader.drain():
            assert isinstance(message, Tracks)
            times.append(CLOCK.now_ns() - message.t_ns)
            if message.frame == _END:
                out.send(times[:-1])
                return


def _bare_reader(folder: str, out: Connection) -> None:
    context: zmq.Context[Any] = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.SUBSCRIBE, b"")
    socket.connect(f"ipc://{folder}/tracks")
    times: list[int] = []
    while True:
        parts = socket.recv_multipart()
        sent = int.from_bytes(parts[0][:8], "little", signed=True)
        times.append(CLOCK.now_ns() - abs(sent))
        if sent < 0:
            out.send(times[:-1])
            return


def _ring_reader(folder: str, out: Connection) -> None:
    context: zmq.Context[Any] = zmq.Context()
    address = Address(Path(folder))
    reader = Subscriber(context, address, FRAME)
    ring = RingReader(address.ring, CLOCK)
    poller = zmq.Poller()
    poller.register(reader.socket, zmq.POLLIN)
    times: list[int] = []
    while True:
        poller.poll(1000)
        for message, _ in reader.drain():
            assert isinstance(message, Frame)
            if message.frame == _END:
                out.send(times)
                return
            with ring.view(message.ref) as pixels:
                assert pixels.base is not None
                times.append(CLOCK.now_ns() - message.t_ns)


Sender = Callable[[int, bool], None]


def _run(
    reader: Callable[[str, Connection], None],
    make: Callable[[zmq.Context[Any], Path], tuple[Any, Sender, Callable[[], None]]],
    count: int,
    pause_s: float,
) -> list[float]:
    """One-way times in ms of `count` messages, paced so that no queue builds up."""
    methods = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        context: zmq.Context[Any] = zmq.Context()
        socket, send, serve = make(context, Path(folder))
        here, there = methods.Pipe()
        process = methods.Process(target=reader, args=(folder, there))
        process.start()
        socket.recv()  # the subscription
        for number in range(count):
            serve()
            send(number, False)
            time.sleep(pause_s)
        send(count, True)
        times = here.recv()
        process.join()
        context.destroy(linger=0)
    return [value / 1e6 for value in times[count // 10 :]]


def _typed(context: zmq.Context[Any], folder: Path) -> tuple[Any, Sender, Callable[[], None]]:
    publisher = Publisher(context, Address(folder), TRACKS, "selector", "s")
    tracks = [TrackState(1, QUAD, 0.9, 10, 0)]

    def send(number: int, last: bool) -> None:
        publisher.send(Tracks(stream="s", frame=_END if last else number, t_ns=CLOCK.now_ns(), tracks=tracks))

    return publisher.socket, send, lambda: None


def _bare(context: zmq.Context[Any], folder: Path, blob: bytes = bytes(192)) -> tuple[Any, Sender, Callable[[], None]]:
    socket = context.socket(zmq.XPUB)
    socket.bind(f"ipc://{folder}/tracks")

    def send(_number: int, last: bool) -> None:
        now = CLOCK.now_ns()
        socket.send_multipart([(-now if last else now).to_bytes(8, "little", signed=True), blob], copy=False)

    return socket, send, lambda: None


def _ring(context: zmq.Context[Any], folder: Path) -> tuple[Any, Sender, Callable[[], None]]:
    address = Address(folder)
    publisher = Publisher(context, address, FRAME, "capture", "s")
    server = RingServer(address.ring)
    writer = server.writer = RingWriter(SHAPE[0], SHAPE[1], 8, 100.0, CLOCK)
    frame = np.full(SHAPE, 127, np.uint8)

    def send(number: int, last: bool) -> None:
        now = CLOCK.now_ns()
        ref = FrameRef("", 0, 0, 0, 0) if last else writer.write(frame)
        if ref is not None:
            publisher.send(Frame(stream="s", frame=_END if last else number, t_ns=now, ref=ref))

    return publisher.socket, send, server.serve


def _frame_message(context: zmq.Context[Any], folder: Path) -> tuple[Any, Sender, Callable[[], None]]:
    return _bare(context, folder, bytes(int(np.prod(SHAPE))))


def measure(count: int) -> dict[str, dict[str, float]]:
    """p50 and p99 in ms of every way."""
    rows = {
        "small message, bus": _run(_typed_reader, _typed, count, 0.002),
        "small message, bare pyzmq": _run(_bare_reader, _bare, count, 0.002),
        "1520x1520 frame, ring": _run(_ring_reader, _ring, count // 10, 0.02),
        "1520x1520 frame, ZeroMQ message": _run(_bare_reader, _frame_message, count // 10, 0.02),
    }
    return {
        name: {"p50_ms": round(float(np.median(times)), 3), "p99_ms": round(float(np.percentile(times, 99)), 3)}
        for name, times in rows.items()
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    table = measure(arguments.count)
    if arguments.json:
        print(json.dumps(table))
        return
    for name, row in table.items():
        print(f"{name:<34} p50 {row['p50_ms']:7.3f} ms   p99 {row['p99_ms']:7.3f} ms")


if __name__ == "__main__":
    main()
