"""A recorded stream: its pictures, and the detections that went with them (the format is in `actors.recording`)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from actors.foxglove import CompressedImage
from actors.recording import IMAGE, Entry, RecordingError, entries
from actors.sources.base import Finds, Pixels, SourceError, SourceFrame
from bus.log import get_logger
from bus.messages import Frame
from bus.topics import FRAME
from vision.detection import Detection
from vision.quad import as_quad

_AHEAD = 1024
"""How many headers may come before a picture."""

log = get_logger("recording")


@dataclass(frozen=True, slots=True)
class _Header:
    t_ns: int
    detections: Sequence[Detection] | None


class RecordingSource:
    """The frames of a recording with their own times and detections."""

    live = False
    finds: Finds = "cards"

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise SourceError(f"{path}: no such recording")
        self._path = path
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

    def _read(self) -> Generator[tuple[_Header, Pixels]]:
        """Frames in the order of their pictures, each of which follows the header of the same time."""
        headers: dict[int, _Header] = {}
        try:
            for entry in entries(self._path, (FRAME.name, IMAGE)):
                if entry.channel == FRAME.name:
                    _keep(headers, entry)
                elif header := headers.pop(entry.log_ns, None):
                    yield header, decoded(entry.picture())
        except RecordingError as error:
            raise SourceError(str(error)) from None
        except ValueError as error:
            if self._count == 0:
                raise SourceError(f"{self._path} is no recording that can be read: {error}") from None
            log.warning("recording damaged: it ends here", path=str(self._path), reason=str(error))

    def close(self) -> None:
        """Close the file."""
        self._frames.close()


def _keep(headers: dict[int, _Header], entry: Entry) -> None:
    """Note a frame, and forget one whose picture does not come; leave out what is no frame of four-cornered cards."""
    try:
        _, message, _ = entry.message()
        if isinstance(message, Frame):
            boxes = message.detections
            found = None if boxes is None else [Detection(as_quad(box.quad), box.score) for box in boxes]
            headers[message.t_ns] = _Header(message.t_ns, found)
    except ValueError:
        return
    if len(headers) > _AHEAD:
        del headers[next(iter(headers))]


def decoded(image: CompressedImage) -> Pixels:
    """The pixels of a picture, uint8 RGB [h, w, 3]. ValueError if it is damaged."""
    bgr = cv2.imdecode(np.frombuffer(image.data, np.uint8), cv2.IMREAD_COLOR) if image.data else None
    if bgr is None:
        raise ValueError("a picture in it is damaged")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
