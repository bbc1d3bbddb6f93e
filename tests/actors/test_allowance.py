"""How many readings a frame may ask for."""

import pytest

from actors.allowance import Allowance
from bus.messages import Hop

MS = 1_000_000


def told(allowance: Allowance, each_ms: float, rest_ms: float, readings: int = 1) -> None:
    """An answer: the selector had the frame at 0, the embedder took its time, and so did all the rest."""
    done = round(each_ms * readings * MS)
    allowance.answered(readings, [Hop("select", 0, 0), Hop("embed", 0, done)], done + round(rest_ms * MS))


def test_nothing_is_known_at_first() -> None:
    """The first frame is looked at longest, and on a slow machine it is late before anything is asked for."""
    assert Allowance(45, 3).readings(0) == 1


@pytest.mark.parametrize(("age_ms", "readings"), [(0, 3), (8, 2), (9, 2), (16, 1), (30, 1), (1000, 1)])
def test_what_fits(age_ms: float, readings: int) -> None:
    """One too many, and all that is in the frame is late."""
    allowance = Allowance(45, 8)
    told(allowance, each_ms=10, rest_ms=15)
    assert allowance.readings(age_ms) == readings


def test_no_more_than_may_be() -> None:
    """A fast accelerator would be sent all the cards of a binder at once, and their crops fill its queue."""
    allowance = Allowance(45, 3)
    told(allowance, each_ms=0, rest_ms=0)
    assert allowance.readings(0) == 3


def test_answers_to_many_readings_are_divided() -> None:
    """Taken for one, three readings would look as slow as the slowest machine, and three would never be asked again."""
    allowance = Allowance(45, 8)
    told(allowance, each_ms=10, rest_ms=15, readings=3)
    assert allowance.readings(0) == 3


def test_one_late_answer_says_nothing() -> None:
    """After a restart of the embedder one answer takes seconds: all others would be asked for one at a time."""
    allowance = Allowance(45, 8)
    for rest in (15, 15, 4000, 15, 15):
        told(allowance, each_ms=10, rest_ms=rest)
    assert allowance.readings(0) == 3


def test_a_machine_that_grows_slow_is_noticed() -> None:
    """What was measured on a cold morning must not hold for the evening."""
    allowance = Allowance(45, 8)
    for each in (5, 5, 5, 5, 5, 15, 15, 15):
        told(allowance, each_ms=each, rest_ms=15)
    assert allowance.readings(0) == 2


def test_where_frames_are_late_anyway_names_come_soon() -> None:
    """One at a time, a slow machine at a table full of cards would name fewer of them, and none in time."""
    allowance = Allowance(45, 3)
    told(allowance, each_ms=20, rest_ms=15)
    assert [allowance.readings(60) for _ in range(11)] == [1] * 9 + [3, 3]
    assert [allowance.readings(5) for _ in range(6)] == [3] * 5 + [1]  # now there is something to be in time for


def test_an_answer_without_its_way_teaches_nothing() -> None:
    """A guest may publish what it likes; and the answer to a crop that failed has no embedding in it."""
    allowance = Allowance(45, 3)
    allowance.answered(1, [Hop("select", 0, 0)], 0)
    assert allowance.readings(0) == 1
