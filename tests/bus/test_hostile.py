"""Peers that mean harm, or have gone mad: the process that they talk to goes on, stays small, and counts them."""

import resource
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq
from test_loop import Bench
from test_sockets import collect, connected, until

from bench.noise import AT_PUBLISHERS, AT_READERS, Noise, made, subscriptions
from bus.clock import SystemClock
from bus.messages import Crop, Crops, FrameRef
from bus.ring import FrameGone, RingReader, RingServer, RingWriter
from bus.sockets import MAX_SUBSCRIPTIONS, Address, Publisher, Subscriber
from bus.topics import CROPS, FRAME, HEARTBEAT, MAX_PART_BYTES, RESULTS, TRACKS

GROWTH_BYTES = 40_000_000
"""Less than what a flood leaves where nothing bounds it, and more than an allocator keeps for itself."""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path, "")
    yield bench
    bench.close()


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def own_endpoints(bench: Bench) -> list[str]:
    """What the toy listens at."""
    return [bench.address.endpoint(TRACKS), bench.address.endpoint(HEARTBEAT, "toy")]


@pytest.mark.parametrize("kind", AT_PUBLISHERS)
def test_a_flood_at_a_publisher_stops_nothing(bench: Bench, kind: str) -> None:
    """Random bytes kept a publisher busy for good, junk counted as readers that left, 200 MB were taken in whole."""
    before = rss_bytes(bench.process.pid)
    beats = len(bench.heartbeats)
    with made(AT_PUBLISHERS[kind], *own_endpoints(bench)):
        for number in range(20, 60):
            bench.send(number)
            bench.until(lambda number=number: bench.answered()[-1:] == [number])  # type: ignore[misc]
        bench.until(lambda: len(bench.heartbeats) > beats + 1)
    assert rss_bytes(bench.process.pid) < before + GROWTH_BYTES
    bench.send(60)
    bench.until(lambda: bench.answered()[-1] == 60)
    bench.until(lambda: bench.heartbeats[-1].subscribers == {"tracks": 1})
    bench.process.terminate()
    assert bench.process.wait(10) == 0


def test_a_flood_of_subscriptions_ends_with_its_name(bench: Bench) -> None:
    """libzmq keeps them all, for as long as the peer likes: memory for everybody else would run out first."""
    with made(subscriptions, bench.address.endpoint(TRACKS)):
        assert bench.process.wait(20) == 1
    assert bench.process.stderr is not None
    last = bench.process.stderr.read().decode().strip().splitlines()[-1]
    assert "floods" in last
    assert bench.address.endpoint(TRACKS) in last


def test_strays_are_no_readers(context: zmq.Context[Any], tmp_path: Path) -> None:
    """A stream that waits for its reader began when anybody subscribed to anything, and lost its first frames."""
    publisher = Publisher(context, Address(tmp_path), RESULTS, "smoother", "s1")
    peer = context.socket(zmq.XSUB)
    peer.connect(Address(tmp_path).endpoint(RESULTS))
    for event in (b"\x01crops", b"\x00crops", b"hello", b"", b"\x01results"):
        peer.send(event)

    def heard() -> bool:
        publisher.hear()
        return publisher.subscribers == 1

    until(heard)
    assert publisher.drops == {"stray": 4}
    peer.send(b"\x00results")
    until(lambda: publisher.hear() and publisher.subscribers == 0)


def test_readers_come_and_go_without_end(context: zmq.Context[Any], tmp_path: Path) -> None:
    """The limit is for those that are there: a day of short visits with other subscriptions is none of its business."""
    publisher = Publisher(context, Address(tmp_path), RESULTS, "smoother", "s1")
    peer = context.socket(zmq.XSUB)
    peer.connect(Address(tmp_path).endpoint(RESULTS))

    def visited() -> bool:
        peer.send(b"\x01crops")
        peer.send(b"\x00crops")
        publisher.hear()
        return publisher.drops["stray"] > 3 * MAX_SUBSCRIPTIONS

    until(visited)


@pytest.fixture
def robbed(bench: Bench) -> Bench:
    """The toy, when its publisher has left its endpoint to whoever wants it."""
    bench.send(1)
    bench.until(lambda: bench.answered() == [1])
    bench.frames.socket.unbind(bench.address.endpoint(FRAME))
    bench.frames.socket.close()
    bench.frames.release()
    return bench


def heard_from(bench: Bench, condition: Callable[[], bool]) -> None:
    """Listen to the toy alone: its publisher is gone."""

    def listen() -> bool:
        bench.heartbeats += [beat for beat, _ in bench.beats.drain()]  # type: ignore[misc]
        return condition()

    until(listen, 30)


@pytest.mark.parametrize("noise", AT_READERS.values(), ids=AT_READERS)
def test_a_flood_at_a_reader_stops_nothing(robbed: Bench, noise: Noise) -> None:
    """A reader that took in all that came never came back from it: no heartbeat, no end but the dead-man's."""
    before = rss_bytes(robbed.process.pid)
    beats = len(robbed.heartbeats)
    with made(noise, robbed.address.endpoint(FRAME)):
        heard_from(robbed, lambda: len(robbed.heartbeats) > beats + 2)
        assert rss_bytes(robbed.process.pid) < before + GROWTH_BYTES
        robbed.process.terminate()
        assert robbed.process.wait(10) == 0


def test_garbage_is_counted(robbed: Bench) -> None:
    """Whoever looks into a system that says nothing has to see why."""
    with made(AT_READERS["garbage"], robbed.address.endpoint(FRAME)):
        heard_from(robbed, lambda: robbed.heartbeats[-1].drops.get("frame.malformed", 0) > 1000)


def test_what_may_be_sent_fits() -> None:
    """Readers hang up on a longer part: the longest that the pipeline sends must be far from it."""
    from actors.config import Config
    from vision.rectify import CROP_HEIGHT, CROP_WIDTH

    longest_vector = 4096
    assert 3 * CROP_HEIGHT * CROP_WIDTH <= MAX_PART_BYTES // 2
    assert 4 * longest_vector * Config().embedder.max_batch <= MAX_PART_BYTES // 2


def test_a_reader_that_never_reads_costs_nobody_else(context: zmq.Context[Any], tmp_path: Path) -> None:
    """A hostile or stopped sink: its publisher keeps `depth` messages for it, and the others lose nothing."""
    publisher, good = connected(context, Address(tmp_path), CROPS)
    stopped = Subscriber(context, Address(tmp_path), CROPS)

    def two_hear() -> bool:
        publisher.hear()
        return publisher.subscribers == 2

    until(two_hear)
    crops = Crops(stream="s", frame=0, t_ns=0, width=256, height=358, crops=[Crop(1, 0, [0])])
    before = rss_bytes(pid := int(Path("/proc/self").readlink().name))
    for number in range(800):
        publisher.hear()  # as every round of a loop does: libzmq learns only so what the readers have taken
        publisher.send(msgspec.structs.replace(crops, frame=number), [bytes([number % 256]) * 200_000])
        assert [message.frame for message in collect(good, 1)] == [number]  # type: ignore[attr-defined]
    assert rss_bytes(pid) < before + GROWTH_BYTES  # 160 MB were sent
    assert not good.drops
    assert sum(1 for _ in stopped.drain()) <= CROPS.depth


# The door of the frame ring.


def test_a_crowd_at_the_door_of_the_ring_is_let_in_by_turns(tmp_path: Path) -> None:
    """Whoever connected faster than capture could accept kept it from its frames for ever."""
    clock = SystemClock()
    server = RingServer(tmp_path / "ring.sock")
    server.writer = RingWriter(8, 6, 3, 10_000, clock)
    waiting = []
    accept = server._socket.accept

    class Busy:
        """Somebody is at the door again each time that one was let in."""

        def accept(self) -> Any:
            waiting.append(socket.socket(socket.AF_UNIX))
            waiting[-1].connect(str(tmp_path / "ring.sock"))
            return accept()

    server._socket, door = Busy(), server._socket  # type: ignore[assignment]
    server.serve()
    assert 0 < len(waiting) < 100
    server._socket = door
    for one in waiting:
        one.close()
    server.close()


@pytest.mark.parametrize(
    "answer",
    [b"", b"\xc1", msgspec.msgpack.encode({"session": "r", "slots": 0, "slot_bytes": -1})]
    + [msgspec.msgpack.encode({"session": "r", "slots": slots, "slot_bytes": 1 << 20}) for slots in (1 << 10, 1 << 60)],
)
def test_a_door_that_leads_nowhere_costs_a_frame(tmp_path: Path, answer: bytes) -> None:
    """Whatever listens where the ring should be: the frame is gone, and the reader is not."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "ring.sock"))
    listener.listen()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, (tmp_path / "small").open("w+b") as file:
            file.write(bytes(100))
            file.flush()
            socket.send_fds(connection, [answer or b"\0"], [file.fileno()])

    thread = threading.Thread(target=serve)
    thread.start()
    clock = SystemClock()
    reader = RingReader(tmp_path / "ring.sock", clock)
    with pytest.raises(FrameGone) as gone, reader.view(FrameRef("r", 0, 2, 2, clock.now_ns() + 10**11)):
        pass
    assert gone.value.reason == "ring_gone"
    thread.join()
    listener.close()
