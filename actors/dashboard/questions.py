"""What a person is asked: which of the nearest cards is it, when the camera cannot tell?"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from actors.dashboard.session import Card
from bus.messages import Results, TrackResult
from catalog.decide import Thresholds, decide

PATIENCE_NS, READINGS = 1_000_000_000, 3
"""A card that has been uncertain for less, or on fewer looks at it, may yet be read or may be no card."""
MOST = 20
"""Questions that wait at most; the oldest goes."""
CHOICES = 3

Key = tuple[str, int]
"""Stream and track."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A card that is one of `choices`, probably."""

    question: int
    choices: list[Card]
    distance: float | None
    gap: float | None
    key: Key
    life: str
    frame: int
    """When it was asked: the frame, and within which life visits were numbered."""


@dataclass(slots=True)
class _Doubt:
    """For how long a track has been uncertain, and by which distances and gaps."""

    since_ns: int
    readings: set[tuple[float | None, float | None]] = field(default_factory=set)


class Questions:
    """Asks once about every track that stays uncertain, and takes the question back when the track is decided."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._doubts: dict[Key, _Doubt] = {}
        self._open: dict[Key, Question] = {}
        self._settled: set[Key] = set()
        self._stream = ""
        self._count = 0

    def open(self) -> list[Question]:
        """What is asked, oldest first."""
        return list(self._open.values())

    def answered(self, key: Key) -> bool:
        """Whether a person has answered, so that the camera's own verdict is not wanted any more."""
        return key in self._settled

    def watch(self, results: Results) -> bool:
        """Look at a frame; whether the questions have changed."""
        before = list(self._open)
        if results.stream != self._stream:
            self._stream = results.stream
            self._doubts.clear()
            self._settled.clear()
        uncertain = {}
        for track in results.tracks:
            key = (results.stream, track.track_id)
            if track.status in ("confirmed", "unknown"):
                self._open.pop(key, None)
            elif verdict(track, self._thresholds) == "uncertain":
                doubt = uncertain[key] = self._doubts.get(key) or _Doubt(results.t_ns)
                doubt.readings.add((track.distance, track.gap))
                if len(doubt.readings) >= READINGS and results.t_ns - doubt.since_ns >= PATIENCE_NS:
                    self._ask(key, track, results)
        self._doubts = uncertain
        return list(self._open) != before

    def take(self, question: int) -> Question:
        """Close a question for good. ValueError if it is not asked (any more)."""
        for key, one in self._open.items():
            if one.question == question:
                self._settled.add(key)
                return self._open.pop(key)
        raise ValueError("that question is not open any more")

    def _ask(self, key: Key, track: TrackResult, results: Results) -> None:
        if key in self._open or key in self._settled:
            return
        self._count += 1
        choices = [Card(one.card_id, one.name, one.set_name, one.number) for one in track.candidates[:CHOICES]]
        self._open[key] = Question(
            question=self._count,
            choices=choices,
            distance=track.distance,
            gap=track.gap,
            key=key,
            life=results.life or results.session,
            frame=results.frame,
        )
        while len(self._open) > MOST:
            self._open.pop(next(iter(self._open)))


def verdict(track: TrackResult, thresholds: Thresholds) -> str | None:
    """What the latest reading of a track says; None before the first one."""
    if track.distance is None or track.gap is None or not track.candidates:
        return None
    return decide(track.distance, track.gap, thresholds)


def band(distance: float | None, thresholds: Thresholds) -> int:
    """How near a reading is: 3 excellent, 2 fair, 1 poor, 0 no match or not read."""
    limits = (thresholds.excellent, thresholds.fair, thresholds.poor)
    return 0 if distance is None else sum(distance < limit for limit in limits)
