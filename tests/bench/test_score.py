"""Scoring against the truth, on streams written by hand: each number counts what its name says, and nothing else."""

from collections.abc import Sequence

import numpy as np

from bench.score import Score, Truth, score
from bus.messages import Corners, Results, TrackResult, Visit
from synth.cards import deck, draw
from synth.scene import scenario
from synth.truth import TruthCard

FRAMES = 20


def square(x: float) -> Corners:
    return [(x, 0.0), (x + 60.0, 0.0), (x + 60.0, 84.0), (x, 84.0)]


def lying(number: int, card_id: str, x: float, visible: float = 1.0) -> tuple[int, TruthCard]:
    return number, TruthCard(card_id, np.array(square(x), np.float32), visible, "none")


def one_card(card_id: str = "a-1", visible: Sequence[float] = (1.0,) * FRAMES) -> Truth:
    """A card that lies still, with the share of it that is seen in each frame."""
    return [[lying(0, card_id, 0.0, share)] for share in visible]


def track(number: int, x: float, card_id: str | None = None) -> TrackResult:
    return TrackResult(number, "confirmed" if card_id else "detecting", square(x), card_id, card_id)


def confirmed(frame: int, number: int, card_id: str, first: int = 0, group: Sequence[str] = ()) -> Visit:
    return Visit(number, "confirmed", number, first, frame, 0, card_id, card_id, group=[*group])


def result(frame: int, *tracks: TrackResult, visits: Sequence[Visit] = ()) -> Results:
    return Results(stream="s", frame=frame, t_ns=frame, status="cards", tracks=[*tracks], visits=[*visits])


def named(card_id: str, at: int, until: int = FRAMES, x: float = 0.0, number: int = 1) -> list[Results]:
    """A track that is confirmed in frame `at`, as a smoother would tell it."""
    return [
        result(
            frame,
            track(number, x, card_id if frame >= at else None),
            visits=[confirmed(frame, number, card_id)] if frame == at else (),
        )
        for frame in range(until)
    ]


def scored(truth: Truth, results: Sequence[Results]) -> Score:
    return score(truth, results, 30.0)


def test_a_card_confirmed_by_its_name_is_right() -> None:
    """The one case that every other number is a departure from."""
    found = scored(one_card(), named("a-1", 5))
    assert (found.presences, found.counted, found.right) == (1, 1, 1)
    assert (found.wrong, found.again, found.missed, found.id_switches, found.flicker) == (0, 0, 0, 0, 0)
    assert found.confirm_frames == [5]
    assert found.mistakes == []


def test_another_name_is_wrong_and_the_card_is_missed() -> None:
    """A wrong name is not half right: it must cost both ways."""
    found = scored(one_card(), named("b-2", 5))
    assert (found.right, found.wrong, found.missed) == (0, 1, 1)
    assert found.mistakes == [
        "frame 5: confirmed b-2 where a-1 lies",
        "a-1 was never confirmed (frames 0 to 19)",
    ]


def test_a_reprint_with_the_same_picture_is_right() -> None:
    """Nobody can tell two printings of one picture apart; the answer says so in its group."""
    visit = confirmed(3, 1, "b-2", group=["b-2", "a-1"])
    assert scored(one_card(), [result(3, track(1, 0.0, "b-2"), visits=[visit])]).right == 1


def test_a_name_where_nothing_lies_is_wrong() -> None:
    """A card that is invented on an empty table is the worst that can happen."""
    found = scored(one_card(), named("a-1", 5, x=300.0))
    assert (found.right, found.wrong, found.missed) == (0, 1, 1)
    assert "where no card lies" in found.mistakes[0]
    assert scored([[]] * FRAMES, named("a-1", 5)).wrong == 1


def test_a_name_that_is_true_elsewhere_is_wrong_here() -> None:
    """Two cards whose names are swapped are two mistakes, though each name is on the table."""
    truth = [[lying(0, "a-1", 0.0), lying(1, "b-2", 200.0)]] * FRAMES
    visits = [confirmed(5, 1, "b-2"), confirmed(5, 2, "a-1")]
    found = scored(truth, [result(5, track(1, 0.0, "b-2"), track(2, 200.0, "a-1"), visits=visits)])
    assert (found.right, found.wrong, found.missed) == (0, 2, 2)


def test_a_covered_cards_track_takes_no_other_card_over() -> None:
    """On a pile the old outline lies better on the new card for a moment: its name seemed to come and go."""
    truth = [[lying(0, "a-1", 0.0), lying(1, "b-2", 30.0)]] * 4 + [[lying(1, "b-2", 10.0)]] * (FRAMES - 4)
    results = [
        result(
            frame,
            track(1, 0.0, "a-1"),
            track(2, 30.0 if frame < 4 else 24.0 if frame < 9 else 10.0, "b-2"),
            visits=[confirmed(frame, 1, "a-1"), confirmed(frame, 2, "b-2")] if frame == 1 else [],
        )
        for frame in range(FRAMES)
    ]
    found = scored(truth, results)
    assert (found.right, found.flicker, found.id_switches) == (2, 0, 0)


def test_a_presence_is_counted_once() -> None:
    """A card that lies there and is counted twice ruins a collection's numbers."""
    results = named("a-1", 5)
    results[12].visits.append(confirmed(12, 2, "a-1", first=8))
    results[12].tracks[0] = track(2, 0.0, "a-1")
    found = scored(one_card(), results)
    assert (found.presences, found.counted, found.right, found.again) == (1, 2, 1, 1)
    assert "a-1 was counted once more" in found.mistakes[0]


def test_two_copies_are_two() -> None:
    """Side by side or one after the other: each stay of a card is to be counted."""
    truth = [[lying(0, "a-1", 0.0), lying(1, "a-1", 200.0)]] * FRAMES
    visits = [confirmed(5, 1, "a-1"), confirmed(5, 2, "a-1")]
    found = scored(truth, [result(5, track(1, 0.0, "a-1"), track(2, 200.0, "a-1"), visits=visits)])
    assert (found.presences, found.right, found.again) == (2, 2, 0)


def test_a_return_is_a_presence_of_its_own() -> None:
    """A confirmation of the first stay must not pay for the second."""
    truth: Truth = [[lying(0, "a-1", 0.0)]] * 8 + [[]] * 4 + [[lying(1, "a-1", 0.0)]] * 8
    found = scored(truth, named("a-1", 3, until=8))
    assert (found.presences, found.right, found.missed) == (2, 1, 1)
    both = [*named("a-1", 3, until=8), result(15, track(2, 0.0, "a-1"), visits=[confirmed(15, 2, "a-1", first=12)])]
    assert (scored(truth, both).right, scored(truth, both).again) == (2, 0)


def test_a_card_on_a_pile_may_be_confirmed_when_the_next_covers_it() -> None:
    """The answer to the last frame that showed it comes a little later: that is no wrong name for the card above."""
    truth: Truth = [[lying(0, "a-1", 0.0)]] * 10 + [[lying(0, "a-1", 0.0, 0.0), lying(1, "b-2", 4.0)]] * 10
    found = scored(truth, [result(11, track(1, 4.0, "a-1"), visits=[confirmed(11, 1, "a-1", first=2)])])
    assert (found.right, found.wrong, found.missed) == (1, 0, 1)


def test_a_stranger_is_not_to_be_named() -> None:
    """What is in no catalogue is neither missed when it stays unknown nor right under any name."""
    found = scored(one_card("unknown:x"), [result(frame, track(1, 0.0)) for frame in range(FRAMES)])
    assert (found.presences, found.strangers, found.missed, found.wrong) == (0, 1, 0, 0)
    assert scored(one_card("unknown:x"), named("a-1", 5)).wrong == 1


def test_a_card_that_is_hardly_seen_is_no_presence() -> None:
    """Nobody can be asked to name a corner under a hand."""
    found = scored(one_card(visible=[0.4] * FRAMES), [])
    assert (found.presences, found.missed) == (0, 0)


def test_time_to_confirm_counts_from_the_first_clear_frame() -> None:
    """While a hand brings it, a card cannot be read: that time is not the system's."""
    truth = one_card(visible=[0.3] * 2 + [0.7] * 4 + [0.9] * 14)
    assert scored(truth, named("a-1", 10)).confirm_frames == [4]
    assert scored(truth, named("a-1", 4)).confirm_frames == [0]
    assert scored(one_card(visible=[0.7] * FRAMES), named("a-1", 4)).confirm_frames == []


def test_another_track_on_the_same_card_is_a_switch() -> None:
    """A card that gets a new number loses its cache, and is at risk of being counted again."""
    results = [result(frame, track(1 if frame < 10 else 2, 0.0)) for frame in range(FRAMES)]
    assert scored(one_card(), results).id_switches == 1
    assert scored(one_card(), [*results[:5], result(5), *results[6:9]]).id_switches == 0


def test_a_name_that_comes_and_goes_flickers() -> None:
    """A name that blinks on a screen is what people complain about first."""
    results = named("a-1", 3)
    for frame in (8, 9, 14):
        results[frame] = result(frame, track(1, 0.0))
    found = scored(one_card(), results)
    assert found.flicker == 2
    assert found.mistakes == ["the name of a-1 flickered 2x"]


def test_a_name_that_changes_flickers() -> None:
    """Also without a frame in between."""
    results = named("a-1", 3)
    results[10:] = [result(frame, track(1, 0.0, "b-2")) for frame in range(10, FRAMES)]
    assert scored(one_card(), results).flicker == 1


def test_a_track_that_is_lost_and_found_flickers() -> None:
    """Nothing shown where a named card lies is a name that is gone."""
    results = named("a-1", 3)
    results[10] = result(10)
    assert scored(one_card(), results).flicker == 1


def test_no_flicker_while_a_hand_covers_the_card() -> None:
    """What cannot be seen need not be named; and a name that ends with the card does not come back."""
    results = named("a-1", 3)
    results[10] = result(10)
    visible = [1.0] * 10 + [0.3] + [1.0] * 9
    assert scored(one_card(visible=visible), results).flicker == 0
    assert scored(one_card(), named("a-1", 3, until=15)).flicker == 0


def test_a_card_that_was_hidden_for_long_is_read_again() -> None:
    """Under another card for a while: when it is uncovered it needs its frames again, and that is no fault."""
    visible = [1.0] * 10 + [0.1] * 20 + [1.0] * 20
    results = named("a-1", 3, until=10) + [result(frame) for frame in range(10, 34)]
    results += [result(frame, track(2, 0.0, "a-1")) for frame in range(34, 50)]
    assert scored(one_card(visible=visible), results).flicker == 0
    assert scored(one_card(visible=visible), results).id_switches == 0
    assert scored(one_card(visible=[1.0] * 50), results).id_switches == 1
    results[40] = result(40)
    assert scored(one_card(visible=visible), results).flicker == 1


def test_the_name_of_the_card_before_is_no_flicker() -> None:
    """On a pile the old name stays for the frames that the new card needs: it is not this card's own name yet."""
    truth: Truth = [[lying(0, "a-1", 0.0)]] * 10 + [[lying(0, "a-1", 0.0, 0.0), lying(1, "b-2", 0.0)]] * 10
    results = named("a-1", 3)
    results[13:16] = [result(frame, track(1, 0.0)) for frame in range(13, 16)]
    results[16:] = [result(frame, track(1, 0.0, "b-2")) for frame in range(16, FRAMES)]
    results[16].visits.append(confirmed(16, 1, "b-2", first=11))
    found = scored(truth, results)
    assert (found.right, found.flicker, found.missed) == (2, 0, 0)


def test_neighbours_keep_their_tracks_apart() -> None:
    """Cards that overlap a little are paired one to one: one track cannot stand for both."""
    truth = [[lying(0, "a-1", 0.0), lying(1, "b-2", 25.0)]] * FRAMES
    results = [result(frame, track(1, 1.0, "a-1"), track(2, 26.0, "b-2")) for frame in range(FRAMES)]
    results[5].visits.extend([confirmed(5, 1, "a-1"), confirmed(5, 2, "b-2")])
    found = scored(truth, results)
    assert (found.right, found.wrong, found.again, found.flicker, found.id_switches) == (2, 0, 0, 0, 0)


def test_lost_frames_are_not_held_against_it() -> None:
    """Frames without an answer are counted as lost elsewhere; a gap in the numbers is no flicker."""
    results = [one for one in named("a-1", 3) if one.frame not in (7, 8, 9)]
    assert scored(one_card(), results).flicker == 0


def test_the_message_that_closes_a_stream_is_no_frame() -> None:
    """It repeats the last frame's number without any track."""
    closing = Results(stream="s", frame=FRAMES - 1, t_ns=0, status="no_card", tracks=[], closing=True)
    assert scored(one_card(), [*named("a-1", 3), closing]).flicker == 0


def test_nothing_at_all_is_scored() -> None:
    """An interrupted run, an empty table."""
    assert scored([], []).presences == 0
    assert scored(one_card(), []).missed == 1


def test_a_scene_is_scored_as_it_is() -> None:
    """The renderer's own truth, answered by an oracle, leaves no mistake: the two agree on what a presence is."""
    cards = [(spec.id, draw(spec)) for spec in deck(12)]
    scene = scenario("six", cards, 0, (320, 280))
    truth = [scene.showings(index) for index in range(scene.frames)]
    seen: set[int] = set()
    results = []
    for frame, shown in enumerate(truth):
        clear = [(number, card) for number, card in shown if card.visible >= 0.8]
        tracks = [
            TrackResult(number, "confirmed", [tuple(p) for p in card.quad.tolist()], card.card_id)
            for number, card in clear
        ]
        new = [confirmed(frame, number, card.card_id, frame) for number, card in clear if number not in seen]
        seen |= {number for number, _ in clear}
        results.append(result(frame, *tracks, visits=new))
    found = scored(truth, results)
    assert (found.presences, found.right, found.mistakes) == (6, 6, [])
    assert found.confirm_frames == [0] * 6
