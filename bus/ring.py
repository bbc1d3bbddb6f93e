"""The frame ring: whole frames in shared memory, leased by time.

The writer owns one sealed memfd and hands its descriptor to whoever connects to a Unix socket; readers map it
read-only. A slot is written again only after the lease that went out with its last frame has run out, so no state is
kept for any reader: nothing leaks when one is killed, and there is nothing to unlink. A reader that took too long
learns so when it leaves the view, and throws its result away.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from bus.clock import Clock
from bus.messages import FrameRef

_SEALS = 0x0001 | 0x0002 | 0x0004  # F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW
_F_SEAL_FUTURE_WRITE = 0x0010
_F_ADD_SEALS = 1033
# Populated at once: 1,700 page faults would cost the first frame in every slot 3 ms.
_FLAGS = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)

_BACKLOG = 16
_PATIENCE_S, _AT_ONCE_S = 1.0, 0.05
"""How long a reader waits for the ring: with a frame to look at, and before there is one."""
Positive = Annotated[int, msgspec.Meta(ge=1)]

Pixels = NDArray[np.uint8]


class RingError(RuntimeError):
    """The ring cannot be made."""


class FrameGone(RuntimeError):
    """The frame cannot be had: its ring is gone (`ring_gone`) or its lease has run out (`lease_expired`)."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class RingInfo(msgspec.Struct, frozen=True):
    """What a reader is told with the descriptor."""

    session: str
    slots: Positive
    slot_bytes: Positive


def memory_available() -> int:
    """Bytes that can be allocated without swapping, by the kernel's estimate; a very large number where unknown."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 1 << 62


def _allocate(size: int) -> int:
    """A descriptor of `size` bytes that are really there, so that want of memory is an error now, not SIGBUS later."""
    if size > memory_available() * 0.8:
        raise RingError(
            f"the frame ring needs {size / 1e6:.0f} MB and {memory_available() / 1e6:.0f} MB of memory are free: "
            "lower [capture] ring_mb or the resolution"
        )
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("sleevesight-frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    else:  # macOS: an unlinked file does the same
        fd, name = tempfile.mkstemp(prefix="sleevesight-frames-")
        Path(name).unlink()
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, size)
        else:
            os.ftruncate(fd, size)
    except OSError as error:
        os.close(fd)
        raise RingError(
            f"the frame ring of {size / 1e6:.0f} MB cannot be allocated ({error.strerror}): "
            "lower [capture] ring_mb or the resolution"
        ) from None
    return fd


def _seal(fd: int) -> None:
    """Fix the size for good, and deny every later writable mapping: only the one that exists can write."""
    if not hasattr(os, "memfd_create"):
        return
    with contextlib.suppress(OSError):  # F_SEAL_FUTURE_WRITE exists since Linux 5.1
        fcntl.fcntl(fd, _F_ADD_SEALS, _F_SEAL_FUTURE_WRITE)
    fcntl.fcntl(fd, _F_ADD_SEALS, _SEALS)


class RingWriter:
    """The one writer: N page-aligned slots of equal size for RGB frames of one size."""

    def __init__(self, height: int, width: int, slots: int, hold_ms: float, clock: Clock) -> None:
        self.shape = (height, width, 3)
        self._frame_bytes = height * width * 3
        slot_bytes = -(-self._frame_bytes // mmap.PAGESIZE) * mmap.PAGESIZE
        self.info = RingInfo(secrets.token_hex(4), slots, slot_bytes)
        self.fd = _allocate(slots * slot_bytes)
        self._map = mmap.mmap(self.fd, slots * slot_bytes, _FLAGS)
        _seal(self.fd)
        self._hold_ns = round(hold_ms * 1e6)
        self._clock = clock
        self._free_at = [0] * slots
        self._views = [
            np.frombuffer(self._map, np.uint8, self._frame_bytes, slot * slot_bytes).reshape(self.shape)
            for slot in range(slots)
        ]

    def __len__(self) -> int:
        """How many slots there are."""
        return len(self._free_at)

    def next_free_ns(self) -> int:
        """When the next slot is (or was) free to be written."""
        return min(self._free_at)

    def write(self, frame: Pixels) -> FrameRef | None:
        """Copy a frame uint8 RGB [height, width, 3] into a free slot; None if all are leased: drop the new frame."""
        now = self._clock.now_ns()
        slot = min(range(len(self._free_at)), key=self._free_at.__getitem__)
        if self._free_at[slot] > now:
            return None
        np.copyto(self._views[slot], frame)
        hold_until = self._clock.now_ns() + self._hold_ns
        self._free_at[slot] = hold_until
        return FrameRef(self.info.session, slot, self.shape[1], self.shape[0], hold_until)

    def close(self) -> None:
        """Give the memory back once the last reader has let go of it, too."""
        self._views.clear()
        self._map.close()
        os.close(self.fd)


class RingServer:
    """Hands the descriptor of the current ring to everyone who connects to `path`."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)  # the caller holds the lock of the frame topic: a leftover of a killed owner
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        path.chmod(0o600)
        self._socket.listen(_BACKLOG)
        self._socket.setblocking(False)
        self._path = path
        self.writer: RingWriter | None = None

    def fileno(self) -> int:
        """To be polled; `serve` when it is readable."""
        return self._socket.fileno()

    def serve(self) -> None:
        """Answer who waits, so many at once that a flood of them does not keep the loop from its work.

        A reader that hangs up at once is its own loss.
        """
        for _ in range(_BACKLOG):
            try:
                connection, _ = self._socket.accept()
            except BlockingIOError:
                return
            with connection, contextlib.suppress(OSError):
                if self.writer is not None:
                    socket.send_fds(connection, [msgspec.msgpack.encode(self.writer.info)], [self.writer.fd])

    def close(self) -> None:
        """Stop listening and remove the socket."""
        self._socket.close()
        self._path.unlink(missing_ok=True)


class Frames(Protocol):
    """Where an actor reads its frames: the ring, or what stands in for it when a recording is played."""

    def prepare(self) -> bool:
        """See `RingReader`."""

    def view(self, ref: FrameRef) -> AbstractContextManager[Pixels]:
        """See `RingReader`."""


class RingReader:
    """A reader of the ring behind `path`; attaches by itself, and again when the writer has a new ring."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._info = RingInfo("", 0, 0)
        self._map: mmap.mmap | None = None

    @contextlib.contextmanager
    def view(self, ref: FrameRef) -> Iterator[Pixels]:
        """The pixels of a frame, uint8 RGB [height, width, 3], read-only and not copied.

        Raises FrameGone on entry if they cannot be had, and on exit if the lease ran out meanwhile: what was computed
        from them may then be wrong and must be thrown away.
        """
        self._check(ref)
        if self._map is None or ref.session != self._info.session:
            self._attach(ref)
        assert self._map is not None
        count = ref.width * ref.height * 3
        if not 0 <= ref.slot < self._info.slots or count > self._info.slot_bytes:
            raise FrameGone("ring_gone", f"slot {ref.slot} of {ref.width}x{ref.height} does not fit the frame ring")
        flat = np.frombuffer(self._map, np.uint8, count, ref.slot * self._info.slot_bytes)
        yield flat.reshape(ref.height, ref.width, 3)
        self._check(ref)

    def _check(self, ref: FrameRef) -> None:
        if self._clock.now_ns() > ref.hold_until_ns:
            raise FrameGone("lease_expired", "the frame's lease has run out")

    def prepare(self) -> bool:
        """Attach before there is a frame, if the ring is there and given out at once; whether that is done.

        The first frame would wait for it until the writer, who is at the second by then, answers the door.
        """
        if self._map is None:
            with contextlib.suppress(FrameGone):
                self._fetch(_AT_ONCE_S)
        return self._map is not None

    def _attach(self, ref: FrameRef) -> None:
        self._fetch(_PATIENCE_S)
        if self._info.session != ref.session:
            raise FrameGone("ring_gone", "the frame belongs to a ring that has been replaced")

    def _fetch(self, patience_s: float) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(patience_s)
                connection.connect(str(self._path))
                data, fds, _, _ = socket.recv_fds(connection, 4096, 1)
        except OSError as error:
            raise FrameGone("ring_gone", f"the frame ring at {self._path} cannot be had: {error}") from None
        if not fds:
            raise FrameGone("ring_gone", "the frame ring is not open yet")
        try:
            info = msgspec.msgpack.decode(data, type=RingInfo)
            self._map = mmap.mmap(fds[0], info.slots * info.slot_bytes, _FLAGS, mmap.PROT_READ)
        except (msgspec.DecodeError, ValueError, OverflowError, OSError) as error:
            raise FrameGone("ring_gone", f"what listens at {self._path} hands out no frame ring: {error}") from None
        finally:
            os.close(fds[0])
        self._info = info
