"""A recorded stream: MCAP with compressed pictures, and the detections that went with them.

The format is described in docs/bus.md: a channel `image` of foxglove.CompressedImage (JSON), and the bus's own messages
in channels of their topics (msgpack). A file that was cut off is read up to the cut.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mcap.reader import NonSeekingReader

from actors.sources.base import Pixels, SourceError, SourceFrame
from bus.log import get_logger
from bus.messages import Frame
from bus.topics import FRAME
from bus.wire import decode
from vision.detection import Detection
from vision.quad import as_quad

IMAGE_CHANNEL = "image"


log = get_logger("recording")


@dataclass(frozen=True, slots=True)
class _Header:
    t_ns: int
    detections: Sequence[Detection] | None


class RecordingSource:
    """The frames of a recording with their own times and detections."""

    live = False
    detects = True

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise SourceError(f"{path}: no such recording")
        self._path = path
        self._file = path.open("rb")
        self._frames = self._read()
        self._start_ns: int | None = None
        self._count = 0
        self.title = f"recording {path}"

    def read(self) -> SourceFrame | None:
        """The next frame; SourceError for a file that holds none."""
        for header, pixels in self._frames:
            start = self._start_ns = header.t_ns if self._start_ns is None else self._start_ns
            self._count += 1
            return SourceFrame(pixels, header.t_ns - start, header.detections)
        if self._count == 0:
            raise SourceError(f"{self._path} holds no frames: record with pictures, not without")
        return None

    def _read(self) -> Iterator[tuple[_Header, Pixels]]:
        """Frames in the order they were recorded: each header is followed by the picture of the same time."""
        header: _Header | None = None
        try:
            for _, channel, message in NonSeekingReader(self._file).iter_messages(log_time_order=False):
                if channel.topic == FRAME.name:
                    header = _header(message.data)
                elif channel.topic == IMAGE_CHANNEL and header is not None and header.t_ns == message.log_time:
                    yield header, _picture(message.data)
        except Exception as error:  # the parser and the decompressors below it raise what they like
            if self._count == 0:
                raise SourceError(f"{self._path} is no recording that can be read: {error!r}") from None
            log.warning("recording cut off or damaged: it ends here", path=str(self._path), reason=repr(error))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _header(data: bytes) -> _Header | None:
    """None for a message that is no frame, or not one of four-cornered cards."""
    try:
        _, message, _ = decode([FRAME.name.encode(), data])
        if not isinstance(message, Frame):
            return None
        boxes = message.detections
        return _Header(
            message.t_ns, None if boxes is None else [Detection(as_quad(box.quad), box.score) for box in boxes]
        )
    except ValueError:
        return None


def _picture(data: bytes) -> Pixels:
    content: dict[str, Any] = json.loads(data)
    bgr = cv2.imdecode(np.frombuffer(base64.b64decode(content["data"]), np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError("a picture in it is damaged")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
