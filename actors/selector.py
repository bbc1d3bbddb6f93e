"""selector: follows the cards from frame to frame and sends the crops that are worth an embedding."""

from __future__ import annotations

from collections import deque

import numpy as np

from actors.allowance import Allowance
from actors.config import Config
from actors.selection import Crop, Selection, SelectionSettings
from bus import messages as m
from bus.actor import Actor, Bus
from bus.ring import FrameGone
from bus.topics import CROPS, FRAME, MATCHES, TRACKS
from vision.detection import Detection
from vision.enhance import enhance
from vision.quad import as_quad, corners
from vision.rectify import CROP_HEIGHT, CROP_WIDTH
from vision.track import Track, Tracker, TrackSettings

_DOOR_MS = 20.0
"""How soon a ring that is not there yet is asked for again."""
_ANSWER_LIMIT_MS = 5000.0
"""Without losses every answer is waited for, but no longer than this: the embedder may have died with it."""


class Selector(Actor):
    """Tracker and selection rules behind the frame ring.

    Live, the newest frame is what counts. In a lossless replay, frames queue up and each waits for the answers to the
    crops before it, so that two runs see the same cache at the same frame.
    """

    name = "selector"
    inputs = (FRAME, MATCHES)
    ends_with = (FRAME,)

    def __init__(self, bus: Bus, config: Config) -> None:
        super().__init__(bus)
        self._config = config.selector
        self._lossless = config.lossless
        self._ring = bus.ring()
        self._frames: deque[tuple[int, m.Frame]] = deque()
        self._unanswered: dict[int, tuple[int, int]] = {}
        """Frames that asked: when, and for how many readings."""
        self._allowance = Allowance(config.selector.answer_ms, config.selector.readings)
        self._stream = ""
        self._reset("")

    def _reset(self, stream: str) -> None:
        """A new stream: the cards of the one before mean nothing in it."""
        config = self._config
        self._stream = stream
        self._tracker = Tracker(TrackSettings(max_missed=config.max_missed, max_gap_ms=config.max_gap_ms))
        self._selection = Selection(
            SelectionSettings(
                cache_iou=config.cache_iou,
                cache_age=config.cache_frames,
                settle=config.settle,
                wait=config.patience_frames,
                readings=config.readings,
            )
        )
        self._unanswered.clear()

    def start(self) -> None:
        """Go once through all that a card needs, so that the first one does not pay for it."""
        width, height = CROP_WIDTH, CROP_HEIGHT
        quad = as_quad([[width, height], [2 * width, height], [2 * width, 2 * height], [width, 2 * height]])
        tracks = Tracker().update([Detection(quad, 1.0)], 0)
        Selection().step(np.zeros((3 * height, 3 * width, 3), np.uint8), tracks, 0)

    def on_frame(self, message: m.Frame, _blobs: object) -> None:
        """Take the frame in; `step` works on it."""
        self._frames.append((self.bus.clock.now_ns(), message))

    def on_matches(self, message: m.Matches, _blobs: object) -> None:
        """Fill the cache."""
        if message.stream != self._stream:
            self.bus.drops["other_stream"] += 1
            return
        if message.frame in self._unanswered:
            _, readings = self._unanswered.pop(message.frame)
            self._allowance.answered(readings, message.trace, self.bus.clock.now_ns())
        for match in message.matches:
            if match.error is not None:
                self._selection.failed(match.track, match.frame)
            else:
                card = match.group[0] if match.decision != "unknown" and match.group else None
                sure = match.decision != "uncertain"
                self._selection.answer(match.track, match.frame, card, match.turn, sure=sure)

    def step(self) -> float | None:
        """Work on the frames that wait, as far as they may go on."""
        while self._frames:
            if self._waits():
                return 20.0
            self._work(*self._frames.popleft())
        return None if self._ring.prepare() else _DOOR_MS

    def settled(self) -> bool:
        """Whether no frame waits."""
        return not self._frames

    def finish(self) -> None:
        """The end does not wait for answers any more."""
        while self._frames:
            self._work(*self._frames.popleft())

    def queue(self) -> int:
        """Frames that wait."""
        return len(self._frames)

    def _waits(self) -> bool:
        """Whether the next frame has to wait for answers, without losses; those that do not come are given up."""
        limit_ns = self.bus.clock.now_ns() - _ANSWER_LIMIT_MS * 1e6
        for frame in [frame for frame, (asked_ns, _) in self._unanswered.items() if asked_ns < limit_ns]:
            del self._unanswered[frame]
            if self._lossless:  # live, the smoother counts it
                self.bus.drops["answer_late"] += 1
        return self._lossless and bool(self._unanswered)

    def _work(self, received: int, message: m.Frame) -> None:
        if message.stream != self._stream:
            self._reset(message.stream)
        boxes = message.detections
        found = None if boxes is None else [Detection(as_quad(box.quad), box.score) for box in boxes]
        tracks = self._tracker.update(found, message.t_ns)
        try:
            with self._ring.view(message.ref) as pixels:
                crops = self._selection.step(pixels, tracks, message.frame, self._readings(received, message))
        except FrameGone as gone:
            self.bus.drops[gone.reason] += 1
            self._selection.discard(message.frame)
            return
        self._publish(received, message, tracks, crops)

    def _readings(self, received: int, message: m.Frame) -> int | None:
        """How many readings there is time for; without losses no question of time, for two runs to be alike."""
        if self._lossless:
            return None
        return self._allowance.readings((received - message.trace[0].received_ns) / 1e6 if message.trace else 0.0)

    def _publish(self, received: int, message: m.Frame, tracks: list[Track], crops: list[Crop]) -> None:
        asked = {crop.track_id for crop in crops}
        pictures = [enhance(crop.crop) if self._config.enhance else crop.crop for crop in crops]
        self.bus.counts["frames"] += 1
        self.bus.counts["tracks"] += sum(not track.predicted for track in tracks)
        self.bus.counts["crops"] += len(crops)
        trace = [*message.trace, m.Hop("select", received, self.bus.clock.now_ns())]
        if crops:
            self._unanswered[message.frame] = self.bus.clock.now_ns(), sum(len(crop.turns) for crop in crops)
            wanted = [m.Crop(crop.track_id, crop.frame, list(crop.turns), round(crop.sharpness, 1)) for crop in crops]
            out = m.Crops(
                stream=message.stream,
                frame=message.frame,
                t_ns=message.t_ns,
                trace=trace,
                width=CROP_WIDTH,
                height=CROP_HEIGHT,
                crops=wanted,
            )
            self.bus.publish(CROPS, out, pictures)
        states = [
            m.TrackState(
                track=track.track_id,
                quad=corners(track.quad),
                score=round(track.score, 3),
                hits=track.hits,
                missed=track.missed,
                asked=track.track_id in asked,
                seen=not track.predicted,
            )
            for track in tracks
        ]
        self.bus.publish(
            TRACKS,
            m.Tracks(
                stream=message.stream,
                frame=message.frame,
                t_ns=message.t_ns,
                trace=trace,
                tracks=states,
                crops=len(crops),
            ),
        )
