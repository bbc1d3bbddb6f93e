"""A film for the smoother: what is seen and answered in each frame, and the events that come of it."""

from dataclasses import dataclass, field

import numpy as np

from actors.smoothing import Answer, FrameReport, Sighting, Smoother, TrackReport
from actors.visits import Card, VisitConfirmed, VisitEnded, VisitEvent
from vision.quad import Quad

FRAME_NS = 33_333_333
WIDTH = 100.0

EEVEE = Card("base-1", "base-1", "Eevee")
WOOBAT = Card("base-2", "base-2", "Woobat")
ENERGY = Card("a-9", "energy", "Fire Energy")
ENERGY_AGAIN = Card("b-9", "energy", "Fire Energy")


def place(x: float, y: float = 300.0) -> Quad:
    return (np.array([[-0.5, -0.7], [0.5, -0.7], [0.5, 0.7], [-0.5, 0.7]]) * WIDTH + [x, y]).astype(np.float32)


@dataclass
class Shown:
    """A track in a frame, and what its crop of this frame is taken for: a card, None (unknown), or no crop at all."""

    track: int
    card: Card | str | None = "no crop"
    x: float = 200.0
    y: float = 300.0
    seen: bool = True
    score: float = 0.9
    sure: bool = True


@dataclass
class Film:
    """Feeds a smoother; answers come `delay` frames after the frame of their crop."""

    smoother: Smoother = field(default_factory=Smoother)
    delay: int = 1
    number: int = 0
    events: list[VisitEvent] = field(default_factory=list)
    due: list[tuple[int, Answer]] = field(default_factory=list)

    def frame(self, *shown: Shown) -> FrameReport:
        self.number += 1
        t_ns = self.number * FRAME_NS
        for answer in [answer for at, answer in self.due if at <= self.number]:
            self.smoother.answer(answer)
        self.due = [(at, answer) for at, answer in self.due if at > self.number]
        sightings = [Sighting(s.track, place(s.x, s.y), s.score, s.seen) for s in shown]
        report = self.smoother.frame(self.number, t_ns, sightings)
        self.due += [(self.number + self.delay, self.answer(s, t_ns)) for s in shown if not isinstance(s.card, str)]
        self.events += report.events
        return report

    def answer(self, shown: Shown, t_ns: int) -> Answer:
        card = shown.card
        assert not isinstance(card, str)
        decision = "uncertain" if not shown.sure else "unknown" if card is None else "confirmed"
        return Answer(shown.track, self.number, t_ns, decision, card, 0.1, 0.5)

    def run(self, frames: int, *shown: Shown) -> FrameReport:
        for _ in range(frames):
            report = self.frame(*shown)
        return report

    def settled(self, track: int, card: Card, x: float = 200.0, frames: int = 10) -> FrameReport:
        """A card that is confirmed and then lies in the cache."""
        self.run(4, Shown(track, card, x))
        return self.run(frames - 4, Shown(track, x=x))

    def end(self) -> list[VisitEvent]:
        """Events after everything has gone."""
        self.run(60)
        return self.events

    def counted(self) -> list[str]:
        self.end()
        return [event.card.name for event in self.events if isinstance(event, VisitConfirmed)]


def only(report: FrameReport) -> TrackReport:
    (track,) = report.tracks
    return track


def ended(events: list[VisitEvent]) -> list[VisitEnded]:
    return [event for event in events if isinstance(event, VisitEnded)]
