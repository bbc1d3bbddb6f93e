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

from actors.evidence import Evidence, Run
from actors.visits import HISTORY, UNKNOWN, Card, Moment, OpenVisit, Visit, VisitEvent, Visits
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
    doubt: int = 2
    """Results in a row for one other card after which a confirmed track is shown as stabilizing."""
    leave: int = 6
    """Results in a row without support after which a track is no longer held confirmed or unknown."""
    grace_ms: int = 500
    """Longest absence after which the same card at the same place continues its visit."""
    reach: float = 1.5
    """Farthest distance, in card widths, that counts as the same place for a card that lay still when it was lost."""
    reach_moving: float = 2.5
    """The same for a card in motion: a hand moves on while the detector is blind, six widths a second for 400 ms."""
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
class _State:
    """One living track."""

    sighting: Sighting
    since: Moment
    """Since when it shows what it shows."""
    origin: Quad
    """Where it was then."""
    seen_ns: int = 0
    seen: int = 0
    shown: bool = False
    evidence: Evidence = field(default_factory=Evidence)
    last: Answer | None = None
    visit: Visit | None = None
    uncredited: deque[Moment] = field(default_factory=lambda: deque(maxlen=HISTORY))
    """When it was seen without being settled on its visit."""


class Smoother:
    """Tracks per frame and results as they come in; reports and visit events out.

    All times are those of frames, so the same input gives the same output however fast it is played.
    """

    def __init__(self, settings: SmootherSettings | None = None) -> None:
        self._settings = settings or SmootherSettings()
        self._visits = Visits(
            grace_ns=self._settings.grace_ms * 1_000_000,
            reach=self._settings.reach,
            reach_moving=self._settings.reach_moving,
            patience_ns=self._settings.patience_ms * 1_000_000,
        )
        self._states: dict[int, _State] = {}
        self._now = Moment(-1, 0)

    def frame(self, frame: int, t_ns: int, sightings: Sequence[Sighting]) -> FrameReport:
        """Go on to the next frame, whose living tracks are `sightings`, and report."""
        before, self._now = self._now, Moment(frame, t_ns)
        for track_id in self._states.keys() - {sighting.track_id for sighting in sightings}:
            seen_ns = self._states.pop(track_id).seen_ns
            # A stall is no absence: what the last frame before it showed, nobody has seen leave.
            self._visits.release(track_id, t_ns if seen_ns == before.t_ns else seen_ns)
        for sighting in sightings:
            self._see(sighting)
        for state in list(self._states.values()):
            if state.visit is None:
                self._decide(state)
            if state.visit is None and state.sighting.seen:
                self._visits.expect(state.since, state.origin, self._now)
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
            state.evidence.extend(key, answer.card, Moment(answer.frame, answer.t_ns))
            if state.visit is not None:
                state.visit.result(key, answer.card)
        self._decide(state)
        state.evidence.weigh(key, answer.frame)
        if state.evidence.settled is not None and state.evidence.unsupported >= self._settings.leave:
            self._settle_on(state, None)

    def report(self) -> FrameReport:
        """What is to be shown now; each event is handed out once."""
        tracks = [self._track_report(state) for state in self._states.values() if state.shown]
        events, self._visits.events = self._visits.events, []
        status: Literal["no_card", "cards"] = "cards" if tracks or self._visits.lingering() else "no_card"
        return FrameReport(self._now.frame, self._now.t_ns, status, tracks, events)

    def close(self) -> list[VisitEvent]:
        """The source has ended: end every open visit."""
        self._visits.expire()
        return self.report().events

    def held(self) -> tuple[object, ...]:
        """Changes whenever `left` has something new."""
        return self._visits.held()

    def left(self) -> tuple[int, list[OpenVisit]]:
        """For a successor: the number of the next visit, and those that are open."""
        return self._visits.left()

    def resume(self, now: Moment, next_id: int, left: Sequence[OpenVisit]) -> None:
        """Go on where a predecessor was killed at `now`, as after a stall: a track that still lives shows its card."""
        self._now = now
        for visit in self._visits.resume(next_id, left):
            if visit.owner is not None:
                sighting = Sighting(visit.owner, visit.quad, 1.0, seen=True)
                state = _State(sighting, visit.first, visit.quad, seen_ns=now.t_ns, shown=True, visit=visit)
                state.evidence.settle(visit.key)
                self._states[visit.owner] = state

    def _see(self, sighting: Sighting) -> None:
        state = self._states.get(sighting.track_id)
        if state is None:
            if not sighting.seen:
                return
            state = self._states[sighting.track_id] = _State(sighting, self._now, sighting.quad)
        state.sighting = sighting
        settled = state.evidence.settled
        if sighting.seen:
            state.seen, state.seen_ns = state.seen + 1, self._now.t_ns
            if state.visit is not None and settled == state.visit.key:
                state.visit.seen(self._now, sighting.quad)
            else:
                state.uncredited.append(self._now)
        good = sighting.score >= self._settings.min_score or settled is not None
        state.shown = state.shown or (state.seen >= self._settings.min_seen and good)

    def _decide(self, state: _State) -> None:
        """Settle on the run if it is long enough, or if it continues a visit that has just lost its track."""
        run = state.evidence.run
        if run is None:
            return
        if run.length >= self._settings.confirm or (
            state.visit is None
            and state.evidence.settled is None
            and self._visits.claim(run.key, state.since, state.origin, state.sighting.track_id) is not None
        ):
            self._settle(state, run)

    def _settle(self, state: _State, run: Run) -> None:
        """The track shows what the run says: that is its visit, or makes one, or takes the place of one."""
        if state.evidence.settled != run.key:
            self._settle_on(state, run.key)
        visit = state.visit
        if visit is not None and visit.key == UNKNOWN != run.key:
            self._name(visit, state, run)
        elif visit is not None and run.key not in (visit.key, UNKNOWN):
            visit.owner, visit.replaced_on = None, state.sighting.track_id
            state.visit, state.since, state.origin = None, run.start, state.sighting.quad
        if state.visit is None:
            state.visit = self._visit_for(state, run)
        self._credit(state)

    def _settle_on(self, state: _State, key: str | None) -> None:
        """Change what is settled; what was seen since the first doubt is not the visit's any more.

        Something unknown that turns out to be a card was that card all the time.
        """
        visit, doubted_from = state.visit, state.evidence.doubted_from()
        if visit is not None and visit.key == state.evidence.settled != UNKNOWN and doubted_from is not None:
            state.uncredited.extend(visit.rewind(doubted_from))
        state.evidence.settle(key)

    def _credit(self, state: _State) -> None:
        """What was seen before the results were in belongs to the visit that they confirm."""
        if state.visit is None or state.visit.key != state.evidence.settled:
            return
        for moment in state.uncredited:
            if moment.frame >= state.since.frame:
                state.visit.seen(moment, state.sighting.quad)
        state.uncredited.clear()

    def _visit_for(self, state: _State, run: Run) -> Visit | None:
        """The visit that the track continues, or a new one; None beside another outline of the same card."""
        track_id, quad = state.sighting.track_id, state.sighting.quad
        visit = self._visits.claim(run.key, state.since, state.origin, track_id)
        if visit is not None:
            self._rob(visit)
            visit.owner, visit.contradicted, visit.replaced_on, visit.cover = track_id, False, None, None
            visit.tally.counts.update(run.tally.counts)
            return visit
        if self._visits.doubled(run.key, quad, track_id):
            return None
        visit = self._visits.open(run.key, state.since, quad, track_id)
        if run.key != UNKNOWN:
            self._name(visit, state, run)
        return visit

    def _name(self, visit: Visit, state: _State, run: Run) -> None:
        card = run.tally.best()
        assert card is not None, "a run of a card has a card"
        visit.tally.counts.update(run.tally.counts)
        self._visits.confirm(visit, card, state.sighting.track_id, self._now)

    def _rob(self, visit: Visit) -> None:
        """Take the visit from its track, which lost sight of the card or shows another one by now."""
        owner = self._states.get(visit.owner) if visit.owner is not None else None
        if owner is None:
            return
        run = owner.evidence.run
        if visit.contradicted and run is not None:
            self._settle_on(owner, None)
            owner.visit, owner.since, owner.origin = None, run.start, owner.sighting.quad
        else:
            del self._states[owner.sighting.track_id]

    def _track_report(self, state: _State) -> TrackReport:
        sighting, evidence = state.sighting, state.evidence
        card = None
        # Where another card is about to take over, the old name would be a lie and the new one is not sure yet.
        if evidence.settled is None or evidence.contradicted(self._settings.doubt):
            status = Status.DETECTING if state.last is None else Status.STABILIZING
        elif evidence.settled == UNKNOWN:
            status = Status.UNKNOWN
        else:
            status, card = Status.CONFIRMED, _shown_card(state)
        visit_id = state.visit.visit_id if state.visit is not None else None
        return TrackReport(
            sighting.track_id, status, sighting.quad, sighting.seen, sighting.score, card, visit_id, state.last
        )


def _shown_card(state: _State) -> Card | None:
    if state.visit is not None and state.visit.key == state.evidence.settled:
        return state.visit.card
    return state.evidence.run.tally.best() if state.evidence.run is not None else None
