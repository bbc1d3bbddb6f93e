"""What people change, they can take back, and take that back again."""

import pytest
from shelf_of_cards import ARVEN, FLABEBE, PIKACHU, seen, sighting

from collection.database import CollectionError, Database
from collection.history import fix, log, remove, undo
from collection.query import Filter, page, visit
from collection.records import Card
from collection.visits import answer, confirm, end, learn


def cards(database: Database) -> list[str | None]:
    return [one.card.card_id if one.card else None for one in page(database, Filter(), 100)]


def test_undo_takes_the_last_card_back(database: Database) -> None:
    """A hand's card that was not meant: the commonest undo of all."""
    seen(database, PIKACHU, FLABEBE)
    assert undo(database, 0).what == "seen Flabébé"
    assert cards(database) == ["sv3pt5-25"]
    assert undo(database, 0).what == "seen Pikachu"
    assert cards(database) == []
    with pytest.raises(CollectionError, match="nothing to undo"):
        undo(database, 0)


def test_undo_of_undo(database: Database) -> None:
    """One time too many must cost nothing, however often one changes one's mind."""
    seen(database, PIKACHU, FLABEBE)
    undo(database, 0)
    last = log(database, 1)[0]
    for expected in (2, 1, 2, 1):
        undo(database, 0, last.change)
        last = log(database, 1)[0]
        assert len(cards(database)) == expected
    undo(database, 0, last.change)
    assert undo(database, 0).what == "seen Flabébé", "what is in effect again can be undone again"


def test_the_log_only_grows(database: Database) -> None:
    """The way back from any mistake: no step is ever changed or lost."""
    (first,) = seen(database, PIKACHU)
    fix(database, [first], {"finish": "holofoil"}, 0)
    undo(database, 0)
    assert [(one.what, one.undone, one.visits) for one in log(database, 10)] == [
        ("undo 2", False, 1),
        ("fix finish = holofoil", True, 1),
        ("seen Pikachu", False, 1),
    ]
    assert [one.change for one in log(database, 10, before=3)] == [2, 1]


def test_a_fix_says_what_was_unknown(database: Database) -> None:
    """Nothing is known of finish and condition until a person says so, and it can be unknown again."""
    first, second = seen(database, PIKACHU, PIKACHU)
    assert visit(database, first).said.finish is None
    fix(database, [first, second, second], {"finish": "normal", "condition": "near mint", "note": "=from a friend"}, 0)
    assert [visit(database, one).said.condition for one in (first, second)] == ["near mint"] * 2
    fix(database, [first], {"finish": None}, 0)
    assert [visit(database, one).said.finish for one in (first, second)] == [None, "normal"]
    undo(database, 0)
    undo(database, 0)
    assert visit(database, second).said.note is None


def test_a_corrected_card_keeps_what_the_camera_said(database: Database) -> None:
    """How often it was wrong can be counted afterwards, and a learner can be told."""
    (first,) = seen(database, PIKACHU)
    with database.writing() as db:
        learn(db, [ARVEN])
    fix(database, [first], {"card": ARVEN.card_id}, 0)
    found = visit(database, first)
    assert (found.card, found.read_as) == (ARVEN, "sv3pt5-25")
    end(database, sighting(1, FLABEBE, last_frame=70), 9)
    found = visit(database, first)
    assert (found.card, found.read_as, found.ended_ms) == (ARVEN, "xy1-83", 9), "the end of the visit knows no better"


def test_a_card_that_nobody_knows_is_refused_whole(database: Database) -> None:
    """A typing error in the id: the other values of the same fix are not taken either."""
    (first,) = seen(database, PIKACHU)
    with pytest.raises(CollectionError, match="FOREIGN KEY"):
        fix(database, [first], {"note": "x", "card": "sv3pt5-999"}, 0)
    assert visit(database, first).said.note is None
    assert len(log(database, 10)) == 1


def test_a_visit_that_is_not_there(database: Database) -> None:
    """One of many: none is fixed, and the line says which."""
    (first,) = seen(database, PIKACHU)
    with pytest.raises(CollectionError, match=r"there is no visit 77 in .*c.sqlite"):
        fix(database, [first, 77], {"finish": "normal"}, 0)
    assert visit(database, first).said.finish is None


def test_a_step_under_another_waits_for_it(database: Database) -> None:
    """Taking back the older one would bring back a value over a newer one that somebody meant."""
    (first,) = seen(database, PIKACHU)
    older = fix(database, [first], {"finish": "normal", "note": "a"}, 0)
    newer = fix(database, [first], {"finish": "holofoil"}, 0)
    with pytest.raises(
        CollectionError, match=f"change {older} cannot be undone: change {newer} has set finish of visit"
    ):
        undo(database, 0, older)
    assert visit(database, first).said.note == "a"
    undo(database, 0, newer)
    undo(database, 0, older)
    assert visit(database, first).said.note is None


@pytest.mark.parametrize(("change", "message"), [(99, "there is no change 99"), (1, "change 1 is undone already")])
def test_a_step_that_cannot_be_undone(database: Database, change: int, message: str) -> None:
    """Told apart, because the remedy differs."""
    seen(database, PIKACHU)
    undo(database, 0)
    with pytest.raises(CollectionError, match=message):
        undo(database, 0, change)


def test_a_whole_session_goes_and_comes_back(database: Database) -> None:
    """The wrong box under the camera: one command, and one to mend it."""
    seen(database, PIKACHU, None, FLABEBE)
    seen(database, ARVEN, stream="s2")
    undo(database, 0, 3)
    change = remove(database, "remove session 1", 0, session=1)
    assert cards(database) == ["sv3-186"]
    undo(database, 0, change)
    assert cards(database) == ["sv3-186", None, "sv3pt5-25"], "what was out before stays out"
    with pytest.raises(CollectionError, match="remove session 9: nothing is there"):
        remove(database, "remove session 9", 0, session=9)
    remove(database, "remove visit 1", 0, visit=1)
    assert cards(database) == ["sv3-186", None]


# What a person answers before the camera knows.


def answered(database: Database, card: Card | None = FLABEBE, track: int = 7) -> int:
    return answer(database, sighting(None, card, track=track, jpeg=None), 5)


@pytest.mark.parametrize("card", [FLABEBE, None], ids=["one", "none of them"])
def test_a_persons_answer_stands(database: Database, card: Card | None) -> None:
    """The camera makes its mind up later: that is no second card, and no other one."""
    number = answered(database, card)
    assert visit(database, number).named_by == "answer"
    assert confirm(database, sighting(4, PIKACHU, track=7), 6) == number
    assert end(database, sighting(4, PIKACHU, track=7), 7) == number
    found = visit(database, number)
    assert (found.card, found.read_as, found.named_by, found.ended_ms) == (card, "sv3pt5-25", "correction", 7)
    assert cards(database) == [card and card.card_id]


def test_an_answer_can_be_taken_back(database: Database) -> None:
    """As one step; what the camera says of that card afterwards counts."""
    answered(database)
    assert undo(database, 6).what == "answered Flabébé"
    assert cards(database) == []
    confirm(database, sighting(4, PIKACHU, track=7), 7)
    assert cards(database) == ["sv3pt5-25"]


def test_an_answer_is_for_one_card_alone(database: Database) -> None:
    """The next card on the pile may have its track; another stream numbers its tracks alike."""
    answered(database)
    confirm(database, sighting(1, PIKACHU, track=7, stream="s2"), 6)
    confirm(database, sighting(4, FLABEBE, track=7), 6)
    confirm(database, sighting(5, ARVEN, track=7), 7)
    confirm(database, sighting(6, PIKACHU, track=None), 8)
    assert cards(database) == ["sv3pt5-25", "sv3-186", "sv3pt5-25", "xy1-83"]


def test_who_named_a_card(database: Database) -> None:
    """A list shows what a person has said of it, until that is taken back."""
    (number,) = seen(database, PIKACHU)
    assert visit(database, number).named_by == "camera"
    with database.writing() as db:
        learn(db, [ARVEN])
    fix(database, [number], {"card": ARVEN.card_id}, 0)
    assert visit(database, number).named_by == "correction"
    undo(database, 0)
    assert visit(database, number).named_by == "camera"
