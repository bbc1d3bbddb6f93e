"""A webcam or V4L2 camera through OpenCV."""

from __future__ import annotations

import os

import cv2

from actors.sources.base import Finds, NothingYet, SourceError, SourceFrame
from bus.clock import Clock

# How long a read waits for a frame, s: instead of ten, in which the process would be taken to hang.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "1")

_LOST_AFTER = 30
"""Reads that fail in a row before the camera counts as gone: one second of a camera that hiccups."""


class CameraSource:
    """Live frames; their time is the clock at arrival, which is as near to the exposure as a webcam lets one get."""

    live = True
    finds: Finds = "nothing"

    def __init__(self, index: int, width: int, height: int, fps: float, clock: Clock) -> None:
        self._capture = cv2.VideoCapture(index)
        if not self._capture.isOpened():
            raise SourceError(
                f"camera {index} cannot be opened: plug it in, end what else uses it, or name another one (camera:1)"
            )
        # MJPG: uncompressed USB video has not the bandwidth for 30 frames a second above 640x480.
        self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        self._capture.set(cv2.CAP_PROP_FPS, fps)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self._clock = clock
        self._index = index
        self._failed = 0
        self.title = f"camera {index}"

    def read(self) -> SourceFrame | None:
        """The next frame, waited for a second; SourceError once the camera gives none any more."""
        ok, bgr = self._capture.read()
        if ok:
            self._failed = 0
            return SourceFrame(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), self._clock.now_ns())  # type: ignore[arg-type]
        self._failed += 1
        if self._failed < _LOST_AFTER:
            raise NothingYet(f"camera {self._index} gives no frame")
        raise SourceError(f"camera {self._index} gives no more frames: is it still plugged in?")

    def close(self) -> None:
        """Release the device."""
        self._capture.release()
