"""capture: takes frames from a source, finds the cards in them, and publishes both."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence

from actors.backends.detector import detector_folder, open_close_ups, open_detector
from actors.config import Config
from actors.sources import open_source
from actors.sources.base import NothingYet, Pixels, Source, SourceFrame
from bus.actor import ROUND_S, Actor, Bus
from bus.log import get_logger
from bus.messages import Box, Frame, Hop, Results
from bus.ring import RingServer, RingWriter
from bus.topics import FRAME, RESULTS, reads
from vision.detect import CloseUps
from vision.detection import Detection
from vision.detector.pyramid import Pyramid
from vision.quad import corners
from vision.watch import Watcher

IN_FLIGHT = {"lockstep": 1, "flatout": 4}
ANSWER_LIMIT_MS = 5000.0
"""A frame in flight that is not answered by then was lost on the way: go on."""
LATE_MS = 100.0
"""A paced frame that is later than this is left out, as a camera would have left it out."""
MIN_SLOTS, MAX_SLOTS = 4, 256

log = get_logger("capture")


class Capture(Actor):
    """The first process: the one owner of the source and of the frame ring."""

    name = "capture"
    inputs = (RESULTS,)

    def __init__(self, bus: Bus, config: Config) -> None:
        super().__init__(bus)
        self._config = config
        self._pace = config.capture.pace
        self._readers = 1 + sum(reads(f"sink.{name}", FRAME) for name in config.sinks.enabled)
        """How many have to listen before a stored source begins."""
        self._source: Source | None = None
        self._next: SourceFrame | None = None
        self._ring: RingWriter | None = None
        self._server: RingServer | None = None
        self._base_ns = 0
        self._frame = -1
        self._answered = -1
        self._sent_ns = 0
        self._watcher: Watcher | None = None
        self._close_ups: CloseUps | None = None
        self._before: list[Detection] = []
        """What the last frame with boxes held."""
        self._left_out_ms = math.inf
        """How late the frame before was, if it was left out."""
        if config.capture.source.partition(":")[0] == "imx500":
            self.start_deadline_s = config.imx500.upload_s

    def start(self) -> None:
        """Open the source and the door of the ring, and make the ring.

        The first frame is read here: a stream that has none, or a ring that does not fit into memory, is bad input and
        not a failure at work.
        """
        self._source = open_source(self._config, self.bus.clock)
        self.detail = self._source.title
        self.live = self._source.live
        config = self._config.capture
        if self._source.finds == "nothing":
            self._watcher = Watcher(open_detector(detector_folder(config), threads=config.threads))
        elif self._source.finds in ("boxes", "places"):
            self._close_ups = open_close_ups(detector_folder(config))
        self._server = RingServer(self.bus.address.ring)
        self.bus.watch(self._server.fileno(), self._server.serve)
        first = self._first()
        if first is not None:
            self._ring_for(first.pixels)
            self._next = None if self._source.live else first

    def _first(self) -> SourceFrame | None:
        while True:  # a camera that gives none says so
            with contextlib.suppress(NothingYet):
                return self._read()

    def on_results(self, results: Results, _blobs: object) -> None:
        """An answered frame makes room for the next one where only so many may be in flight."""
        if results.stream == self.bus.session:
            self._answered = max(self._answered, results.frame)

    def step(self) -> float | None:
        """Publish the next frame, if it is time for it."""
        if self.ended:
            return None
        assert self._source is not None
        if self._source.live:
            try:
                taken = self._read()
            except NothingYet as reason:
                self.detail = str(reason)
                self.bus.may_take(reason.may_take_s)
                return 0.0
            self.bus.may_take(ROUND_S)
            self.detail = self._source.title if taken is not None else self.detail
            if taken is not None:
                self._publish(taken, taken.t_ns)
            return 0.0
        frame = self._next = self._next or self._read()
        if frame is None:
            return None
        wait_ms = self._wait_ms(frame)
        if wait_ms > 0:
            return wait_ms
        self._next = None
        if self._pace == "paced" and self._too_late(frame, -wait_ms):
            self._frame += 1
            self.bus.counts["frames"] += 1
            self.bus.drops["source_late"] += 1
        else:
            self._publish(frame, self._base_ns + frame.t_ns)
        return 0.0

    def _too_late(self, frame: SourceFrame, late_ms: float) -> bool:
        """Whether to leave a frame out. It helps as long as each is less late than the one before.

        A source that is slower than its own time would never catch up and never be seen: then time waits for it.
        """
        if late_ms > LATE_MS and late_ms < self._left_out_ms:
            self._left_out_ms = late_ms
            return True
        self._left_out_ms = math.inf
        if late_ms > LATE_MS:
            self._base_ns = self.bus.clock.now_ns() - frame.t_ns
            self.bus.counts["slowed"] += 1
        return False

    def settled(self) -> bool:
        """Whether nobody needs the ring any more: its last frames may still have to be read when the stream ends."""
        if not self.ended or self._answered >= self._frame:
            return True
        return self.bus.clock.now_ns() > self._sent_ns + self._config.capture.hold_ms * 1e6

    def _wait_ms(self, frame: SourceFrame) -> float:
        """How long a stored source has to wait: for a reader, for answers, for a slot, or for the frame's time."""
        if self._config.capture.wait_for_reader and self._frame < 0 and self.bus.subscribers(FRAME) < self._readers:
            return 20.0
        now = self.bus.clock.now_ns()
        if self._pace == "paced":
            if self._frame < 0:
                self._base_ns = now - frame.t_ns
            return (self._base_ns + frame.t_ns - now) / 1e6
        resized = self._ring is not None and self._ring.shape != frame.pixels.shape
        in_flight = self._frame - self._answered
        if in_flight >= (1 if resized else IN_FLIGHT[self._pace]):
            if now - self._sent_ns < ANSWER_LIMIT_MS * 1e6:
                return 20.0
            self.bus.drops["unanswered"] += in_flight
            self._answered = self._frame
        return (self._ring.next_free_ns() - now) / 1e6 if self._ring and not resized else 0.0

    def _read(self) -> SourceFrame | None:
        assert self._source is not None
        frame = self._source.read()
        if frame is None:
            self.ended = True
            self.detail = "end of stream"
        return frame

    def _publish(self, frame: SourceFrame, t_ns: int) -> None:
        """Write the frame into the ring and say what is in it. A frame that finds no slot is dropped and counted."""
        acquired = self.bus.clock.now_ns()
        self._frame += 1
        self.bus.counts["frames"] += 1
        found = self._found(frame)
        boxes = None if found is None else [Box(corners(one.quad), one.score) for one in found]
        self.bus.counts["detections"] += len(boxes or ())
        detected = self.bus.clock.now_ns()
        ref = self._ring_for(frame.pixels).write(frame.pixels)  # last, so that the lease is all for the readers
        if ref is None:
            self.bus.drops["ring_full"] += 1
            return
        self._sent_ns = self.bus.clock.now_ns()
        trace = [Hop("detect", acquired, detected), Hop("capture", detected, self._sent_ns)]
        self.bus.publish(
            FRAME,
            Frame(stream=self.bus.session, frame=self._frame, t_ns=t_ns, trace=trace, ref=ref, detections=boxes),
        )

    def _found(self, frame: SourceFrame) -> Sequence[Detection] | None:
        """The cards of a frame; None if there is no answer for it."""
        if self._watcher is not None:
            return self._watcher.update(frame.pixels)
        if self._close_ups is None or frame.detections is None:
            return frame.detections
        assert self._source is not None
        look = self._close_ups.within if self._source.finds == "boxes" else self._close_ups.near
        self._before = look(Pyramid(frame.pixels), frame.detections, self._before)
        return self._before

    def _ring_for(self, pixels: Pixels) -> RingWriter:
        """The ring for frames of this size; another size means a new ring, which readers find by its session."""
        if self._ring is None or self._ring.shape != pixels.shape:
            height, width = pixels.shape[:2]
            config = self._config.capture
            slots = int(config.ring_mb * 1e6 / (height * width * 3))
            ring = RingWriter(height, width, min(max(slots, MIN_SLOTS), MAX_SLOTS), config.hold_ms, self.bus.clock)
            if self._ring is not None:
                self._ring.close()
            self._ring = ring
            assert self._server is not None
            self._server.writer = ring
            log.info("frame ring", width=width, height=height, slots=len(ring))
        return self._ring

    def close(self) -> None:
        """Release the source and the ring."""
        for owned in (self._source, self._server, self._ring):
            if owned is not None:
                owned.close()
