"""smoother: joins tracks and matches frame by frame, and says what is there and what came and went."""

from __future__ import annotations

from collections import deque

from actors.config import Config
from actors.estate import Estate, Will
from actors.smoothing import Answer, FrameReport, Sighting, Smoother, SmootherSettings, TrackReport
from actors.visits import Card, Moment, VisitConfirmed, VisitEvent
from bus import messages as m
from bus.actor import Actor, Bus
from bus.topics import MATCHES, RESULTS, TRACKS
from vision.quad import as_quad, corners, turn

_LOSSLESS_HOLD_MS = 5000.0


class SmootherActor(Actor):
    """One result for every frame, in order.

    A frame that sent crops waits for the answers to them, because they say what it shows; but only for a while, so
    that a slow or dead embedder delays nothing else. A late answer counts from the next frame on.
    """

    name = "smoother"
    inputs = (TRACKS, MATCHES)
    ends_with = (TRACKS, MATCHES)

    def __init__(self, bus: Bus, config: Config) -> None:
        super().__init__(bus)
        self._settings = SmootherSettings(confirm=config.smoother.confirm, grace_ms=round(config.smoother.grace_ms))
        self._hold_ns = round((_LOSSLESS_HOLD_MS if config.lossless else config.smoother.hold_ms) * 1e6)
        self._frames: deque[tuple[int, m.Tracks]] = deque()
        self._answers: dict[tuple[str, int], tuple[int, m.Matches]] = {}
        """By stream and frame: two streams number their frames alike."""
        self._matches: dict[int, m.Match] = {}
        self._cards: dict[str, m.Candidate] = {}
        self._groups: dict[str, list[str]] = {}
        self._smoother = Smoother(self._settings)
        self._stream = self._session = self._past_stream = ""
        self._last_frame = -1
        self._last_t_ns = 0
        self._highest = self._offset = self._since = 0
        self._life = bus.session
        self._will = Will(bus.address.run_dir)
        self._willed: object = None

    def on_tracks(self, message: m.Tracks, _blobs: object) -> None:
        """Queue the frame."""
        self._frames.append((self.bus.clock.now_ns(), message))

    def on_matches(self, message: m.Matches, _blobs: object) -> None:
        """Keep the answers for their frame."""
        if message.stream == self._past_stream:
            self.bus.drops["other_stream"] += 1
        else:
            self._answers[message.stream, message.frame] = (self.bus.clock.now_ns(), message)

    def step(self) -> float | None:
        """Report every frame that has what it waits for."""
        while self._frames:
            received, head = self._frames[0]
            left_ns = received + self._hold_ns - self.bus.clock.now_ns()
            if head.crops and (head.stream, head.frame) not in self._answers and left_ns > 0:
                return left_ns / 1e6
            self._frames.popleft()
            self._report(received, head)
        return None

    def settled(self) -> bool:
        """Whether no frame waits."""
        return not self._frames

    def finish(self) -> None:
        """Report what still waits, answered or not."""
        while self._frames:
            self._report(*self._frames.popleft())
        self._close()

    def close(self) -> None:
        """What ends in order has told the end of every visit."""
        self._will.burn()

    def queue(self) -> int:
        """Frames that wait."""
        return len(self._frames)

    def _report(self, received: int, message: m.Tracks) -> None:
        self._account(message)
        sightings = [
            Sighting(state.track + self._offset, as_quad(state.quad), state.score, state.seen)
            for state in message.tracks
        ]
        self._highest = max([self._highest, *(sighting.track_id for sighting in sightings)])
        self._take_answers(message, late=True)
        first = self._smoother.frame(message.frame, message.t_ns, sightings)
        own = self._take_answers(message, late=False)
        report = self._smoother.report() if own else first
        events = [*first.events, *report.events] if own else first.events
        if message.crops and own is None:
            self.bus.drops["answer_late"] += 1
        living = {sighting.track_id for sighting in sightings}
        self._matches = {track: match for track, match in self._matches.items() if track in living}
        self._publish(received, message, report, events, own)
        self._leave()

    def _account(self, message: m.Tracks) -> None:
        """A new stream begins with nothing; frames lost while the selector was away are counted."""
        if not self._stream:
            self._inherit(message)
        if message.stream != self._stream:
            self._close()
            self._past_stream, self._stream = self._stream, message.stream
            self._smoother = Smoother(self._settings)
            self._offset = self._highest = self._since = 0
            self._matches.clear()
            for key in [key for key in self._answers if key[0] != message.stream]:
                del self._answers[key]
                self.bus.drops["other_stream"] += 1
        elif message.session != self._session:
            self.bus.drops["selector_restart"] += max(0, message.frame - self._last_frame - 1)
            # The new selector counts its tracks from 1 again: none of them is one from before.
            self._offset, self._since = self._highest, message.frame
            self._matches.clear()
        self._session, self._last_frame, self._last_t_ns = message.session, message.frame, message.t_ns

    def _inherit(self, message: m.Tracks) -> None:
        """Go on with the visits of a predecessor that was killed in this stream."""
        estate = self._will.read()
        if estate is None or estate.stream != message.stream:
            return
        self._stream, self._session, self._life = estate.stream, estate.selector, estate.life
        self._offset, self._highest, self._since = estate.offset, estate.highest, estate.since
        self._last_frame = message.frame - 1
        self._cards, self._groups = dict(estate.cards), dict(estate.groups)
        self._smoother.resume(Moment(estate.frame, estate.t_ns), estate.next_id, estate.visits)

    def _leave(self) -> None:
        """Write down what a successor has to know, when it has changed: after it was told, so that nothing is lost."""
        held = (self._stream, self._session, self._smoother.held())
        if held == self._willed:
            return
        self._willed = held
        next_id, visits = self._smoother.left()
        cards = {visit.card.card_id for visit in visits if visit.card}
        estate = Estate(
            stream=self._stream,
            life=self._life,
            selector=self._session,
            offset=self._offset,
            highest=self._highest,
            since=self._since,
            frame=self._last_frame,
            t_ns=self._last_t_ns,
            next_id=next_id,
            visits=visits,
            cards={card: self._cards[card] for card in cards if card in self._cards},
            groups={visit.key: self._groups[visit.key] for visit in visits if visit.key in self._groups},
        )
        self._will.write(estate)

    def _close(self) -> None:
        """The stream is over, and with it every visit that is still open."""
        visits = [self._visit(event) for event in self._smoother.close()]
        if visits:
            self.bus.publish(
                RESULTS,
                m.Results(
                    stream=self._stream,
                    frame=self._last_frame,
                    t_ns=self._last_t_ns,
                    life=self._life,
                    status="no_card",
                    tracks=[],
                    visits=visits,
                    closing=True,
                ),
            )

    def _take_answers(self, message: m.Tracks, late: bool) -> list[m.Hop] | None:
        """Apply the answers to earlier frames (`late`) or to this one; returns the trace that led to this one's."""
        frames = [frame for stream, frame in self._answers if stream == message.stream]
        trace = None
        for frame in sorted(frame for frame in frames if (frame < message.frame if late else frame == message.frame)):
            received, answer = self._answers.pop((message.stream, frame))
            for match in answer.matches:
                self._answer(match, answer.t_ns)
            trace = [*answer.trace, m.Hop("answer", received, received)] if not late else None
        return trace

    def _answer(self, match: m.Match, t_ns: int) -> None:
        if match.frame < self._since:
            self.bus.drops["other_session"] += 1
            return
        if match.error is not None:
            self.bus.drops["embed_failed"] += 1
            return
        card = None
        if match.candidates and match.decision != "unknown":
            best = match.candidates[0]
            group = match.group[0] if match.group else best.card_id
            card = Card(best.card_id, group, best.name)
            self._cards[best.card_id] = best
            self._groups[group] = match.group
        track = match.track + self._offset
        self._matches[track] = match
        self._smoother.answer(
            Answer(track, match.frame, t_ns, match.decision, card, match.distance, match.gap, match.turn)
        )

    def _publish(
        self,
        received: int,
        message: m.Tracks,
        report: FrameReport,
        events: list[VisitEvent],
        answered: list[m.Hop] | None,
    ) -> None:
        self.bus.counts["frames"] += 1
        visits = [self._visit(event) for event in events]
        self.bus.counts["confirmed"] += sum(visit.event == "confirmed" for visit in visits)
        begun = received if answered is None else max(received, answered[-1].received_ns)
        before = message.trace if answered is None else answered[:-1]
        self.bus.publish(
            RESULTS,
            m.Results(
                stream=message.stream,
                frame=message.frame,
                t_ns=message.t_ns,
                trace=[*before, m.Hop("smooth", begun, self.bus.clock.now_ns())],
                life=self._life,
                status=report.status,
                tracks=[self._track(track) for track in report.tracks],
                visits=visits,
            ),
        )

    def _track(self, track: TrackReport) -> m.TrackResult:
        match = self._matches.get(track.track_id)
        known = match is not None and match.decision != "unknown"
        quad = turn(track.quad, match.turn) if match is not None and known else track.quad
        card = self._cards.get(track.card.card_id) if track.card else None
        return m.TrackResult(
            track_id=track.track_id,
            status=track.status.value,
            quad=corners(quad),
            card_id=track.card.card_id if track.card else None,
            name=track.card.name if track.card else None,
            set_name=card.set_name if card else None,
            number=card.number if card else None,
            distance=match.distance if match else None,
            gap=match.gap if match else None,
            visit=track.visit_id,
            group=self._groups.get(track.card.group, []) if track.card else [],
            candidates=match.candidates if match else [],
        )

    def _visit(self, event: VisitEvent) -> m.Visit:
        confirmed = isinstance(event, VisitConfirmed)
        card = event.card
        known = self._cards.get(card.card_id) if card else None
        match = self._matches.get(event.track_id) if isinstance(event, VisitConfirmed) else None
        return m.Visit(
            visit=event.visit_id,
            event="confirmed" if confirmed else "ended",
            track_id=event.track_id if isinstance(event, VisitConfirmed) else 0,
            first_frame=event.first_frame,
            last_frame=event.frame if isinstance(event, VisitConfirmed) else event.last_frame,
            t_ns=event.t_ns if isinstance(event, VisitConfirmed) else event.last_t_ns,
            card_id=card.card_id if card else None,
            name=card.name if card else None,
            set_name=known.set_name if known else None,
            number=known.number if known else None,
            distance=match.distance if match else None,
            gap=match.gap if match else None,
            group=self._groups.get(card.group, []) if card else [],
        )
