"""Looking: pages that fit together, searches that find, and holdings that count."""

import pytest
from shelf_of_cards import ARVEN, CARDS, FIRE, FLABEBE, JPEG, NOON, PIKACHU, seen, sighting

from collection import query
from collection.database import CollectionError, Database
from collection.history import fix, remove
from collection.query import Filter, Session, Visit, counts, holdings, last_session, page, sessions, thumbnail, visit
from collection.records import Card
from collection.visits import confirm, end


def ids(visits: list[Visit]) -> list[int]:
    return [one.visit for one in visits]


def everything(database: Database, chosen: Filter, limit: int) -> list[int]:
    """Page by page to the end."""
    found: list[int] = []
    while more := ids(page(database, chosen, limit, found[-1] if found else 1 << 62)):
        assert len(more) <= limit
        found += more
    return found


@pytest.mark.parametrize(
    "chosen",
    [
        Filter(),
        Filter(session=2),
        Filter(unknown=True),
        Filter(search="pikachu"),
        Filter(search="e"),
        Filter(set="151"),
        Filter(set="obf", search="arven cook"),
        Filter(session=1, search="basic energy"),
        Filter(search="nobody"),
    ],
)
@pytest.mark.parametrize("limit", [1, 3, 7, 1000])
@pytest.mark.parametrize("glance", [0, 3, 2000])
def test_pages_fit_together(
    database: Database, chosen: Filter, limit: int, glance: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However a collection is paged, each visit that is asked for comes once, newest first, and no other one."""
    monkeypatch.setattr(query, "_GLANCE", glance)
    for stream in ("s1", "s2"):
        seen(database, *CARDS, None, *CARDS, PIKACHU, PIKACHU, stream=stream)
    for gone in (2, 14):
        remove(database, "x", 0, visit=gone)
    words = chosen.search.split()
    expected = [
        one.visit
        for one in page(database, Filter(), 1000)
        if chosen.session in (None, one.session)
        and (not chosen.unknown or one.card is None)
        and all(one.card and word in f"{one.card.name} {one.card.set_name}".lower().replace("é", "e") for word in words)
        and (
            not chosen.set
            or (one.card and chosen.set.lower() in (one.card.set_name.lower(), one.card.set_code.lower()))
        )
    ]
    assert everything(database, chosen, limit) == expected


@pytest.mark.parametrize("search", ["flabebe", "FLABÉBÉ", "Flabébé xy 83", "xy1-83"])
def test_a_search_forgives_accents_and_case(database: Database, search: str) -> None:
    """Nobody finds the é on the keyboard of a phone."""
    seen(database, PIKACHU, FLABEBE)
    assert ids(page(database, Filter(search=search), 9)) == [2]


@pytest.mark.parametrize("search", ["%", "_", "'; DROP TABLE visit; --", '"'])
def test_a_search_is_text(database: Database, search: str) -> None:
    """What a page's search field is given must neither match all nor be taken for SQL."""
    seen(database, PIKACHU)
    assert page(database, Filter(search=search, set="x"), 9) == []
    assert len(page(database, Filter(), 9)) == 1


def test_a_visit_is_told_whole(database: Database) -> None:
    """What a page shows of a card: what counts, what was read, how surely, and that there is a picture."""
    (first,) = [confirm(database, sighting(1, distance=0.1, gap=0.4, printings=("sv3pt5-25", "x-1")), NOON)]
    found = visit(database, first)
    assert (found.card, found.read_as, found.distance, found.gap) == (PIKACHU, "sv3pt5-25", 0.1, 0.4)
    assert (found.printings, found.quantity, found.thumbnail, found.seen_ms) == (["sv3pt5-25", "x-1"], 1, True, NOON)
    assert thumbnail(database, first) == JPEG
    assert thumbnail(database, 7) is None
    with pytest.raises(CollectionError, match="there is no visit 7"):
        visit(database, 7)


def test_the_same_visit_is_there_once(database: Database) -> None:
    """A sink that was started again may be told again; a smoother that was counts anew from 1."""
    assert confirm(database, sighting(1), 0) == confirm(database, sighting(1, FLABEBE), 1)
    assert confirm(database, sighting(1, life="l2"), 2) == 2
    assert confirm(database, sighting(1, stream="s2"), 3) == 3
    assert [one.card for one in page(database, Filter(), 9)] == [PIKACHU] * 3


def test_the_end_of_a_visit_completes_it(database: Database) -> None:
    """Its last frame, the printing that won over the whole visit, and a picture if none was there."""
    confirm(database, sighting(1, jpeg=None), 1)
    end(database, sighting(1, FLABEBE, last_frame=99), 2)
    found = visit(database, 1)
    assert (found.ended_ms, found.card, found.read_as, thumbnail(database, 1)) == (2, FLABEBE, "xy1-83", JPEG)


def test_what_is_unknown_is_no_card(database: Database) -> None:
    """Not in the catalogue: it is kept to be looked at, and never counted or exported."""
    seen(database, PIKACHU, None)
    assert page(database, Filter(), 1)[0].card is None
    assert [one.card for one in holdings(database, Filter())] == [PIKACHU]
    assert counts(database, Filter()) == {
        "cards": 1,
        "different": 1,
        "no_finish": 1,
        "no_condition": 1,
        "unknown": 1,
    }


def test_sessions_count_what_is_there(database: Database) -> None:
    """The running count of a box: copies, not rows, and nothing that was taken out."""
    seen(database, PIKACHU, FLABEBE, None)
    seen(database, ARVEN, stream="s2")
    fix(database, [1], {"quantity": 4}, 0)
    remove(database, "x", 0, visit=2)
    found = [
        Session(session=n, source="camera:0", started_ms=NOON + 1, cards=c, unknown=u)
        for n, c, u in [(2, 1, 0), (1, 4, 1)]
    ]
    assert sessions(database, 9) == found
    assert sessions(database, 9, before=2) == found[1:]
    assert last_session(database) == 2


def test_no_session_yet(database: Database) -> None:
    """`--session last` on an empty collection."""
    with pytest.raises(CollectionError, match="there is no session"):
        last_session(database)


def test_holdings_are_copies_of_which_the_same_is_said(database: Database) -> None:
    """Two of a finish are one line of two; another finish is another line, unless the finish is not asked for."""
    seen(database, PIKACHU, PIKACHU, PIKACHU, FIRE)
    fix(database, [3], {"finish": "holofoil", "quantity": 5}, 0)
    found = [(one.card.name, one.said.finish, one.quantity) for one in holdings(database, Filter())]
    assert found == [("Pikachu", None, 2), ("Pikachu", "holofoil", 5), ("Basic Fire Energy", None, 1)]
    assert [one.quantity for one in holdings(database, Filter(), ())] == [7, 1]


def test_what_is_learnt_of_a_card_stays(database: Database) -> None:
    """A message that knows the name alone must not wipe out what the catalogue has said."""
    seen(database, PIKACHU)
    seen(database, Card(card_id="sv3pt5-25", name="Pikachu"), stream="s2")
    assert page(database, Filter(set="mew"), 9)[0].card == PIKACHU
    assert len(page(database, Filter(search="151"), 9)) == 2
