"""The frame ring: right pixels or none, nothing leaks, and want of memory is an error at the start."""

import contextlib
import gc
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bus import ring as ring_module
from bus.clock import ManualClock
from bus.messages import FrameRef
from bus.ring import FrameGone, RingError, RingReader, RingServer, RingWriter


class Served:
    """A ring and its door, served from a thread like the loop of capture would."""

    def __init__(self, path: Path, clock: ManualClock) -> None:
        self.path, self.clock = path, clock
        self.server = RingServer(path)
        self.server._socket.setblocking(True)
        self.server._socket.settimeout(None)
        self.open(8, 6)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def open(self, height: int, width: int, slots: int = 3) -> RingWriter:
        self.writer = RingWriter(height, width, slots, hold_ms=100, clock=self.clock)
        self.server.writer = self.writer
        return self.writer

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.server._socket.accept()
            except OSError:
                return
            with connection:
                info = ring_module.msgspec.msgpack.encode(self.server.writer.info)
                socket.send_fds(connection, [info], [self.server.writer.fd])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path / "ring.sock", ManualClock(1_000_000_000))
    yield served
    served.server.close()


def picture(value: int, height: int = 8, width: int = 6) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def write(writer: RingWriter, frame: np.ndarray) -> FrameRef:
    ref = writer.write(frame)
    assert ref is not None
    return ref


def test_a_reader_sees_the_very_memory(served: Served) -> None:
    """The hand-over copies nothing: what the writer writes later shows in the same view."""
    reader = RingReader(served.path, served.clock)
    ref = write(served.writer, picture(7))
    with reader.view(ref) as pixels:
        assert (pixels == 7).all()
        assert pixels.shape == (8, 6, 3)
        assert not pixels.flags.writeable
        assert pixels.base is not None
        served.writer._views[ref.slot][0, 0, 0] = 99
        assert pixels[0, 0, 0] == 99


def test_no_slot_is_written_before_its_lease_ends(served: Served) -> None:
    """The writer drops the new frame rather than change one that a reader may be looking at."""
    refs = [write(served.writer, picture(value)) for value in range(3)]
    assert len({ref.slot for ref in refs}) == 3
    assert served.writer.write(picture(9)) is None
    served.clock.advance(99)
    assert served.writer.write(picture(9)) is None
    served.clock.advance(2)
    assert write(served.writer, picture(9)).slot == refs[0].slot


def test_an_expired_lease_is_refused(served: Served) -> None:
    """A reader that comes too late gets no pixels, because they may be another frame's."""
    ref = write(served.writer, picture(1))
    served.clock.advance(101)
    with pytest.raises(FrameGone) as gone, RingReader(served.path, served.clock).view(ref):
        pass
    assert gone.value.reason == "lease_expired"


def test_a_lease_that_runs_out_meanwhile_raises_at_the_end(served: Served) -> None:
    """A reader that was stopped in the middle learns that what it computed may be of another frame."""
    ref = write(served.writer, picture(1))
    reached = False
    with pytest.raises(FrameGone), RingReader(served.path, served.clock).view(ref):
        served.clock.advance(101)
        reached = True
    assert reached


def test_a_reader_attaches_before_the_first_frame(served: Served) -> None:
    """Asked for with the first frame, the ring comes when the writer is done with the second: 50 ms on a laptop."""
    reader = RingReader(served.path, served.clock)
    assert reader.prepare()
    served.server.close()
    with reader.view(write(served.writer, picture(7))) as pixels:
        assert (pixels == 7).all()


def test_a_ring_that_is_not_there_yet_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Processes start in any order, and a door may be there before the ring behind it is."""
    clock = ManualClock(0)
    reader = RingReader(tmp_path / "ring.sock", clock)
    assert not reader.prepare()
    server = RingServer(tmp_path / "ring.sock")  # nobody answers
    assert not reader.prepare()
    server.serve()
    server.writer = RingWriter(2, 2, 2, hold_ms=100, clock=clock)
    assert not reader.prepare()
    server.close()


def test_readers_follow_to_a_new_ring(served: Served) -> None:
    """A restarted capture or another resolution needs no restart of the readers."""
    reader = RingReader(served.path, served.clock)
    with reader.view(write(served.writer, picture(1))):
        pass
    writer = served.open(10, 20)
    with reader.view(write(writer, picture(5, 10, 20))) as pixels:
        assert pixels.shape == (10, 20, 3)
        assert (pixels == 5).all()


def test_a_frame_of_a_replaced_ring_is_gone(served: Served) -> None:
    """A message from before the restart is never answered with pixels from after it."""
    reader = RingReader(served.path, served.clock)
    old = write(served.writer, picture(1))
    served.open(8, 6)
    with pytest.raises(FrameGone) as gone, reader.view(old):
        pass
    assert gone.value.reason == "ring_gone"


def test_no_writer_no_pixels(tmp_path: Path) -> None:
    """A reader that starts before capture counts the frame as lost instead of crashing."""
    clock = ManualClock()
    with pytest.raises(FrameGone), RingReader(tmp_path / "none.sock", clock).view(FrameRef("x", 0, 2, 2, 1)):
        pass


def test_a_reference_beyond_the_ring_is_refused(served: Served) -> None:
    """A damaged message cannot make a reader read outside of the slot."""
    ref = write(served.writer, picture(1))
    reader = RingReader(served.path, served.clock)
    for bad in (
        FrameRef(ref.session, 99, 6, 8, ref.hold_until_ns),
        FrameRef(ref.session, 0, 6000, 8000, ref.hold_until_ns),
    ):
        with pytest.raises(FrameGone), reader.view(bad):
            pass


def test_readers_cannot_write_or_resize(served: Served) -> None:
    """A third-party sink that has the descriptor can neither scribble on frames nor truncate them under us (SIGBUS)."""
    import mmap

    with pytest.raises(OSError, match=r"not permitted|Operation"):
        os.ftruncate(served.writer.fd, 0)
    with pytest.raises(PermissionError):
        mmap.mmap(served.writer.fd, mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)


def test_too_little_memory_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel would give the memory away and kill somebody later."""
    monkeypatch.setattr(ring_module, "memory_available", lambda: 1_000_000)
    with pytest.raises(RingError, match=r"lower \[capture\] ring_mb"):
        RingWriter(1520, 1520, 8, 100, ManualClock())


def test_nothing_is_left_open() -> None:
    """Rings that come and go with every resolution leave no descriptors behind."""
    gc.collect()  # what other tests left to the collector is not ours to count
    before = _rings_open()
    for _ in range(5):
        RingWriter(64, 64, 3, 100, ManualClock()).close()
    assert _rings_open() == before


def _rings_open() -> int:
    """Descriptors of this process that lead to shared memory."""
    count = 0
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the listing's own descriptor is gone by now
            count += "memfd:" in str(entry.readlink())
    return count
