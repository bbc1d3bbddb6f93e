"""Following: what lies still costs no search, what moves is searched for, and one wrong search changes nothing."""

import numpy as np
import pytest

from synth.cards import deck, draw
from vision.detection import Detection
from vision.follow import Follower
from vision.quad import Quad, as_quad, iou

CARD = draw(deck(1)[0])
OTHER = draw(deck(2)[1])


def table(*placed: tuple[int, int, np.ndarray], shade: int = 0) -> np.ndarray:
    """A grey table with upright cards at (x, y)."""
    frame = np.full((600, 800, 3), 90 + shade, np.uint8)
    for x, y, card in placed:
        frame[y : y + card.shape[0], x : x + card.shape[1]] = card
    return frame


def outline(x: int, y: int, inset: int = 0) -> Quad:
    right, bottom = x + CARD.shape[1] - 0.5 - inset, y + CARD.shape[0] - 0.5 - inset
    left, top = x - 0.5 + inset, y - 0.5 + inset
    return as_quad([[left, top], [right, top], [right, bottom], [left, bottom]])


class Script:
    """A search that finds what it is told, and notes what it was asked."""

    def __init__(self) -> None:
        self.found: list[Quad] = []
        self.asked: list[int] = []

    def __call__(self, _frame: np.ndarray, known: list[Quad]) -> list[Detection]:
        self.asked.append(len(known))
        return [Detection(quad, 0.9) for quad in self.found if all(iou(quad, other) < 0.5 for other in known)]


@pytest.fixture
def search() -> Script:
    return Script()


def test_a_card_that_lies_still_is_not_searched_for(search: Script) -> None:
    """A search of every frame is most of what a frame costs."""
    follower, frame = Follower(search), table((100, 80, CARD))
    search.found = [outline(100, 80)]
    for _ in range(50):
        (one,) = follower.update(frame)
        assert iou(one.quad, outline(100, 80)) > 0.97
    assert len(search.asked) <= 6


def test_the_empty_table_is_searched_when_something_comes(search: Script) -> None:
    """A card that is put down must be seen in the very frame, however long nothing moved before."""
    follower = Follower(search)
    for _ in range(20):
        assert follower.update(table()) == []
    searches = len(search.asked)
    search.found = [outline(100, 80)]
    assert len(follower.update(table((100, 80, CARD)))) == 1
    assert len(search.asked) == searches + 1


def test_a_second_card_is_found_beside_a_followed_one(search: Script) -> None:
    """The search looks past what is followed already, and only past that."""
    follower = Follower(search)
    search.found = [outline(100, 80)]
    for _ in range(10):
        follower.update(table((100, 80, CARD)))
    search.found = [outline(100, 80), outline(450, 90)]
    found = follower.update(table((100, 80, CARD), (450, 90, OTHER)))
    assert len(found) == 2
    assert search.asked[-1] == 1


def test_a_card_that_is_taken_away_is_gone_at_once(search: Script) -> None:
    """A ghost on an empty table would be counted on."""
    follower = Follower(search)
    search.found = [outline(100, 80)]
    for _ in range(10):
        follower.update(table((100, 80, CARD)))
    search.found = []
    assert follower.update(table()) == []


def test_a_card_laid_over_another_is_seen(search: Script) -> None:
    """A pile: most edges of the card below may still be there, so what moved over it puts it in doubt."""
    follower = Follower(search)
    search.found = [outline(100, 80)]
    for _ in range(10):
        follower.update(table((100, 80, CARD)))
    search.found = [outline(140, 120)]
    seen = [follower.update(table((100, 80, CARD), (140, 120, OTHER))) for _ in range(8)]
    assert any(iou(one.quad, outline(140, 120)) > 0.9 for one in seen[-1])


def test_the_frame_inside_the_border_loses_against_the_card(search: Script) -> None:
    """A search that takes the artwork's frame for the card now and then must not make the outline jump."""
    follower, frame = Follower(search), table((100, 80, CARD))
    quads = []
    for number in range(12):
        search.found = [outline(100, 80, inset=12 if number in (1, 3) else 0)]
        quads.append(follower.update(frame)[0].quad)
    assert all(iou(quad, outline(100, 80)) > 0.95 for quad in quads[4:])


def test_what_one_search_in_five_finds_is_no_card(search: Script) -> None:
    """A false detection must not stay for as long as its edges do."""
    follower, frame = Follower(search), table((100, 80, CARD))
    search.found = [outline(100, 80)]
    follower.update(frame)
    search.found = []
    for _ in range(6):
        last = follower.update(frame)
    assert last == []


def test_a_change_of_exposure_is_no_movement(search: Script) -> None:
    """A camera that adapts to the light would be searched in every frame otherwise."""
    follower = Follower(search)
    search.found = [outline(100, 80)]
    for _ in range(10):
        follower.update(table((100, 80, CARD)))
    searches = len(search.asked)
    for shade in range(1, 8):
        frame = table((100, 80, CARD)).astype(np.int16) + shade
        follower.update(np.clip(frame, 0, 255).astype(np.uint8))
    assert len(search.asked) == searches


def test_pictures_of_another_size_are_another_scene(search: Script) -> None:
    """A folder of pictures is a stream, too, and nothing is carried from one format to another."""
    follower = Follower(search)
    follower.update(table())
    search.found = [outline(20, 20)]
    assert len(follower.update(table((20, 20, CARD))[:400, :300].copy())) == 1


def test_it_agrees_with_the_detector_on_a_card() -> None:
    """The real search behind it: the card's own outline, to 2 % of its width."""
    follower, frame = Follower(), table((260, 120, CARD))
    for _ in range(8):
        found = follower.update(frame)
    (one,) = found
    assert iou(one.quad, outline(260, 120)) > 0.95
