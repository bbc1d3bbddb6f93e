"""recorder: writes down all that is said, and the pictures, so that it can be played again."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from actors.config import Config, ConfigError, load
from actors.provenance import provenance
from actors.recording import ORIGIN, TALLY, RecordingWriter
from bus.actor import Actor, Bus
from bus.loop import ActorFailed
from bus.messages import Bye, Frame, Message
from bus.ring import FrameGone, Pixels
from bus.topics import RESULTS, SINK_READS, Topic

_QUIET_MS = 200.0
"""The last heartbeats, with the final counts, come after the end of the results."""

_REST_MS = 6000.0
"""How long a stream that has ended may keep the recorder busy; the dead-man of the loop comes at 10 s."""


class Recorder(Actor):
    """Only listens. A frame that cannot be copied within its lease is recorded without its picture, and counted."""

    name = "recorder"
    inputs = SINK_READS["sink.recorder"]
    ends_with = (RESULTS,)
    takes_all = True

    def __init__(self, bus: Bus, config: Config, seconds: float | None = None) -> None:
        super().__init__(bus)
        self._config = config
        self._settings = config.recorder
        self._seconds = seconds
        self._ring = bus.ring()
        self._file: BinaryIO | None = None
        self._writer: RecordingWriter | None = None
        self._waiting: deque[Frame] = deque()
        """Frames that were written down and whose pictures were not yet."""
        self._described = False
        self._over = False
        self._first_ns = self._last_ns = self._heard_ns = 0

    def start(self) -> None:
        """Make the file. ValueError or OSError if it cannot be made or exists already."""
        self._file = _create(self._settings.out, self.bus.session)
        self.detail = f"recording to {self._file.name}"
        with self._failing_clearly():
            self._writer = RecordingWriter(self._file)
            if self._config.launched.is_file():
                self._describe()

    def _describe(self) -> None:
        """Say what makes this recording: at the beginning, or as soon as there is a system to describe."""
        assert self._writer is not None
        try:
            config = load(self._config.launched)
        except ConfigError:
            config = self._config
        self._described = True
        self._writer.metadata(ORIGIN, provenance(config))

    def receive(self, topic: Topic, message: Message, blobs: Sequence[memoryview]) -> None:
        """Write a message down; the picture of a frame comes when everything that waits has been written."""
        assert self._writer is not None
        now = self._heard_ns = self.bus.clock.now_ns()
        with self._failing_clearly():
            if not self._described:
                self._describe()
            self._writer.message(topic, message, blobs, now)
        self.bus.counts["messages"] += 1
        if isinstance(message, Frame):
            self._first_ns, self._last_ns = self._first_ns or now, now
            self.bus.counts["frames"] += 1
            if self._settings.frames != "none":
                self._waiting.append(message)
        if topic is RESULTS:
            self._over = isinstance(message, Bye) and message.final

    def step(self) -> float | None:
        """Write one picture, then listen again; end when the time is up, counted from the first frame."""
        if self._waiting:
            self._illustrate(self._waiting.popleft())
        left_ms = self._left_ms()
        self.ended = left_ms is not None and left_ms <= 0
        return 0.0 if self._waiting else left_ms

    def _left_ms(self) -> float | None:
        if self._seconds is None or not self._first_ns:
            return None
        return self._seconds * 1e3 - (self.bus.clock.now_ns() - self._first_ns) / 1e6

    def _illustrate(self, frame: Frame) -> None:
        """Copy a picture within its lease, and encode the copy, which may take longer."""
        assert self._writer is not None
        try:
            with self._ring.view(frame.ref) as pixels:
                picture = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), np.uint8)
        except FrameGone as gone:
            self.bus.drops[gone.reason] += 1
            return
        with self._failing_clearly():
            self._writer.picture(frame.t_ns, self._encoded(picture), self._settings.frames)
        self.bus.counts["pictures"] += 1

    def _encoded(self, picture: Pixels) -> bytes:
        settings = self._settings
        options = {
            "jpeg": [cv2.IMWRITE_JPEG_QUALITY, settings.quality],
            "png": [cv2.IMWRITE_PNG_COMPRESSION, 1],  # the least: more takes time and saves little
        }[settings.frames]
        return cv2.imencode(f".{settings.frames}", picture, options)[1].tobytes()

    def settled(self) -> bool:
        """Whether every picture is written and, if the stream is over, the last words have been heard."""
        heard_all = self.ended or not self._over or self.bus.clock.now_ns() - self._heard_ns > _QUIET_MS * 1e6
        return heard_all and not self._waiting

    def finish(self) -> None:
        """Write the pictures that wait, unless somebody waits for the end, then the counts and the index."""
        assert self._writer is not None
        limit_ns = self.bus.clock.now_ns() + round(_REST_MS * 1e6) if self._over else 0
        while self._waiting and self.bus.clock.now_ns() < limit_ns:
            self._illustrate(self._waiting.popleft())
        if self._waiting:
            self.bus.drops["unwritten"] += len(self._waiting)
        with self._failing_clearly():
            if not self._described:
                self._describe()
            self._writer.metadata(TALLY, {name: str(value) for name, value in self._tally().items()})
            self._writer.finish()
        self.detail = self.summary()

    def queue(self) -> int:
        """Pictures to write."""
        return len(self._waiting)

    def _tally(self) -> dict[str, float]:
        counts = {name: self.bus.counts[name] for name in ("frames", "pictures", "messages")}
        seconds = round((self._last_ns - self._first_ns) / 1e9, 3)
        return {**counts, "seconds": seconds, **{f"lost.{name}": count for name, count in self.bus.losses().items()}}

    def summary(self) -> str:
        """One line for people."""
        assert self._file is not None
        tally = self._tally()
        lost = ", ".join(f"{count} {name}" for name, count in self.bus.losses().items()) or "none"
        size = Path(self._file.name).stat().st_size / 1e6
        return (
            f"{self._file.name}: {tally['frames']} frames ({tally['pictures']} pictures), {tally['seconds']:.1f} s, "
            f"{size:.1f} MB; lost: {lost}"
        )

    @contextlib.contextmanager
    def _failing_clearly(self) -> Iterator[None]:
        """A disk that is full: no bug, but the end; what is on it replays."""
        assert self._file is not None
        try:
            yield
        except OSError as error:
            raise ActorFailed(f"{self._file.name}: {error.strerror}; what was written so far can be played") from None

    def close(self) -> None:
        """Close the file; on a full disk what is left in its buffer is lost."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()


def _create(out: str, session: str) -> BinaryIO:
    """The file to write, new; in a folder it is named by the time and the session."""
    if not out:
        raise ValueError("no file is named: set [recorder] out, or pass --out to `sleevesight record`")
    path = Path(out).expanduser()
    if path.is_dir() or out.endswith(os.sep):
        path = path / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{session}.mcap"
    try:
        return path.open("xb")
    except FileExistsError:
        raise ValueError(f"{path} exists already: name another file, or a folder to put it in") from None
    except OSError as error:
        raise ValueError(f"[recorder] out = {out}: {error.strerror}; name a file in a folder that exists") from None
