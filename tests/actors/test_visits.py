"""One physical visit of a card is one event, whatever detector and model do in between."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smoothing_film import EEVEE, ENERGY, FRAME_NS, WOOBAT, Film, Shown, ended, only

from actors.smoothing import Status
from actors.visits import Card, VisitConfirmed, VisitEnded


def test_one_visit_has_a_beginning_and_an_end() -> None:
    """Sinks count `visit_confirmed` and close with `visit_ended`: one of each, with the frames that are true."""
    film = Film()
    film.run(5)
    film.settled(1, EEVEE, frames=20)
    begun, over = film.end()
    assert begun == VisitConfirmed(1, EEVEE, 1, 6, 6 * FRAME_NS, 8, 8 * FRAME_NS)
    assert over == VisitEnded(1, EEVEE, 6, 6 * FRAME_NS, 25, 25 * FRAME_NS, 20)


def test_a_visit_ends_where_its_results_end() -> None:
    """The hand that deals the next card makes a few unknown results: they belong to neither card."""
    film = Film()
    film.run(10, Shown(1, EEVEE))
    film.run(2, Shown(1, None))
    film.run(10, Shown(1, WOOBAT))
    film.end()
    assert [(event.first_frame, event.last_frame) for event in ended(film.events)] == [(1, 10), (13, 22)]


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


def test_a_stall_that_ends_a_track_does_not_end_its_visit() -> None:
    """The tracker gives up in a long stall, but nobody has seen the card leave: all cards would be counted again."""
    film = Film()
    film.run(8, Shown(1, EEVEE), Shown(2, WOOBAT, x=500))
    film.number += 60
    film.run(5, Shown(3, WOOBAT, x=500), Shown(4, EEVEE))
    assert sorted(film.counted()) == ["Eevee", "Woobat"]


def test_another_card_after_a_stall_is_another_visit() -> None:
    """What lies there after the stall says itself what it is."""
    film = Film()
    film.settled(1, EEVEE)
    film.number += 60
    film.settled(2, WOOBAT)
    assert film.counted() == ["Eevee", "Woobat"]
    assert [event.last_frame for event in ended(film.events)] == [10, 80]


def test_a_stall_does_not_bring_back_who_had_left() -> None:
    """A card that was away before the stall, and is there after it, was shown twice."""
    film = Film()
    film.settled(1, EEVEE)
    film.run(1)
    film.number += 60
    film.settled(2, EEVEE)
    assert film.counted() == ["Eevee", "Eevee"]


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
