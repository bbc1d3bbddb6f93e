"""A card under another one is still on the table: it is neither ended nor counted again."""

from smoothing_film import EEVEE, ENERGY, WOOBAT, Film, Shown, ended

from actors.visits import Card


def lay(film: Film, below: int, x: int, track: int, card: Card) -> None:
    """A card slides over another one at x, which is lost from half way on, and comes to lie somewhat beside it."""
    for away in range(300, 20, -20):
        film.frame(Shown(below, x=x, seen=away > 80), Shown(track, card, x=x + away))
    film.run(7, Shown(below, x=x, seen=False), Shown(track, x=x + 20))
    film.run(40, Shown(track, x=x + 20))


def lift(film: Film, track: int, *left: Shown) -> None:
    """It is taken away again; what lay under it is seen from half way on."""
    for x in range(220, 500, 20):
        film.frame(*(left if x > 260 else ()), Shown(track, x=x))


def test_a_card_under_another_one_has_not_left() -> None:
    """A card is laid on another, stays for seconds, and is taken off: the lower one was counted again."""
    film = Film()
    film.settled(1, EEVEE)
    lay(film, 1, 200, 2, WOOBAT)
    lift(film, 2, Shown(3, EEVEE))
    film.run(10, Shown(3))
    assert film.counted() == ["Eevee", "Woobat"]
    assert [event.card for event in ended(film.events)] == [WOOBAT, EEVEE]


def test_a_covered_card_that_is_gone_when_its_place_is_seen_has_left() -> None:
    """A visit that waits for a card which was taken with the one on it would never end."""
    film = Film()
    film.settled(1, EEVEE)
    lay(film, 1, 200, 2, WOOBAT)
    lift(film, 2)
    film.run(25)
    assert [event.card for event in ended(film.events)] == [EEVEE, WOOBAT]
    film.settled(4, EEVEE)
    assert film.counted() == ["Eevee", "Woobat", "Eevee"]


def test_a_copy_on_top_of_a_pile_is_a_card_of_its_own() -> None:
    """The card at the bottom does not come up while the one on it lies there: what is seen is another copy."""
    film = Film()
    film.settled(1, EEVEE)
    lay(film, 1, 200, 2, WOOBAT)
    lay(film, 2, 220, 3, EEVEE)
    assert film.counted() == ["Eevee", "Woobat", "Eevee"]


def test_a_pile_that_is_taken_apart_counts_nothing_again() -> None:
    """Every card that comes up again, one after the other, is still in its visit."""
    film = Film()
    film.settled(1, EEVEE)
    lay(film, 1, 200, 2, WOOBAT)
    lay(film, 2, 220, 3, ENERGY)
    lift(film, 3, Shown(4, WOOBAT, x=220))
    film.run(10, Shown(4, x=220))
    lift(film, 4, Shown(5, EEVEE))
    film.run(10, Shown(5))
    assert film.counted() == ["Eevee", "Woobat", "Fire Energy"]


def test_a_card_exchanged_by_hand_has_left() -> None:
    """The next card at the same place, a second later, lies on nothing: the first one shown again is a second visit."""
    film = Film()
    film.settled(1, EEVEE)
    film.run(25)
    film.settled(2, WOOBAT)
    film.run(25)
    film.settled(3, EEVEE)
    assert film.counted() == ["Eevee", "Woobat", "Eevee"]
