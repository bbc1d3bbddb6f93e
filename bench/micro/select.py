"""What a frame costs whose cards are all known: beside its budget, and beside cutting out every card of every frame."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from actors.config import Config
from actors.selection import Selection
from actors.selector import Selector
from actors.smoother import SmootherActor
from bench.micro.carriers.ring import served_ring
from bench.micro.options import Options, say
from bench.micro.table import Figure, Row, Table, rows
from bench.micro.timing import Sample, alternate, timed
from bus import messages as m
from bus.clock import SystemClock
from bus.fake import FakeBus
from bus.ring import RingWriter
from bus.sockets import Address
from bus.topics import FRAME, MATCHES, TRACKS
from synth.cards import deck, draw
from synth.scene import RenderedFrame, scenario
from vision.detection import Detection
from vision.quad import corners
from vision.rectify import rectify
from vision.sharpness import sharpness
from vision.track import Tracker

ACTORS, RULES, NAIVE = "selector and smoother", "their tracker and selection alone", "every card cut out of every frame"
CPU = "CPU"
BUDGET_MS = 2.0
_FRAME_NS = 33_333_333
_SLOTS, _HOLD_MS = 8, 40.0
_SETTLED = 60
"""Frames after which every card has had its answers."""


def measure(options: Options) -> list[Table]:
    """The one table."""
    say(f"select: {(rounds := 30 if options.quick else 300)} rounds")
    return [table(rounds)]


def table(rounds: int) -> Table:
    """All ways on the same rendered table of five cards."""
    scene = scenario("still", [(spec.id, draw(spec)) for spec in deck(20)])
    shown = scene.frame(scene.frames // 2)
    with known_cards(shown) as actors:
        ways = {
            ACTORS: lambda _: actors.frame(),
            RULES: Rules(shown).frame,
            NAIVE: timed({CPU: lambda _: _cut_all(shown)}, time.thread_time_ns),
        }
        found = rows(alternate(ways, rounds), ACTORS)
    ratio = round(BUDGET_MS / found[0].figures[CPU].p50_ms, 2)
    budget = Row(way="the budget", figures={CPU: Figure(p50_ms=BUDGET_MS, ratio=ratio)})
    return Table(
        title=f"A frame of {scene.width}x{scene.height} px with {len(shown.truth)} known cards, CPU time.",
        rows=[*found, budget],
        libraries=("numpy", "opencv-python-headless"),
    )


class KnownCards:
    """Selector and smoother on a fake bus with the real ring, and somebody who answers them."""

    def __init__(self, bus: FakeBus, ring: RingWriter, shown: RenderedFrame) -> None:
        self._bus, self._ring, self._shown = bus, ring, shown
        self._selector, self._smoother = Selector(bus, Config()), SmootherActor(bus, Config())
        self._boxes = [m.Box(corners(card.quad), 0.95) for card in shown.truth]
        self._number = 0
        while self._number < _SETTLED:
            self.frame()

    def frame(self) -> Sample:
        """The next frame for which nothing is asked, and what it cost both."""
        while True:
            spent_ms, told = self._work()
            asked = self._bus.take(m.Crops)
            if told and not asked:  # nothing is told of a frame whose lease ran out
                return {CPU: spent_ms}
            for crops in asked:
                self._bus.feed(self._selector, MATCHES, answer(crops))
                self._bus.feed(self._smoother, MATCHES, answer(crops))

    def _work(self) -> tuple[float, int]:
        while (ref := self._ring.write(self._shown.image)) is None:
            time.sleep(0.001)
        frame = m.Frame(stream="s", frame=self._number, t_ns=self._number * _FRAME_NS, ref=ref, detections=self._boxes)
        self._number += 1
        begun = time.thread_time_ns()
        self._bus.feed(self._selector, FRAME, frame)
        told = self._bus.take(m.Tracks)
        for tracks in told:
            self._bus.feed(self._smoother, TRACKS, tracks)
        spent_ms = (time.thread_time_ns() - begun) / 1e6
        self._bus.take(m.Results)  # kept, they would be gone through with every frame
        return spent_ms, len(told)


@contextmanager
def known_cards(shown: RenderedFrame) -> Iterator[KnownCards]:
    """The actors when every card of a rendered frame has settled."""
    with tempfile.TemporaryDirectory(prefix="sleevesight-") as folder:
        height, width = shown.image.shape[:2]
        with served_ring(Address(Path(folder)), (height, width, 3), _SLOTS, _HOLD_MS) as ring:
            yield KnownCards(FakeBus(Path(folder), clock=SystemClock()), ring, shown)


class Rules:
    """The tracker and the rules of selecting, without messages."""

    def __init__(self, shown: RenderedFrame) -> None:
        self._shown = shown
        self._found = [Detection(card.quad, 0.95) for card in shown.truth]
        self._tracker, self._selection = Tracker(), Selection()
        self._number = 0
        while self._number < _SETTLED:
            self.frame(0)

    def frame(self, _round: int) -> Sample:
        """The next frame for which nothing is asked, and what it cost."""
        while True:
            begun = time.thread_time_ns()
            tracks = self._tracker.update(self._found, self._number * _FRAME_NS)
            asked = self._selection.step(self._shown.image, tracks, self._number)
            spent_ms = (time.thread_time_ns() - begun) / 1e6
            self._number += 1
            if not asked:
                return {CPU: spent_ms}
            for crop in asked:
                self._selection.answer(crop.track_id, crop.frame, f"card-{crop.track_id}")


def answer(crops: m.Crops) -> m.Matches:
    """Each crop confirmed, as the card of its track."""
    return m.Matches(
        stream=crops.stream,
        frame=crops.frame,
        t_ns=crops.t_ns,
        catalog="",
        matches=[_match(crop) for crop in crops.crops],
    )


def _match(crop: m.Crop) -> m.Match:
    card = f"card-{crop.track}"
    candidates = [m.Candidate(card, "Card", "Set", "1", 0.05, 1.4)]
    return m.Match(crop.track, crop.frame, "confirmed", 0, 0.05, 0.5, [card], candidates)


def _cut_all(shown: RenderedFrame) -> None:
    """What is left to do for each card where nothing is remembered, before it is embedded."""
    for card in shown.truth:
        sharpness(rectify(np.asarray(shown.image), card.quad))
