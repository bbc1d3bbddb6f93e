"""From flickering tracks and single results to what is shown and counted: the smoother's rules, without its sockets.

The state table, the rules for visits and the reasons for the settings are in `docs/smoothing.md`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import msgspec

from actors.visits import HISTORY, UNKNOWN, Card, Moment, Tally, Visit, VisitEvent, Visits
from vision.quad import Quad


class Status(StrEnum):
    """What is known of one track."""

    DETECTING = "detecting"
    STABILIZING = "stabilizing"
    CONFIRMED = "confirmed"
    UNKNOWN = "unknown"


class SmootherSettings(msgspec.Struct, frozen=True):
    """How much evidence a change of state takes."""

    min_score: float = 0.7
    """Score from which a detection is shown; once shown, a track stays shown."""
    min_seen: int = 2
    """Frames in which a track must have been seen to be shown: one frame is a flicker."""
    confirm: int = 3
    """Results in a row that confirm a card, or that nothing in the catalogue matches."""
    leave: int = 6
    """Results in a row without support after which a track is no longer held confirmed or unknown."""
    grace_ms: int = 500
    """Longest absence after which the same card at the same place continues its visit."""
    reach: float = 1.5
    """Farthest distance, in card widths, that counts as the same place: a hand moves on while the detector is blind."""
    patience_ms: int = 2000
    """Longest wait for the results of a track that may continue an open visit."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One track in one frame."""

    track_id: int
    quad: Quad
    score: float
    seen: bool
    """Whether the detector saw it in this very frame."""


class Answer(msgspec.Struct, frozen=True):
    """The matcher's result for one crop of one track."""

    track_id: int
    frame: int
    """Frame that the crop was cut from."""
    t_ns: int
    decision: Literal["confirmed", "uncertain", "unknown"]
    card: Card | None
    """The best match; None is allowed only with `unknown`."""
    distance: float
    gap: float
    turn: int = 0
    candidates: tuple[Card, ...] = ()


@dataclass(frozen=True, slots=True)
class TrackReport:
    """One track as it is to be shown."""

    track_id: int
    status: Status
    quad: Quad
    seen: bool
    score: float
    card: Card | None
    """Set while `status` is confirmed."""
    visit_id: int | None
    last: Answer | None
    """The latest result, whatever it says: distance, gap, turn and candidates for an honest display."""


@dataclass(frozen=True, slots=True)
class FrameReport:
    """All that is to be shown of one frame, and the visits that were confirmed or ended since the last report."""

    frame: int
    t_ns: int
    status: Literal["no_card", "cards"]
    tracks: list[TrackReport]
    events: list[VisitEvent]


@dataclass(slots=True)
class _Run:
    """Results in a row that agree."""

    key: str
    start: Moment
    length: int = 0
    tally: Tally = field(default_factory=Tally)


@dataclass(slots=True)
class _State:
    """One living track."""

    sighting: Sighting
    since: Moment
    """Since when it shows what it shows."""
    seen: int = 0
    shown: bool = False
    run: _Run | None = None
    settled: str | None = None
    """Key that a run confirmed, or `UNKNOWN`; None before and after."""
    unsupported: int = 0
    doubted_from: int = 0
    """Frame of the first of the unsupporting results."""
    visit: Visit | None = None
    uncredited: deque[Moment] = field(default_factory=lambda: deque(maxlen=HISTORY))
    """When it was seen without being settled on its visit."""
    last: Answer | None = None


class Smoother:
    """Tracks per frame and results as they come in; reports and visit events out.

    All times are those of frames, so the same input gives the same output however fast it is played.
    """

    def __init__(self, settings: SmootherSettings | None = None) -> None:
        self._settings = settings or SmootherSettings()
        self._visits = Visits(
            grace_ns=self._settings.grace_ms * 1_000_000,
            reach=self._settings.reach,
            patience_ns=self._settings.patience_ms * 1_000_000,
        )
        self._states: dict[int, _State] = {}
        self._now = Moment(-1, 0)

    def frame(self, frame: int, t_ns: int, sightings: Sequence[Sighting]) -> FrameReport:
        """Go on to the next frame, whose living tracks are `sightings`, and report."""
        self._now = Moment(frame, t_ns)
        for track_id in self._states.keys() - {sighting.track_id for sighting in sightings}:
            self._visits.release(track_id)
            del self._states[track_id]
        for sighting in sightings:
            self._see(sighting)
        for state in list(self._states.values()):
            if state.visit is None:
                self._decide(state)
            if state.visit is None and state.sighting.seen:
                self._visits.expect(state.since, state.sighting.quad, self._now)
        self._visits.expire(self._now)
        return self.report()

    def answer(self, answer: Answer) -> None:
        """Take in one result; it shows in the next report. Results of dead tracks and old ones are ignored."""
        state = self._states.get(answer.track_id)
        if state is None or (state.last is not None and answer.frame <= state.last.frame):
            return
        state.last = answer
        key = UNKNOWN if answer.decision == "unknown" or answer.card is None else answer.card.group
        if answer.decision != "uncertain":
            self._extend_run(state, key, answer)
        self._decide(state)
        self._weigh(state, key, answer.frame)

    def report(self) -> FrameReport:
        """What is to be shown now; each event is handed out once."""
        tracks = [self._track_report(state) for state in self._states.values() if state.shown]
        events, self._visits.events = self._visits.events, []
        status: Literal["no_card", "cards"] = "cards" if tracks or self._visits.lingering() else "no_card"
        return FrameReport(self._now.frame, self._now.t_ns, status, tracks, events)

    def restart(self) -> None:
        """The tracker has begun anew: its old ids are void. Open visits wait for their cards as after any drop-out."""
        self._states.clear()
        self._visits.release_all()

    def close(self) -> list[VisitEvent]:
        """The source has ended: end every open visit."""
        self._visits.expire()
        return self.report().events

    def _see(self, sighting: Sighting) -> None:
        state = self._states.get(sighting.track_id)
        if state is None:
            if not sighting.seen:
                return
            state = self._states[sighting.track_id] = _State(sighting, self._now)
        state.sighting = sighting
        state.seen += sighting.seen
        good = sighting.score >= self._settings.min_score or state.settled is not None
        state.shown = state.shown or (state.seen >= self._settings.min_seen and good)
        if sighting.seen and state.visit is not None and state.settled == state.visit.key:
            state.visit.seen(self._now, sighting.quad)
        elif sighting.seen:
            state.uncredited.append(self._now)

    def _extend_run(self, state: _State, key: str, answer: Answer) -> None:
        if state.run is None or state.run.key != key:
            state.run = _Run(key, Moment(answer.frame, answer.t_ns))
        state.run.length += 1
        if answer.card is not None and key != UNKNOWN:
            state.run.tally.counts[answer.card] += 1
        visit = state.visit
        if visit is None:
            return
        if answer.card is not None and visit.key == key:
            visit.tally.counts[answer.card] += 1
            visit.card = visit.tally.best(visit.card)
        visit.contradicted = UNKNOWN not in (visit.key, key) and visit.key != key

    def _weigh(self, state: _State, key: str, frame: int) -> None:
        """Hysteresis: even an uncertain result supports what is settled, and only many without support unsettle it."""
        if state.settled is None or key == state.settled:
            state.unsupported = 0
            return
        if state.unsupported == 0:
            state.doubted_from = frame
        state.unsupported += 1
        if state.unsupported >= self._settings.leave:
            if state.run is not None and state.run.key == state.settled:
                state.run = None
            self._unsettle(state, state.doubted_from)

    def _unsettle(self, state: _State, frame: int) -> None:
        """From `frame` on the track showed something else than what it was settled on."""
        if state.visit is not None and state.visit.key == state.settled:
            state.uncredited.extend(state.visit.rewind(frame))
        state.settled, state.unsupported = None, 0

    def _decide(self, state: _State) -> None:
        """Settle on the run if it is long enough, or if it continues a visit that has just lost its track."""
        run = state.run
        if run is None:
            return
        sighting = state.sighting
        if run.length >= self._settings.confirm or (
            state.visit is None
            and state.settled is None
            and self._visits.claim(run.key, state.since, sighting.quad, sighting.track_id) is not None
        ):
            self._settle(state, run)

    def _settle(self, state: _State, run: _Run) -> None:
        visit = state.visit
        if state.settled != run.key:
            late_recognition = visit is not None and visit.key == UNKNOWN
            if state.settled is not None and not late_recognition:
                self._unsettle(state, run.start.frame)
            state.settled, state.unsupported = run.key, 0
        if visit is not None and visit.key == UNKNOWN != run.key:
            self._name(visit, state, run)
        elif visit is not None and run.key not in (visit.key, UNKNOWN):
            visit.owner, visit.replaced_on = None, state.sighting.track_id
            state.visit, state.since = None, run.start
        if state.visit is None:
            state.visit = self._visit_for(state, run)
        self._credit(state)

    def _credit(self, state: _State) -> None:
        """What was seen before the results were in belongs to the visit that they confirm."""
        if state.visit is None or state.visit.key != state.settled:
            return
        for moment in state.uncredited:
            if moment.frame >= state.since.frame:
                state.visit.seen(moment, state.sighting.quad)
        state.uncredited.clear()

    def _visit_for(self, state: _State, run: _Run) -> Visit | None:
        """The visit that the track continues, or a new one; None beside another outline of the same card."""
        track_id, quad = state.sighting.track_id, state.sighting.quad
        visit = self._visits.claim(run.key, state.since, quad, track_id)
        if visit is not None:
            self._rob(visit)
            visit.owner, visit.contradicted, visit.replaced_on = track_id, False, None
            visit.tally.counts.update(run.tally.counts)
            return visit
        if self._visits.doubled(run.key, quad, track_id):
            return None
        visit = self._visits.open(run.key, state.since, quad, track_id)
        if run.key != UNKNOWN:
            self._name(visit, state, run)
        return visit

    def _name(self, visit: Visit, state: _State, run: _Run) -> None:
        card = run.tally.best()
        assert card is not None, "a run of a card has a card"
        visit.tally.counts.update(run.tally.counts)
        self._visits.confirm(visit, card, state.sighting.track_id, self._now)

    def _rob(self, visit: Visit) -> None:
        """Take the visit from its track, which lost sight of the card or shows another one by now."""
        owner = self._states.get(visit.owner) if visit.owner is not None else None
        if owner is None:
            return
        if visit.contradicted and owner.run is not None:
            self._unsettle(owner, owner.run.start.frame)
            owner.visit, owner.since = None, owner.run.start
        else:
            del self._states[owner.sighting.track_id]

    def _track_report(self, state: _State) -> TrackReport:
        sighting = state.sighting
        card = None
        if state.settled is None:
            status = Status.DETECTING if state.last is None else Status.STABILIZING
        elif state.settled == UNKNOWN:
            status = Status.UNKNOWN
        else:
            status, card = Status.CONFIRMED, self._shown_card(state)
        visit_id = state.visit.visit_id if state.visit is not None else None
        return TrackReport(
            sighting.track_id, status, sighting.quad, sighting.seen, sighting.score, card, visit_id, state.last
        )

    def _shown_card(self, state: _State) -> Card | None:
        if state.visit is not None and state.visit.key == state.settled:
            return state.visit.card
        return state.run.tally.best() if state.run is not None else None
