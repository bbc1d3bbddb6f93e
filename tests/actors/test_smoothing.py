"""What is shown of a track: its state follows its results, and neither flickers."""

from hypothesis import given, settings
from hypothesis import strategies as st
from smoothing_film import EEVEE, ENERGY, ENERGY_AGAIN, FRAME_NS, WOOBAT, Film, Shown, ended, only

from actors.smoothing import Answer, Status
from actors.visits import VisitConfirmed, VisitEnded


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


def test_unknown_is_no_card() -> None:
    """A card of another game is said to be unknown, counted apart, and never confirmed as its nearest neighbour."""
    film = Film()
    assert only(film.run(6, Shown(1, None))).status == Status.UNKNOWN
    (over,) = film.end()
    assert isinstance(over, VisitEnded)
    assert (over.card, over.first_frame, over.last_frame, over.frames) == (None, 1, 6, 6)


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
