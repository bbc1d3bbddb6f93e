"""Publishers and subscribers over real sockets: one owner for an endpoint, and every loss is known."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq
from samples import SAMPLES

from bus.lock import AlreadyRunning, FileLock
from bus.messages import Bye, Message
from bus.sockets import Address, Publisher, Subscriber, default_run_dir
from bus.topics import CROPS, HEARTBEAT, RESULTS


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for an event that the sockets' own threads bring about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.001)


def until_heard(publisher: Publisher, subscriber: Subscriber) -> None:
    def heard() -> bool:
        subscriber.socket.poll(0)  # libzmq subscribes anew to a returned peer from the thread that uses the socket
        publisher.hear()
        return publisher.subscribers == 1

    until(heard)


def connected(context: zmq.Context[Any], address: Address, topic: Any) -> tuple[Publisher, Subscriber]:
    publisher = Publisher(context, address, topic, topic.publisher, "s1")
    subscriber = Subscriber(context, address, topic)
    until_heard(publisher, subscriber)
    return publisher, subscriber


def collect(subscriber: Subscriber, count: int) -> list[Message]:
    got: list[Message] = []

    def enough() -> bool:
        got.extend(message for message, _ in subscriber.drain())
        return len(got) >= count

    until(enough)
    return got


def test_messages_arrive_numbered(context: zmq.Context[Any], tmp_path: Path) -> None:
    """Sequence numbers and session are the publisher's business, not the actor's."""
    publisher, subscriber = connected(context, Address(tmp_path), RESULTS)
    for _ in range(3):
        publisher.send(Bye(final=False))
    assert [(message.session, message.seq) for message in collect(subscriber, 3)] == [("s1", 1), ("s1", 2), ("s1", 3)]
    assert not subscriber.drops


def test_a_second_publisher_is_refused(context: zmq.Context[Any], tmp_path: Path) -> None:
    """A second bind to the same ipc path would silently steal the endpoint from the first (libzmq)."""
    first = Publisher(context, Address(tmp_path), RESULTS, "smoother", "s1")
    with pytest.raises(AlreadyRunning, match="smoother is already running"):
        Publisher(context, Address(tmp_path), RESULTS, "smoother", "s2")
    first.close()
    first.release()
    Publisher(context, Address(tmp_path), RESULTS, "smoother", "s3").close()


def test_the_lock_of_a_killed_owner_is_free(tmp_path: Path) -> None:
    """A SIGKILL must not leave a lock behind that keeps the restarted actor out."""
    code = "import sys, pathlib, bus.lock as l; x = l.FileLock(pathlib.Path(sys.argv[1]), 'it'); print(); input()"
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "x.lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        with pytest.raises(AlreadyRunning, match=str(owner.pid)):
            FileLock(tmp_path / "x.lock", "it")
        owner.kill()
    FileLock(tmp_path / "x.lock", "it").release()


def test_a_slow_reader_knows_what_it_lost(context: zmq.Context[Any], tmp_path: Path) -> None:
    """A stopped embedder costs its publisher bounded memory, and the loss is counted instead of unnoticed."""
    publisher, subscriber = connected(context, Address(tmp_path), CROPS)
    crops = msgspec.structs.replace(SAMPLES["crops"][1])
    blob = bytes(200_000)
    for _ in range(400):
        publisher.send(crops, [blob])
    first = len(collect(subscriber, 1))
    publisher.send(crops, [blob])
    received = first
    last = 0
    deadline = time.monotonic() + 10
    while last != 401 and time.monotonic() < deadline:
        for message, _ in subscriber.drain():
            received, last = received + 1, message.seq
        if last != 401 and not subscriber.socket.poll(200):
            publisher.send(crops, [blob])
            break
    for message, _ in subscriber.drain():
        received, last = received + 1, message.seq
    if subscriber.socket.poll(1000):
        for message, _ in subscriber.drain():
            received, last = received + 1, message.seq
    assert received < 400
    assert received + subscriber.drops["overflow"] == last


def test_a_restarted_publisher_is_no_gap(context: zmq.Context[Any], tmp_path: Path) -> None:
    """Sequence numbers of two lives are never compared."""
    first_life: zmq.Context[Any] = zmq.Context()
    address = Address(tmp_path)
    publisher = Publisher(first_life, address, RESULTS, "smoother", "s1")
    subscriber = Subscriber(context, address, RESULTS)
    until_heard(publisher, subscriber)
    for _ in range(5):
        publisher.send(Bye(final=False))
    collect(subscriber, 5)
    publisher.close()
    first_life.term()
    publisher.release()
    publisher = Publisher(context, Address(tmp_path), RESULTS, "smoother", "s2")
    until_heard(publisher, subscriber)
    publisher.send(Bye(final=False))
    assert collect(subscriber, 1)[0].session == "s2"
    assert not subscriber.drops


def test_noise_on_the_wire_is_counted(context: zmq.Context[Any], tmp_path: Path) -> None:
    """A stray publisher cannot bring a reader down."""
    publisher, subscriber = connected(context, Address(tmp_path), RESULTS)
    publisher.socket.send_multipart([b"results", b"\xc1garbage"])
    publisher.socket.send_multipart([b"results"])
    publisher.send(Bye(final=False))
    assert len(collect(subscriber, 1)) == 1
    assert subscriber.drops == {"malformed": 2}


def test_a_service_meets_where_systemd_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its watchdog has to find the others even when the configuration, which names the place, cannot be read."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    assert default_run_dir() == Path("/run/user/1000/sleevesight")
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/sleevesight")
    assert default_run_dir() == Path("/run/sleevesight")


def test_the_run_directory_is_closed_to_others(tmp_path: Path) -> None:
    """Whatever listens is closed by default."""
    address = Address(tmp_path / "run")
    address.prepare()
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700


def test_a_run_directory_with_too_long_a_name_is_refused(tmp_path: Path) -> None:
    """libzmq would fail with `File name too long` and no hint."""
    with pytest.raises(ValueError, match=r"too long a name.*\[bus\] run_dir"):
        Address(tmp_path / ("x" * 90)).prepare()


def test_heartbeats_have_an_endpoint_for_each_actor(tmp_path: Path) -> None:
    """One publisher per endpoint: heartbeats of two actors must not fight for one."""
    address = Address(tmp_path, "127.0.0.1", 6000)
    assert address.endpoint(HEARTBEAT, "matcher") != address.endpoint(HEARTBEAT, "capture")
    assert address.endpoint(RESULTS) == "tcp://127.0.0.1:6005"


def test_a_guest_hears_everything_and_is_not_counted(tmp_path: Path, context: zmq.Context[Any]) -> None:
    """Counted, a recorder would be taken for the reader that a stream waits for, and its first frames would be lost."""
    publisher, reader = connected(context, Address(tmp_path), RESULTS)
    guest = Subscriber(context, Address(tmp_path), RESULTS, guest=True)
    heard: list[Message] = []

    def hears() -> bool:
        publisher.hear()
        publisher.send(msgspec.structs.replace(SAMPLES["results"][1]))
        heard.extend(message for message, _ in guest.drain())
        return len(heard) >= 3

    until(hears)
    assert publisher.subscribers == 1
    assert guest.drops == {}
    guest.close()
    reader.close()

    def gone() -> bool:
        publisher.hear()
        return publisher.subscribers == 0

    until(gone)


def test_the_sockets_of_the_killed_are_swept_and_those_of_the_living_are_not(tmp_path: Path) -> None:
    """A killed process leaves its socket files; a sink that somebody runs beside a launcher must not lose its own."""
    address = Address(tmp_path)
    (tmp_path / "crops.lock").touch()
    (tmp_path / "crops").touch()
    (tmp_path / "results").touch()
    living = address.lock(RESULTS)
    address.sweep()
    assert not (tmp_path / "crops").exists()
    assert (tmp_path / "results").exists()
    living.release()
    address.sweep()
    assert not (tmp_path / "results").exists()
