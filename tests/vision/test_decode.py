"""From cells to quads, on cells with a known answer."""

import numpy as np
import pytest
from detect_pictures import turned, upright
from numpy.typing import NDArray

from vision.detector.decode import CHANNELS, STRIDE, decode
from vision.quad import Quad

SIDE = 320
CELLS = SIDE // STRIDE


def logit(share: float) -> float:
    return float(np.log(share / (1 - share)))


class Page:
    """Cells that a perfect network would give."""

    def __init__(self) -> None:
        self.cells = np.zeros((CHANNELS, CELLS, CELLS), np.float32)
        self.cells[[0, 9]] = -10.0

    def card(self, quad: Quad, score: float = 0.9, spread: int = 1, corners: bool = True) -> None:
        row, column = self.cell(quad.mean(axis=0))
        for r in range(row - spread, row + spread + 1):
            for c in range(column - spread, column + spread + 1):
                share = score * 0.7 ** (abs(r - row) + abs(c - column))
                self.cells[0, r, c] = max(self.cells[0, r, c], logit(share))
                self.cells[1:9, r, c] = (quad - self.middle(r, c)).ravel()
        for corner in quad if corners else ():
            r, c = self.cell(corner)
            self.cells[9, r, c] = logit(0.9)
            self.cells[10:12, r, c] = corner - self.middle(r, c)

    @staticmethod
    def middle(row: int, column: int) -> NDArray[np.float64]:
        return np.array([column, row]) * STRIDE + (STRIDE - 1) / 2

    @staticmethod
    def cell(point: NDArray[np.float32]) -> tuple[int, int]:
        return int((point[1] + 0.5) // STRIDE), int((point[0] + 0.5) // STRIDE)


@pytest.mark.parametrize("degrees", [0, 30, 90, 200])
def test_a_card_comes_back_as_it_is(degrees: int) -> None:
    """A half cell lost between training and decoding moves every card by 16 pixels of the frame."""
    page, quad = Page(), turned(upright(150, 170, 80), degrees)
    page.card(quad)
    quads, scores = decode(page.cells, 0.5)
    assert np.abs(quads[0] - quad).max() < 0.01
    assert scores == pytest.approx([0.9], abs=1e-3)


def test_nothing_is_an_answer() -> None:
    """An empty table is what a camera sees most of the time."""
    quads, scores = decode(Page().cells, 0.5)
    assert quads.shape == (0, 4, 2)
    assert scores.shape == (0,)


def test_what_is_not_sure_enough_is_left_out() -> None:
    """The score is the user's to set."""
    page = Page()
    page.card(upright(100, 100, 60), 0.45)
    page.card(upright(220, 220, 60), 0.8)
    quads, _ = decode(page.cells, 0.5)
    assert len(quads) == 1
    assert len(decode(page.cells, 0.4)[0]) == 2


def test_the_surest_come_first() -> None:
    """Whoever takes the first few must get the best."""
    page = Page()
    for place, score in enumerate((0.6, 0.9, 0.7)):
        page.card(upright(60 + 90 * place, 160, 50), score)
    assert decode(page.cells, 0.5)[1] == pytest.approx([0.9, 0.7, 0.6], abs=1e-3)


def test_a_card_with_two_tops_is_one() -> None:
    """On a large card the heat has more than one top; both know the same corners."""
    page, quad = Page(), upright(160, 160, 150)
    page.card(quad)
    row, column = page.cell(quad.mean(axis=0))
    page.cells[0, row + 3, column] = logit(0.8)
    page.cells[1:9, row + 3, column] = (quad + 3 - page.middle(row + 3, column)).ravel()
    assert len(decode(page.cells, 0.5)[0]) == 1


def test_artwork_within_a_card_is_no_card() -> None:
    """A framed picture on a card has a card's look when it is seen alone."""
    page = Page()
    page.card(upright(160, 160, 150))
    page.card(upright(160, 120, 60), 0.8)
    quads, _ = decode(page.cells, 0.5)
    assert len(quads) == 1
    assert np.ptp(quads[0][:, 0]) == pytest.approx(150, abs=1)


def test_neighbours_and_piles_stay_apart() -> None:
    """Side by side cards touch; of two cards on a pile the lower one is a card as well."""
    page = Page()
    for quad in (upright(80, 100, 60), upright(141, 100, 60), turned(upright(220, 230, 60), 10), upright(262, 230, 60)):
        page.card(quad)
    assert len(decode(page.cells, 0.5)[0]) == 4


def test_cells_that_read_a_card_upside_down_agree() -> None:
    """A small card cannot be read: neighbouring cells may begin at opposite corners, and their mean is a point."""
    page, quad = Page(), turned(upright(150, 170, 60), 20)
    page.card(quad, corners=False)
    row, column = page.cell(quad.mean(axis=0))
    for r, c in ((row - 1, column), (row, column + 1)):
        page.cells[1:9, r, c] = (quad[[2, 3, 0, 1]] - page.middle(r, c)).ravel()
    quads, _ = decode(page.cells, 0.5)
    assert np.abs(quads[0] - quad).max() < 0.01


def test_a_corner_that_is_seen_is_believed() -> None:
    """What the middle says of a far corner is off by some percent, what the corner's own cell says is not."""
    page, quad = Page(), upright(160, 160, 120)
    page.card(quad + np.array([[4, -3], [0, 0], [-4, 2], [0, 0]], np.float32), corners=False)
    for corner in quad[:3]:
        r, c = page.cell(corner)
        page.cells[9, r, c] = logit(0.9)
        page.cells[10:12, r, c] = corner - page.middle(r, c)
    quads, _ = decode(page.cells, 0.5)
    assert np.abs(quads[0] - quad).max() < 0.01


def test_the_corner_of_another_card_is_not_taken() -> None:
    """A corner under a finger has none of its own; the next one belongs to the neighbour."""
    page, quad = Page(), upright(160, 160, 100)
    page.card(quad, corners=False)
    stray = quad[1] + [20, 0]
    r, c = page.cell(stray)
    page.cells[9, r, c] = logit(0.9)
    page.cells[10:12, r, c] = stray - page.middle(r, c)
    quads, _ = decode(page.cells, 0.5)
    assert np.abs(quads[0] - quad).max() < 0.01


def test_corners_that_cross_are_no_card() -> None:
    """A quad that is not convex cannot be rectified."""
    page = Page()
    page.card(upright(160, 160, 100)[[0, 2, 1, 3]], corners=False)
    assert len(decode(page.cells, 0.5)[0]) == 0
