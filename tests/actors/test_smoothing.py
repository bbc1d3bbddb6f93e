"""One physical visit of a card is one event, whatever detector and model do in between."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.smoothing import Answer, FrameReport, Sighting, Smoother, Status, TrackReport
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


def test_the_states_in_order() -> None:
    """The overlay shows what is known: nothing, a card, results that gather, the card, nothing again."""
    film = Film()
    assert film.frame().status == "no_card"
    film.frame(Shown(1))
    assert only(film.frame(Shown(1, EEVEE))).status == Status.DETECTING
    assert only(film.frame(Shown(1, EEVEE))).status == Status.STABILIZING
    film.frame(Shown(1, EEVEE))
    report = film.frame(Shown(1))
    assert (report.status, only(report).status, only(report).card) == ("cards", Status.CONFIRMED, EEVEE)
    film.end()
    assert film.frame().status == "no_card"


def test_one_visit_has_a_beginning_and_an_end() -> None:
    """Sinks count `visit_confirmed` and close with `visit_ended`: one of each, with the frames that are true."""
    film = Film()
    film.run(5)
    film.settled(1, EEVEE, frames=20)
    begun, over = film.end()
    assert begun == VisitConfirmed(1, EEVEE, 1, 6, 6 * FRAME_NS, 8, 8 * FRAME_NS)
    assert over == VisitEnded(1, EEVEE, 6, 6 * FRAME_NS, 25, 25 * FRAME_NS, 20)


def test_two_results_do_not_confirm() -> None:
    """Two lucky results in a row happen on a card that is not in the catalogue."""
    film = Film()
    film.run(2, Shown(1, EEVEE))
    film.run(20, Shown(1))
    assert film.counted() == []


def test_results_must_agree_in_a_row() -> None:
    """A model that cannot decide between two cards must not confirm either."""
    film = Film()
    for _ in range(10):
        film.frame(Shown(1, EEVEE))
        film.frame(Shown(1, EEVEE))
        film.frame(Shown(1, WOOBAT))
    assert film.counted() == []


def test_uncertain_results_neither_confirm_nor_interrupt() -> None:
    """A glint on the sleeve for a frame must not start the count anew, nor count itself."""
    film = Film()
    for _ in range(6):
        report = film.frame(Shown(1, EEVEE, sure=False))
    assert only(report).status == Status.STABILIZING
    film.frame(Shown(1, EEVEE))
    film.frame(Shown(1, WOOBAT, sure=False))
    film.frame(Shown(1, EEVEE))
    film.frame(Shown(1, WOOBAT, sure=False))
    film.frame(Shown(1, EEVEE))
    assert film.counted() == ["Eevee"]


def test_a_single_wrong_result_changes_nothing() -> None:
    """One misread of a confirmed card must not reach a sink."""
    film = Film()
    film.settled(1, EEVEE)
    for wrong in (WOOBAT, None, WOOBAT):
        film.frame(Shown(1, wrong))
        assert only(film.run(3, Shown(1, EEVEE))).card == EEVEE
    assert film.counted() == ["Eevee"]


def test_two_results_for_another_card_take_the_old_name_down() -> None:
    """On a pile the name of the card before would stand on the next one until that is confirmed."""
    film = Film()
    film.settled(1, EEVEE)
    film.frame(Shown(1, WOOBAT))
    assert only(film.frame(Shown(1, WOOBAT))).card == EEVEE
    report = only(film.frame(Shown(1)))
    assert (report.status, report.card, report.visit_id) == (Status.STABILIZING, None, 1)
    film.frame(Shown(1, EEVEE))
    assert only(film.frame(Shown(1))).card == EEVEE
    assert film.counted() == ["Eevee"]


def test_a_visit_ends_where_its_results_end() -> None:
    """The hand that deals the next card makes a few unknown results: they belong to neither card."""
    film = Film()
    film.run(10, Shown(1, EEVEE))
    film.run(2, Shown(1, None))
    film.run(10, Shown(1, WOOBAT))
    film.end()
    assert [(event.first_frame, event.last_frame) for event in ended(film.events)] == [(1, 10), (13, 22)]


def test_printings_of_one_group_are_one_card() -> None:
    """Reprints that no picture can tell apart alternate from frame to frame; the most frequent one is reported."""
    film = Film()
    for card in (ENERGY, ENERGY_AGAIN, ENERGY_AGAIN, ENERGY, ENERGY_AGAIN, ENERGY_AGAIN):
        film.frame(Shown(1, card))
    assert film.counted() == ["Fire Energy"]
    assert ended(film.events)[0].card == ENERGY_AGAIN


def test_a_tie_between_printings_does_not_flip_the_label() -> None:
    """The label of an energy card would change with every result."""
    film, labels = Film(), set()
    for card in [ENERGY, ENERGY, ENERGY_AGAIN, ENERGY_AGAIN] * 6:
        report = film.frame(Shown(1, card))
        labels |= {track.card for track in report.tracks if track.card}
    assert labels == {ENERGY}


def test_a_held_card_is_one_visit() -> None:
    """A card that is held for a minute, confirmed again every second, counts once."""
    film = Film()
    for _ in range(60):
        film.run(29, Shown(1))
        film.frame(Shown(1, EEVEE))
    film.run(3, Shown(1, EEVEE))
    assert film.counted() == ["Eevee"]
    assert ended(film.events)[0].frames == film.number - 60


def test_shown_twice_is_two_visits() -> None:
    """Taken away and shown again: users count copies that way."""
    film = Film()
    film.settled(1, EEVEE)
    film.run(25)
    film.settled(2, EEVEE)
    assert film.counted() == ["Eevee", "Eevee"]
    assert [event.first_frame for event in film.events if isinstance(event, VisitConfirmed)] == [1, 36]


def test_two_copies_side_by_side_are_two_visits() -> None:
    """Two of the same card on the table are two cards."""
    film = Film()
    film.run(6, Shown(1, EEVEE, x=200), Shown(2, EEVEE, x=305))
    assert film.counted() == ["Eevee", "Eevee"]


def test_a_second_copy_that_comes_later_is_a_second_visit() -> None:
    """A copy put beside one that lies there already is not its continuation."""
    film = Film()
    film.settled(1, EEVEE)
    film.run(6, Shown(1), Shown(2, EEVEE, x=310))
    assert film.counted() == ["Eevee", "Eevee"]


def test_a_drop_out_with_a_new_track_continues_the_visit() -> None:
    """The detector loses a held card for longer than a track lives; that is no second card."""
    film = Film()
    film.settled(1, EEVEE)
    film.run(13)
    film.run(3, Shown(2, EEVEE, x=230))
    assert film.frame(Shown(2)).tracks[0].visit_id == 1
    assert film.counted() == ["Eevee"]


def test_after_a_drop_out_one_result_is_enough() -> None:
    """The label would stay away for three more results although nobody can have swapped the card so fast."""
    film = Film()
    film.settled(1, EEVEE)
    film.run(8)
    film.frame(Shown(2, EEVEE))
    film.frame(Shown(2))
    assert only(film.frame(Shown(2))).status == Status.CONFIRMED


def test_the_frame_stays_with_cards_during_a_drop_out() -> None:
    """The overlay and the sinks would flicker between no_card and cards."""
    film = Film()
    film.settled(1, EEVEE)
    assert {film.frame().status for _ in range(14)} == {"cards"}


def test_another_card_at_the_same_place_is_another_visit() -> None:
    """Continuing by place alone would count two cards dealt one after the other as one."""
    film = Film()
    film.settled(1, EEVEE)
    film.run(8)
    film.settled(2, WOOBAT)
    assert film.counted() == ["Eevee", "Woobat"]


def test_the_same_card_elsewhere_is_another_visit() -> None:
    """A copy that appears at the other end of the table while the first goes is a second card."""
    film = Film()
    film.settled(1, EEVEE)
    film.run(8)
    film.settled(2, EEVEE, x=900)
    assert film.counted() == ["Eevee", "Eevee"]


def test_a_card_that_jumps_out_of_its_track_continues_its_visit() -> None:
    """A fast hand: the tracker starts a new track while the old one still waits, unseen, at the old place."""
    film = Film()
    film.settled(1, EEVEE)
    film.run(8, Shown(1, seen=False), Shown(2, EEVEE, x=330))
    film.run(5, Shown(2, x=330))
    assert film.counted() == ["Eevee"]


def test_a_pile_on_one_track_gives_a_visit_per_card() -> None:
    """Dealing onto one pile, the quad never moves and the track never ends, but the cards change."""
    film = Film()
    film.run(18, Shown(1, EEVEE))
    film.run(3, Shown(1, EEVEE, sure=False))
    film.run(17, Shown(1, WOOBAT))
    film.end()
    assert [(e.card, e.first_frame, e.last_frame) for e in ended(film.events) if e.card] == [
        (EEVEE, 1, 21),
        (WOOBAT, 22, 38),
    ]
    assert sum(event.frames for event in ended(film.events)) == 38


def test_a_pile_that_returns_to_a_card_counts_it_again() -> None:
    """Copy, other card, copy on one pile: three cards, however fast they are dealt."""
    film = Film()
    for card in (EEVEE, WOOBAT, EEVEE):
        film.run(6, Shown(1, card))
    assert film.counted() == ["Eevee", "Woobat", "Eevee"]


def test_unknown_is_no_card() -> None:
    """A card of another game is said to be unknown, counted apart, and never confirmed as its nearest neighbour."""
    film = Film()
    assert only(film.run(6, Shown(1, None))).status == Status.UNKNOWN
    (over,) = film.end()
    assert isinstance(over, VisitEnded)
    assert (over.card, over.first_frame, over.last_frame, over.frames) == (None, 1, 6, 6)


def test_a_card_that_was_unknown_at_first_counts_once() -> None:
    """Back shown before front, or glare before a clear view: one physical card, one event."""
    film = Film()
    film.run(6, Shown(1, None))
    film.run(6, Shown(1, EEVEE))
    begun, over = film.end()
    assert isinstance(begun, VisitConfirmed)
    assert isinstance(over, VisitEnded)
    assert (begun.first_frame, over.card, over.frames) == (1, EEVEE, 12)


def test_a_card_that_is_covered_and_uncovered_counts_once() -> None:
    """A hand over the card makes it unknown for a while; it has not been away."""
    film = Film()
    film.settled(1, EEVEE)
    assert only(film.run(8, Shown(1, None))).status == Status.UNKNOWN
    assert only(film.run(6, Shown(1, EEVEE))).status == Status.CONFIRMED
    assert film.counted() == ["Eevee"]


def test_a_card_that_is_lost_under_a_hand_counts_once() -> None:
    """The hand makes it unknown first, then the detector loses it too: it has been there all the time."""
    film = Film()
    film.settled(1, EEVEE)
    film.run(40, Shown(1, None))
    film.run(12)
    film.run(5, Shown(2, EEVEE))
    assert film.counted() == ["Eevee"]


def test_many_results_without_support_unsettle() -> None:
    """A confirmed label must not stay for ever on something that the model is no longer sure of."""
    film = Film()
    film.settled(1, EEVEE)
    assert only(film.run(6, Shown(1, WOOBAT, sure=False))).status == Status.CONFIRMED
    assert only(film.run(2, Shown(1, WOOBAT, sure=False))).status == Status.STABILIZING


def test_uncertain_results_for_the_same_card_hold_it() -> None:
    """A confirmed card that turns away from the lamp stays confirmed while it is still the best guess."""
    film = Film()
    film.settled(1, EEVEE)
    assert only(film.run(30, Shown(1, EEVEE, sure=False))).status == Status.CONFIRMED


def test_tracks_that_swap_their_cards_swap_their_visits() -> None:
    """The tracker confuses two crossing cards: nothing has come or gone."""
    film = Film()
    film.run(8, Shown(1, EEVEE, x=200), Shown(2, WOOBAT, x=300))
    film.run(8, Shown(1, WOOBAT, x=200), Shown(2, EEVEE, x=300))
    assert sorted(film.counted()) == ["Eevee", "Woobat"]


def test_a_second_outline_of_a_card_is_not_counted() -> None:
    """Two tracks on one card (its frame and its sleeve) are one card."""
    film = Film()
    film.settled(1, EEVEE)
    film.run(10, Shown(1), Shown(2, EEVEE, x=215, y=310))
    assert film.counted() == ["Eevee"]


def test_a_detection_of_one_frame_is_not_shown() -> None:
    """A reflection that the detector takes for a card once."""
    film = Film()
    assert film.frame(Shown(1)).tracks == []
    assert film.run(10, Shown(1, seen=False)).tracks == []


def test_weak_detections_are_not_shown_unless_recognised() -> None:
    """Scores below 0.7 are as often a book as a card; a result in the catalogue settles it."""
    film = Film()
    assert film.run(10, Shown(1, score=0.6)).tracks == []
    assert film.run(5, Shown(1, EEVEE, score=0.6)).tracks[0].card == EEVEE


def test_a_shown_track_stays_shown_when_its_score_drops() -> None:
    """A score around the limit would blink."""
    film = Film()
    film.run(3, Shown(1, score=0.8))
    assert len(film.run(3, Shown(1, score=0.55)).tracks) == 1


def test_results_of_dead_tracks_and_old_frames_are_ignored() -> None:
    """A late answer must not confirm what lies there now with what lay there before."""
    film = Film()
    film.run(2, Shown(1, EEVEE))
    late = Answer(1, 1, FRAME_NS, "confirmed", EEVEE, 0.1, 0.5)
    film.run(2, Shown(1))
    for _ in range(5):
        film.smoother.answer(late)
    film.smoother.answer(Answer(99, 4, 4 * FRAME_NS, "confirmed", EEVEE, 0.1, 0.5))
    assert film.counted() == []


def test_a_restarted_tracker_continues_the_visits() -> None:
    """A selector that was restarted gives all cards new tracks at once: on the table lie the same cards."""
    film = Film()
    film.run(6, Shown(1, EEVEE), Shown(2, WOOBAT, x=500))
    film.run(5, Shown(3, WOOBAT, x=500), Shown(4, EEVEE))
    assert sorted(film.counted()) == ["Eevee", "Woobat"]


def test_the_end_of_a_film_ends_its_visits() -> None:
    """A video file that ends with a card in view would leave its visit open for ever."""
    film = Film()
    film.settled(1, EEVEE)
    (over,) = film.smoother.close()
    assert isinstance(over, VisitEnded)
    assert film.smoother.close() == []


def test_a_slow_source_does_not_split_a_visit() -> None:
    """Frames that stop for two seconds are no removal: the track is still the same."""
    film = Film()
    film.settled(1, EEVEE)
    film.number += 60
    film.run(5, Shown(1))
    assert film.counted() == ["Eevee"]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(1, 12), st.integers(1, 14)), min_size=1, max_size=8),
    st.integers(0, 3),
    st.floats(-40, 40),
)
def test_flicker_of_any_pattern_is_one_visit(pattern: list[tuple[int, int]], delay: int, drift: float) -> None:
    """However often the detector drops a held card for up to half a second, it is one card."""
    film = Film(delay=delay)
    film.settled(1, EEVEE)
    track, x = 1, 200.0
    for present, absent in pattern:
        if absent <= 10:
            film.run(absent, Shown(track, x=x, seen=False))
        else:
            film.run(10, Shown(track, x=x, seen=False))
            film.run(absent - 10)
            track += 1
        x += drift
        film.run(present, Shown(track, EEVEE, x=x))
    film.run(6, Shown(track, EEVEE, x=x))
    assert film.counted() == ["Eevee"]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from([EEVEE, WOOBAT, ENERGY]), st.integers(5, 20)), min_size=1, max_size=6))
def test_every_card_that_is_shown_long_enough_is_counted(cards: list[tuple[Card, int]]) -> None:
    """Cards shown one after the other with a second between: the counts are right, whatever the order."""
    film = Film()
    for number, (card, frames) in enumerate(cards):
        film.run(frames, Shown(number, card))
        film.run(30)
    assert film.counted() == [card.name for card, _ in cards]
    assert [event.card for event in ended(film.events)] == [card for card, _ in cards]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_nothing_is_confirmed_without_three_equal_results(data: st.DataObject) -> None:
    """Whatever the model answers: every visit has its three results in a row, and begins and ends once."""
    film, answers = Film(), []
    for _ in range(data.draw(st.integers(1, 60))):
        card = data.draw(st.sampled_from([EEVEE, WOOBAT, None]))
        film.frame(Shown(1, card))
        answers.append(card)
    counted = film.counted()
    for name in ("Eevee", "Woobat"):
        row = "".join("x" if card and card.name == name else "." for card in answers)
        assert counted.count(name) <= len([run for run in row.split(".") if len(run) >= 3])
        assert (name in counted) == ("xxx" in row)
    ids = [event.visit_id for event in film.events if isinstance(event, VisitConfirmed)]
    assert len(set(ids)) == len(ids)
    assert set(ids) <= {event.visit_id for event in ended(film.events)}
    assert all(event.first_frame <= event.last_frame and event.frames >= 1 for event in ended(film.events))


def test_tracks_without_results_bridge_a_visit() -> None:
    """A flickering card whose short tracks never get a result is still there: each gap counts by itself."""
    film = Film()
    film.settled(1, EEVEE)
    for track in (2, 3, 4):
        film.run(13)
        film.run(3, Shown(track))
    film.run(13)
    film.run(4, Shown(5, EEVEE))
    assert film.counted() == ["Eevee"]


def test_an_undecided_neighbour_does_not_keep_a_visit_open_for_ever() -> None:
    """Something beside the card that never gets a result must not delay the event that the card has left."""
    film = Film()
    film.settled(1, EEVEE)
    film.run(14)
    film.run(80, Shown(2, x=300))
    assert [event.last_frame for event in ended(film.events)] == [10]


@pytest.mark.parametrize("absent", [1, 5, 11, 14])
def test_ids_of_two_copies_are_not_mixed_after_a_common_drop_out(absent: int) -> None:
    """An arm over both copies: each visit goes on where it was, and none is counted again."""
    film = Film()
    film.run(8, Shown(1, EEVEE, x=200), Shown(2, EEVEE, x=310))
    before = {track.track_id: track.visit_id for track in film.frame(Shown(1, x=200), Shown(2, x=310)).tracks}
    film.run(absent)
    film.run(3, Shown(3, EEVEE, x=205), Shown(4, EEVEE, x=315))
    after = {track.track_id: track.visit_id for track in film.frame(Shown(3, x=205), Shown(4, x=315)).tracks}
    assert (after[3], after[4]) == (before[1], before[2])
    assert film.counted() == ["Eevee", "Eevee"]
