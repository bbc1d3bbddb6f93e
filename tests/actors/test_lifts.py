"""supervisord gives up after ten vain starts: for good, if nobody lifts it."""

from itertools import pairwise

from actors.lifts import FIRST_S, LAST_S, Lifts


def lifted_at(lifts: Lifts, seconds: int, well: frozenset[str] = frozenset()) -> list[int]:
    """At which seconds an actor is lifted that is given up again at once."""
    return [second for second in range(seconds) if lifts.due(second, ["matcher"], well)]


def test_it_is_lifted_ever_less_often_and_for_ever() -> None:
    """A wrong file may be mended after a minute or a week; ten starts a minute until then fill the log."""
    at = lifted_at(Lifts(), 1000)
    pauses = [after - before for before, after in pairwise(at)]
    assert at[0] == FIRST_S
    assert pauses == sorted(pauses)
    assert pauses[0] == 2 * FIRST_S + 1
    assert pauses[-1] == LAST_S + 1


def test_whoever_was_well_is_lifted_soon_again() -> None:
    """Today's trouble is not yesterday's."""
    lifts = Lifts()
    lifted_at(lifts, 1000)
    assert lifts.due(1000, [], ["matcher"]) == []
    assert next(second for second in range(1000, 1100) if lifts.due(second, ["matcher"], [])) == 1000 + FIRST_S


def test_whoever_came_back_by_himself_is_not_lifted() -> None:
    """Somebody has started it by hand meanwhile."""
    lifts = Lifts()
    lifts.due(0, ["matcher"], [])
    assert lifts.due(1, [], []) == []
    assert lifts.due(FIRST_S + 1, [], []) == []


def test_each_has_its_own_pause() -> None:
    """One broken sink must not keep the camera waiting."""
    lifts = Lifts()
    lifted_at(lifts, 1000)
    assert "capture" in [one for second in range(1000, 1007) for one in lifts.due(second, ["matcher", "capture"], [])]
