"""A camera with a network on its sensor as a source: which frame an answer belongs to, and a camera that stalls."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from actors.sources.base import Finds, NothingYet, Pixels, SourceError, SourceFrame
from actors.sources.held import Held, age_frames
from bus.actor import ROUND_S
from bus.clock import Clock
from bus.log import get_logger
from vision.detection import Detection
from vision.onchip import Gives, Layout, LayoutError, what
from vision.sensor import View

_WAIT_S = 0.2
"""For a frame, before the loop has its turn."""
_FIRST_S = 30.0
"""For the first answer, once the camera runs."""
_REOPEN_S = 30.0
"""For opening the camera anew; libcamera's start holds the interpreter, so that no heartbeat can be sent meanwhile."""
_CLOCKS_NS = 2_000_000_000
"""A frame that is older than this when it arrives, or newer than now, was stamped by another clock."""

log = get_logger("imx500")


@dataclass(frozen=True, slots=True)
class Shot:
    """A frame uint8 RGB [h, w, 3] as it comes from the camera, and the answer to an earlier one, if one came with it.

    `run_ms`: for how long the network worked on that.
    """

    pixels: Pixels
    t_ns: int
    frame_ns: float
    view: View
    tensors: Sequence[NDArray[np.float32]] | None
    run_ms: float | None


class Camera(Protocol):
    """An open camera."""

    @property
    def title(self) -> str:
        """What to call it in a log."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its frames."""

    @property
    def layout(self) -> Layout:
        """How to read its tensors."""

    def shoot(self, into: Pixels, timeout_s: float) -> Shot:
        """The next frame, copied; TimeoutError or RuntimeError if there is none."""

    def close(self) -> None:
        """Let go of the device. May hang if the device does."""


class OnChipSource:
    """Live frames with what the camera's network found in them, each held until its answer could have come.

    A camera that gives no frames any more (picamera2#1404) is opened anew, in a thread. If that does not help, reading
    fails, and whoever supervises the process starts it again.
    """

    live = True

    def __init__(self, opened: Callable[[], Camera], clock: Clock, *, box_age: int = -1, stall_s: float = 3.0) -> None:
        self._opened, self._clock = opened, clock
        self._box_age, self._stall_ns = box_age, stall_s * 1e9
        self._camera = opened()
        self._stalled = ""
        """Why the camera is to be opened anew, once everybody knows that this may take long."""
        self._opening: Future[Camera] | None = None
        self._opening_ns = self._seen_ns = clock.now_ns()
        self._helped = True
        """Whether a frame has come since the camera was opened."""
        self._own_clock = True
        self._t_ns = 0
        self._age = max(box_age, 1)
        self._held = Held()
        self._ready: deque[SourceFrame] = deque()
        self._free: list[Pixels] = []
        self._lent: Pixels | None = None
        try:
            gives = self._first_answer()
        except BaseException:
            self._camera.close()
            raise
        self.finds: Finds = "cards" if gives == "corners" else gives
        self.title = f"{self._camera.title}: {self.finds}, {self._age} frames late"

    def read(self) -> SourceFrame | None:
        """The next frame whose answer has come, or will not; SourceError if the camera does not come back."""
        if self._lent is not None:
            self._free.append(self._lent)
            self._lent = None
        while not self._ready:
            self._take(self._shoot())
        frame = self._ready.popleft()
        self._lent = frame.pixels
        return frame

    def close(self) -> None:
        """Release the camera, unless it hangs in being opened anew: then the end of the process does it."""
        if self._opening is None:
            self._camera.close()

    def _first_answer(self) -> Gives:
        """Wait for it: here it comes out whether the camera, the network and their settings fit."""
        begun = self._clock.now_ns()
        shot = None
        while self._clock.now_ns() - begun < _FIRST_S * 1e9:
            try:
                shot = self._shoot()
            except NothingYet:
                continue
            self._free.append(shot.pixels)  # what was filmed before the age of the answers is known is not shown
            if shot.tensors is not None:
                self._look_at_first(shot, shot.tensors)
                return what(shot.tensors)
        if shot is None:
            raise SourceError(f"{self._camera.title} gives no frames: check its cable at both ends, and reboot")
        raise SourceError(
            f"{self._camera.title} gives frames, but its network has said nothing in {_FIRST_S:.0f} s: was the .rpk "
            "made for this camera? (rpicam-hello with --post-process-file tries one of the packaged ones)"
        )

    def _look_at_first(self, shot: Shot, tensors: Sequence[NDArray[Any]]) -> None:
        delay_ns = self._clock.now_ns() - shot.t_ns
        log.info(
            "the network answers",
            tensors=[list(tensor.shape) for tensor in tensors],
            run_ms=shot.run_ms,
            frame_ms=round(shot.frame_ns / 1e6, 1),
            crop=shot.view.crop,
            delay_ms=round(delay_ns / 1e6, 1),
        )
        self._detections(shot, tensors)
        self._set_age(shot)
        self._own_clock = 0 <= delay_ns < _CLOCKS_NS
        if not self._own_clock:
            log.warning("frames are stamped by another clock than CLOCK_BOOTTIME: their arrival counts instead")

    def _shoot(self) -> Shot:
        """The next frame from the camera, in its turn; NothingYet if there is none."""
        if self._stalled:
            self._open_anew(self._stalled)
        if self._opening is not None:
            self._camera = self._opened_anew(self._opening)
        width, height = self._camera.size
        into = self._free.pop() if self._free else np.empty((height, width, 3), np.uint8)
        try:
            shot = self._camera.shoot(into, _WAIT_S)
        except (TimeoutError, RuntimeError) as error:
            self._free.append(into)
            if self._clock.now_ns() - self._seen_ns > (self._stall_ns if self._helped else _REOPEN_S * 1e9):
                self._stalled = str(error) or "timeout"
            raise NothingYet(f"{self._camera.title} gives no frame", _REOPEN_S if self._stalled else ROUND_S) from None
        self._seen_ns = self._clock.now_ns()
        self._helped = True
        return shot

    def _open_anew(self, reason: str) -> None:
        if not self._helped:
            raise SourceError(f"{self._camera.title} gives no frames, opened anew or not: check its cable, and reboot")
        log.warning("no frames: opening the camera anew", reason=reason)
        self._helped, self._stalled = False, ""
        self._opening_ns = self._clock.now_ns()
        self._opening = _in_thread(self._reopen)

    def _reopen(self) -> Camera:
        self._camera.close()
        return self._opened()

    def _opened_anew(self, opening: Future[Camera]) -> Camera:
        if not opening.done():
            if self._clock.now_ns() - self._opening_ns > _REOPEN_S * 1e9:
                raise SourceError(f"{self._camera.title} hangs, and cannot be opened anew")
            try:
                opening.exception(_WAIT_S)
            except TimeoutError:
                raise NothingYet(f"{self._camera.title} is being opened anew", _REOPEN_S) from None
        self._opening = None
        self._seen_ns = self._clock.now_ns()
        self._held = Held()
        try:
            return opening.result()
        except (ValueError, RuntimeError, OSError) as error:
            raise SourceError(f"{self._camera.title} hung, and cannot be opened anew: {error}") from error

    def _take(self, shot: Shot) -> None:
        """Hand the answer that came with a frame to the frame that it belongs to."""
        found = None
        if shot.tensors is not None:
            found = self._detections(shot, shot.tensors)
            self._set_age(shot)
        stamp = shot.t_ns if self._own_clock else self._clock.now_ns()
        self._t_ns = max(stamp, self._t_ns + 1)
        self._ready.extend(self._held.push(SourceFrame(shot.pixels, self._t_ns), found, self._age, shot.frame_ns))

    def _set_age(self, shot: Shot) -> None:
        if self._box_age >= 0 or shot.run_ms is None:
            return
        age = age_frames(shot.run_ms, shot.frame_ns / 1e6)
        if age != self._age:
            log.info("answers come late", frames=age, run_ms=shot.run_ms, frame_ms=round(shot.frame_ns / 1e6, 1))
            self._age = age

    def _detections(self, shot: Shot, tensors: Sequence[NDArray[Any]]) -> list[Detection]:
        try:
            return self._camera.layout.detections(tensors, shot.view)
        except LayoutError as error:
            raise SourceError(f"{self._camera.title}: {error}") from None


def _in_thread(work: Callable[[], Camera]) -> Future[Camera]:
    """The result of work that may never end."""
    future: Future[Camera] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
