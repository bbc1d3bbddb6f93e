"""A video file, decoded by OpenCV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2

from actors.sources.base import Finds, SourceError, SourceFrame

_ONE_THREAD = [cv2.CAP_PROP_N_THREADS, 1]
"""A second thread would hold frames of its own, and take the core that the other processes work on."""


_STRIP = 32
"""Rows that are turned to RGB at once: they stay in the cache."""


class VideoSource:
    """The frames of a video file, timed by their number and the file's frame rate."""

    live = False
    finds: Finds = "nothing"

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise SourceError(f"{path}: no such video file")
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, _ONE_THREAD)
        self._fps = self._capture.get(cv2.CAP_PROP_FPS)
        if not self._capture.isOpened() or not 0 < self._fps < 1000:
            raise SourceError(f"{path} is no video that can be decoded: convert it to mp4 (H.264)")
        self._path = path
        self._index = 0
        self._frame: Any = None
        self.title = f"video {path}"

    def read(self) -> SourceFrame | None:
        """The next frame; SourceError if the file holds no frame at all."""
        ok, self._frame = self._capture.read(
            self._frame
        )  # always into the same memory: that is 7 MB and their page faults
        if not ok:
            if self._index == 0:
                raise SourceError(f"{self._path} holds no frame that can be decoded: it is empty or cut off")
            return None
        t_ns = round(self._index / self._fps * 1e9)
        self._index += 1
        _swap(self._frame)
        return SourceFrame(self._frame, t_ns)

    def close(self) -> None:
        """Close the file."""
        self._capture.release()


def _swap(frame: Any) -> None:
    """BGR to RGB in place, strip by strip: a second frame would be another 7 MB."""
    for top in range(0, len(frame), _STRIP):
        strip = frame[top : top + _STRIP]
        strip[:] = cv2.cvtColor(strip, cv2.COLOR_BGR2RGB)
