"""From boxes to corners: as near as the whole detector comes, however the card is turned in its box."""

import numpy as np
import pytest
from detect_pictures import lay, table, tilted, turned, upright
from hypothesis import given
from hypothesis import strategies as st

from actors.backends.detector import open_close_ups
from vision.detect import CloseUps
from vision.detection import Detection
from vision.detector.boxed import TURNS, box_of, starts
from vision.detector.pyramid import Pyramid
from vision.quad import Quad, corner_error, is_convex, portrait

NEAR = 0.03


@pytest.fixture(scope="module")
def close_ups() -> CloseUps:
    return open_close_ups()


def boxed(quad: Quad, off: float = 0.0) -> Detection:
    """The box of a card as a network gives it, off by a share of its size."""
    box = box_of(quad)
    return Detection(np.asarray(box + off * (box[2] - box[0]) * [[-1, 1], [1, 1], [1, -1], [-1, -1]], np.float32), 0.6)


@given(st.floats(0, 500), st.floats(0, 500), st.floats(10, 900), st.floats(10, 900))
def test_every_start_fills_its_box(left: float, top: float, width: float, height: float) -> None:
    """A start that is smaller or larger than the card is seen as none."""
    box = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) + np.float32([left, top])
    made = starts(box)
    assert made.shape == (TURNS, 4, 2)
    for quad in made:
        assert box_of(quad) == pytest.approx(box, abs=0.05)
        assert is_convex(quad)


@pytest.mark.parametrize("degrees", range(0, 180, 15))
@pytest.mark.parametrize("off", [0.0, 0.04, -0.04])
def test_a_card_is_found_however_it_lies(close_ups: CloseUps, degrees: int, off: float) -> None:
    """The box of a card turned by 45° says nothing of the way, and shows as much of the table as of the card."""
    quad = turned(upright(450, 450, 220), degrees)
    found = close_ups.within(Pyramid(lay(table(), quad)), [boxed(quad, off)])
    assert len(found) == 1
    assert corner_error(found[0].quad, portrait(quad)) < NEAR
    assert found[0].score > 0.9


def test_a_tilted_card(close_ups: CloseUps) -> None:
    """Of a tilted card the box has other proportions."""
    quad = tilted(300, 35, 60)
    found = close_ups.within(Pyramid(lay(table(), quad)), [boxed(quad)])
    assert corner_error(found[0].quad, portrait(quad)) < NEAR


def test_a_card_that_was_there_before_costs_one_look(close_ups: CloseUps) -> None:
    """Eight starts for each card of every frame would take longer than a frame."""
    cut: list[int] = []
    counted = CloseUps(lambda cuts: cut.append(len(cuts)) or close_ups._look(cuts))  # type: ignore[func-returns-value]
    quad = turned(upright(450, 450, 220), 30)
    frame = Pyramid(lay(table(), quad))
    first = counted.within(frame, [boxed(quad)])
    assert cut == [TURNS, 1, 1]
    again = counted.within(frame, [boxed(quad, 0.01)], first)
    assert cut == [TURNS, 1, 1, 1]
    assert corner_error(again[0].quad, portrait(quad)) < NEAR


def test_a_box_with_no_card_in_it_is_none(close_ups: CloseUps) -> None:
    """A network on a chip takes a phone for a card; the second look may not."""
    assert close_ups.within(Pyramid(table()), [boxed(upright(450, 450, 220))]) == []


def test_two_boxes_around_one_card_are_one(close_ups: CloseUps) -> None:
    """Networks with eight bits give a card twice now and then."""
    quad = upright(450, 450, 220)
    assert len(close_ups.within(Pyramid(lay(table(), quad)), [boxed(quad), boxed(quad, 0.03)])) == 1


def test_no_boxes_no_cards(close_ups: CloseUps) -> None:
    """An empty table is what a camera sees most of the time."""
    assert close_ups.within(Pyramid(table()), []) == []
