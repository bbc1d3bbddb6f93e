"""smoother: one result per frame, in order, with the answers that belong to it and no others."""

import pytest

from actors.config import Config, updated
from actors.smoother import SmootherActor
from bus.fake import FakeBus
from bus.messages import Candidate, Decision, Hop, Match, Matches, Results, TrackResult, Tracks, TrackState
from bus.topics import MATCHES, TRACKS

FRAME_MS = 33.0
QUAD = [(100.0, 100.0), (200.0, 100.0), (200.0, 240.0), (100.0, 240.0)]
UPSIDE_DOWN = [QUAD[2], QUAD[3], QUAD[0], QUAD[1]]


def match(track: int, frame: int, card: str = "base-1", decision: Decision = "confirmed", turn: int = 0) -> Match:
    best = [Candidate(card, f"Name of {card}", "Base", card.rpartition("-")[2], 0.08, 1.5)]
    return Match(track, frame, decision, turn, 0.08, 0.4, [card], best)


class Rig:
    """A smoother on a fake bus, between a selector and a matcher that say what the test wants."""

    def __init__(self, pace: str = "paced") -> None:
        self.bus = FakeBus()
        self.config = updated(Config(), "capture", pace=pace)
        self.smoother = SmootherActor(self.bus, self.config)
        self.frame = -1

    def tracks(self, *tracks: int, crops: int = 0, stream: str = "s1", selector: str = "a", score: float = 0.9) -> int:
        """The next frame with these tracks; its number."""
        self.bus.clock.advance(FRAME_MS)
        self.frame += 1
        states = [TrackState(track, QUAD, score, 9, 0) for track in tracks]
        message = Tracks(
            session=selector,
            stream=stream,
            frame=self.frame,
            t_ns=self.bus.clock.now_ns(),
            trace=[Hop("capture", 1, 2), Hop("select", 3, 4)],
            tracks=states,
            crops=crops,
        )
        self.bus.feed(self.smoother, TRACKS, message)
        return self.frame

    def answer(self, frame: int, *matches: Match, stream: str = "s1") -> None:
        """The matcher's answer to the crops of a frame."""
        trace = [Hop("capture", 1, 2), Hop("select", 3, 4), Hop("embed", 5, 6), Hop("match", 7, 8)]
        message = Matches(stream=stream, frame=frame, t_ns=0, trace=trace, catalog="c", matches=list(matches))
        self.bus.feed(self.smoother, MATCHES, message)

    def asked(self, track: int = 1, card: str = "base-1", **about: str) -> None:
        """A frame whose crop is answered at once."""
        frame = self.tracks(track, crops=1, **about)  # type: ignore[arg-type]
        self.answer(frame, match(track, frame, card), stream=about.get("stream", "s1"))

    def sent(self) -> list[Results]:
        return self.bus.take(Results)

    def last(self) -> TrackResult:
        return self.sent()[-1].tracks[0]


def frames(results: list[Results]) -> list[int]:
    return [one.frame for one in results]


def test_a_frame_waits_for_its_own_answers() -> None:
    """The frame of a new card would go out nameless, and its name with the wrong picture."""
    rig = Rig()
    frame = rig.tracks(1, crops=1)
    assert rig.sent() == []
    assert (rig.smoother.queue(), rig.smoother.settled()) == (1, False)
    rig.answer(frame, match(1, frame))
    assert frames(rig.sent()) == [0]
    assert rig.smoother.settled()


def test_a_frame_that_asked_nothing_does_not_wait() -> None:
    """A card from the cache is answered within the frame's own time."""
    rig = Rig()
    rig.tracks(1)
    assert frames(rig.sent()) == [0]


def test_results_leave_in_order() -> None:
    """A frame from the cache is not reported before the one that still waits: sinks would see time run backwards."""
    rig = Rig()
    first = rig.tracks(1, crops=1)
    rig.tracks(1)
    second = rig.tracks(1, crops=1)
    rig.answer(second, match(1, second))
    assert rig.sent() == []
    rig.answer(first, match(1, first))
    assert frames(rig.sent()) == [0, 1, 2]


def test_answers_may_come_before_their_frame() -> None:
    """They come by another socket: nothing says which of two messages is read first."""
    rig = Rig()
    rig.answer(0, match(1, 0))
    rig.tracks(1, crops=1)
    (result,) = rig.sent()
    assert [hop.stage for hop in result.trace] == ["capture", "select", "embed", "match", "smooth"]


def test_a_dead_embedder_delays_and_stops_nothing() -> None:
    """After `hold_ms` the frame goes out without its answers, and this is counted."""
    rig = Rig()
    rig.tracks(1, crops=1)
    assert rig.smoother.step() == pytest.approx(80)
    rig.bus.clock.advance(79)
    assert rig.smoother.step() == pytest.approx(1)
    rig.bus.clock.advance(1)
    rig.smoother.step()
    (result,) = rig.sent()
    assert [hop.stage for hop in result.trace] == ["capture", "select", "smooth"]
    assert rig.bus.drops == {"answer_late": 1}


def test_a_late_answer_counts_for_the_next_frame() -> None:
    """An embedder that is always a little slow must still lead to names."""
    rig = Rig()
    for _ in range(4):
        frame = rig.tracks(1, crops=1)
        rig.bus.clock.advance(81)
        rig.smoother.step()
        rig.answer(frame, match(1, frame))
    rig.tracks(1)
    assert [one.tracks[0].status for one in rig.sent() if one.tracks][-1] == "confirmed"
    assert rig.bus.drops == {"answer_late": 4}


def test_a_lossless_replay_waits_longer() -> None:
    """Its results must not depend on the machine's speed; five seconds without an answer mean a dead embedder."""
    rig = Rig("lockstep")
    rig.tracks(1, crops=1)
    rig.bus.clock.advance(4_999)
    rig.smoother.step()
    assert rig.sent() == []
    rig.bus.clock.advance(1)
    rig.smoother.step()
    assert frames(rig.sent()) == [0]


def test_three_equal_answers_confirm_a_card_once() -> None:
    """The visit is the event that everybody downstream counts; here with everything that is known of it."""
    rig = Rig()
    for _ in range(5):
        rig.asked()
    results = rig.sent()
    (visit,) = [visit for one in results for visit in one.visits]
    assert (visit.event, visit.card_id, visit.name, visit.set_name, visit.number) == (
        "confirmed", "base-1", "Name of base-1", "Base", "1",
    )  # fmt: skip
    assert (visit.track_id, visit.distance, visit.gap, visit.group) == (1, 0.08, 0.4, ["base-1"])
    assert visit.last_frame == results[2].frame
    track = results[-1].tracks[0]
    assert (track.status, track.card_id, track.set_name, track.visit) == ("confirmed", "base-1", "Base", visit.visit)
    assert rig.bus.counts == {"frames": 5, "confirmed": 1}


def test_the_quad_begins_at_the_cards_own_corner() -> None:
    """An overlay would write the name of an upside-down card at its foot."""
    rig = Rig()
    for _ in range(3):
        frame = rig.tracks(1, crops=1)
        rig.answer(frame, match(1, frame, turn=2))
    assert rig.last().quad == UPSIDE_DOWN


def test_failures_are_counted_and_no_answer() -> None:
    """A timed-out embedding is neither a card nor the absence of one."""
    rig = Rig()
    for _ in range(4):
        frame = rig.tracks(1, crops=1)
        rig.answer(frame, Match(1, frame, error="timed out"))
    assert rig.bus.drops == {"embed_failed": 4}
    assert rig.last().status == "detecting"


def test_an_unknown_card_has_no_name() -> None:
    """The nearest card of the catalogue may be told as a candidate, never as the answer."""
    rig = Rig()
    for _ in range(4):
        frame = rig.tracks(1, crops=1)
        rig.answer(frame, match(1, frame, decision="unknown"))
    track = rig.last()
    assert (track.status, track.card_id, track.name) == ("unknown", None, None)
    assert track.candidates[0].card_id == "base-1"


def test_a_new_stream_begins_with_nothing() -> None:
    """capture was restarted: its frame and track numbers begin again and mean other things."""
    rig = Rig()
    for _ in range(3):
        rig.asked()
    rig.frame = -1
    rig.tracks(1, stream="s2")
    rig.tracks(1, stream="s2")
    track = rig.last()
    assert (track.status, track.visit, track.distance) == ("detecting", None, None)


def test_answers_of_the_stream_before_are_never_taken() -> None:
    """Frame 5 of the old stream and frame 5 of the new one are two different pictures."""
    rig = Rig()
    rig.tracks(1, crops=1)
    rig.frame = -1
    frame = rig.tracks(1, crops=1, stream="s2")
    rig.bus.clock.advance(81)
    rig.smoother.step()
    rig.sent()
    frame = rig.tracks(1, crops=1, stream="s2")
    rig.answer(frame, match(1, frame, "old-1"), stream="s1")
    assert rig.sent() == [], "the answer to the old stream's frame was taken for this one's"
    rig.answer(frame, match(1, frame, "new-1"), stream="s2")
    assert rig.last().candidates[0].card_id == "new-1"


def test_an_old_answer_does_not_push_a_new_one_out() -> None:
    """Both wait for frame 3, of two streams: the one that counts must still be there when its frame comes."""
    rig = Rig()
    rig.tracks(1)
    rig.tracks(1, stream="s2")
    rig.answer(2, match(1, 2, "new-1"), stream="s2")
    rig.answer(2, match(1, 2, "old-1"))
    rig.tracks(1, crops=1, stream="s2")
    assert rig.last().candidates[0].card_id == "new-1"
    assert rig.bus.drops == {"other_stream": 1}


def test_a_restarted_selector_counts_its_tracks_anew() -> None:
    """Its track 1 is not the card that was track 1: taken for it, a name would jump to another card."""
    rig = Rig()
    for _ in range(3):
        rig.asked(track=1)
    rig.tracks(1, selector="b")
    rig.tracks(1, selector="b")
    results = rig.sent()
    assert results[-1].tracks[0].track_id != results[0].tracks[0].track_id if results[0].tracks else True
    assert results[-1].tracks[0].card_id is None
    assert results[-1].tracks[0].distance is None


def test_answers_from_before_the_restart_are_not_taken() -> None:
    """A crop of the old track 1 that is answered after the restart says nothing of the new track 1."""
    rig = Rig()
    old = rig.tracks(1, crops=1)
    rig.bus.clock.advance(81)
    rig.smoother.step()
    for _ in range(3):
        rig.tracks(1, selector="b")
        rig.answer(old, match(1, old, "old-1"))
    assert all(track.candidates == [] for one in rig.sent() for track in one.tracks)
    assert rig.bus.drops["other_session"] > 0


def test_new_tracks_are_confirmed_after_the_restart() -> None:
    """The same card at the same place goes on as the same visit: it has not left."""
    rig = Rig()
    for _ in range(4):
        rig.asked()
    for _ in range(4):
        rig.asked(selector="b")
    visits = [visit for one in rig.sent() for visit in one.visits]
    assert [(visit.event, visit.card_id) for visit in visits] == [("confirmed", "base-1")]


def test_frames_lost_while_the_selector_was_away_are_counted() -> None:
    """The summary has to account for every frame."""
    rig = Rig()
    rig.tracks(1)
    rig.frame += 7
    rig.tracks(1, selector="b")
    assert rig.bus.drops == {"selector_restart": 7}


def test_a_restarted_smoother_joins_in_the_middle() -> None:
    """It has seen neither the beginning of the stream nor of the selector: that is no gap and no other stream."""
    rig = Rig()
    rig.frame = 500
    rig.asked()
    assert frames(rig.sent()) == [501]
    assert not rig.bus.drops


def test_the_end_reports_what_waits() -> None:
    """The last frame of a stream is answered, too, even if its crop is not."""
    rig = Rig()
    rig.tracks(1, crops=1)
    rig.smoother.finish()
    assert frames(rig.sent()) == [0]


def test_answers_that_nobody_asked_for_are_counted_when_the_stream_is_over() -> None:
    """Answers to frames that were lost with the old stream would lie around for ever."""
    rig = Rig()
    rig.tracks(1)
    rig.answer(5, match(1, 5))
    rig.tracks(1, stream="s2")
    assert rig.bus.drops == {"other_stream": 1}
    assert not rig.smoother._answers


def test_the_end_closes_open_visits() -> None:
    """A card that lies there when the stream ends has left with it: who counts beginnings must find as many ends."""
    rig = Rig()
    for _ in range(4):
        rig.asked()
    rig.sent()
    rig.smoother.finish()
    (closing,) = rig.sent()
    assert (closing.closing, closing.stream, closing.frame, closing.tracks) == (True, "s1", 3, [])
    assert [(visit.event, visit.card_id, visit.name) for visit in closing.visits] == [
        ("ended", "base-1", "Name of base-1")
    ]
    rig.smoother.finish()
    assert rig.sent() == []


def test_a_new_stream_closes_the_visits_of_the_old_one() -> None:
    """Under the old stream's name and before the new one's first frame."""
    rig = Rig()
    for _ in range(4):
        rig.asked()
    rig.sent()
    rig.frame = -1
    rig.tracks(1, stream="s2")
    closing, first = rig.sent()
    assert (closing.closing, closing.stream, [visit.event for visit in closing.visits]) == (True, "s1", ["ended"])
    assert (first.closing, first.stream, first.visits) == (False, "s2", [])


def test_memory_of_dead_tracks_and_answers_does_not_grow() -> None:
    """Days of cards come and go."""
    rig = Rig()
    for number in range(200):
        rig.asked(track=number + 1)
        rig.answer(rig.frame - 1, match(number, rig.frame - 1))
    assert len(rig.smoother._matches) <= 1
    assert len(rig.smoother._answers) <= 1
