"""The pictures that the detector learns from, and what it should say about them."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from synth.cards import card, draw
from synth.layers import paste
from synth.sleeve import dress
from training.detector.closeups import examples
from training.detector.compose import Composer, Made, warped
from training.detector.faces import HEIGHT, WIDTH, other_game
from training.detector.layouts import layout
from training.detector.lures import pockets
from training.detector.targets import crossing, targets
from vision.detector.decode import decode
from vision.quad import corner_error

SIDE = 320
GROUND = np.tile(np.linspace(20, 230, 400, dtype=np.uint8)[:, None, None], (1, 400, 3))


@pytest.fixture(scope="module")
def made() -> list[Made]:
    composer, rng = Composer(SIDE, [draw(card(1)), draw(card(2))], [GROUND]), np.random.default_rng(3)
    return [composer.make(rng) for _ in range(40)]


def quad_made(quad: NDArray[np.float32], visible: float = 1.0, seen: bool = True) -> Made:
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    return Made(
        image, quad[None], np.array([visible], np.float32), np.full((1, 4), seen), np.zeros((0, 4, 2), np.float32)
    )


def upright(x: float, y: float, width: float) -> NDArray[np.float32]:
    half = np.array([width, width * 88 / 63]) / 2
    return (np.array([x, y]) + half * [[-1, -1], [1, -1], [1, 1], [-1, 1]]).astype(np.float32)


def test_the_same_seed_makes_the_same_pictures(made: list[Made]) -> None:
    """A run that cannot be repeated cannot be explained."""
    composer, rng = Composer(SIDE, [draw(card(1)), draw(card(2))], [GROUND]), np.random.default_rng(3)
    for one in made[:8]:
        again = composer.make(rng)
        assert np.array_equal(one.image, again.image)
        assert np.array_equal(one.quads, again.quads)


def test_pictures_are_what_the_network_takes(made: list[Made]) -> None:
    """One odd shape among a million ends the training in its third hour."""
    for one in made:
        assert (one.image.shape, one.image.dtype) == ((SIDE, SIDE, 3), np.uint8)
        assert one.quads.shape == (len(one.visible), 4, 2)
        assert one.seen.shape == (len(one.visible), 4)
        assert np.isfinite(one.quads).all()
        assert ((one.visible >= 0) & (one.visible <= 1)).all()


def test_there_is_some_of_everything(made: list[Made]) -> None:
    """A set without empty tables, crowds, hidden and cut cards teaches none of them."""
    counts = [len(one.quads) for one in made]
    visible = np.concatenate([one.visible for one in made])
    assert min(counts) == 0
    assert max(counts) >= 6
    assert (visible > 0.95).any()
    assert ((visible > 0.1) & (visible < 0.9)).any()


@pytest.mark.parametrize("sleeve", ["none", "matte", "toploader"])
def test_the_truth_is_the_card_and_not_its_sleeve(sleeve: str) -> None:
    """Corners that are off by a sleeve's margin teach the sleeve."""
    rng, quad = np.random.default_rng(7), upright(160, 150, 120)
    red = np.full((358, 256, 3), (255, 0, 0), np.uint8)
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    paste(image, warped(rng, dress(red, sleeve, False, rng), quad, 120.0))
    rows, columns = np.nonzero(image[..., 0].astype(int) - image[..., 1] > 70)
    found = [columns.min(), columns.max(), rows.min(), rows.max()]
    assert found == pytest.approx([100, 220, 150 - 83.8, 150 + 83.8], abs=1.5)


def test_cards_of_other_games_are_cards() -> None:
    """Borders, bars and backs of any colour: never two alike, always a whole picture."""
    rng = np.random.default_rng(5)
    faces = [other_game(rng, GROUND, GROUND) for _ in range(12)]
    assert all(face.shape == (HEIGHT, WIDTH, 3) for face in faces)
    assert len({face.tobytes() for face in faces}) == 12


def test_layouts_are_convex_and_clockwise() -> None:
    """A quad that folds over in perspective has no inside to be found by."""
    rng = np.random.default_rng(1)
    for _ in range(300):
        for quad in layout(rng, SIDE):
            assert cv2.isContourConvex(quad.reshape(4, 1, 2))
            assert cv2.contourArea(quad, oriented=True) > 0


@pytest.mark.parametrize("quad", [upright(160, 150, 120), upright(40.3, 51.7, 14), upright(200, 180, 230)])
def test_a_network_that_says_its_targets_finds_the_card(quad: NDArray[np.float32]) -> None:
    """Training and decoding must mean the same cell, the same corner and the same pixel."""
    wanted = targets(quad_made(quad))
    logits = [np.where(wanted[name] > 0.99, 4.0, -6.0) for name in ("heat", "near")]
    cells = np.concatenate([logits[0], wanted["corners"], logits[1], wanted["shift"]]).astype(np.float32)
    quads, scores = decode(cells, 0.5)
    assert len(scores) == 1
    assert corner_error(quads[0], quad) < 0.002


@pytest.mark.parametrize(("visible", "asked", "top"), [(1.0, 1, 1), (0.3, 0, 0), (0.05, 1, 0)])
def test_a_half_hidden_card_is_not_asked_for(visible: float, asked: int, top: int) -> None:
    """Whether a third of a card is a card is a matter of taste: neither answer may be punished."""
    wanted = targets(quad_made(upright(164, 148, 120), visible))
    assert wanted["care"][0, 18, 20] == asked
    assert (wanted["heat"].max() > 0.99) == top


def test_a_hidden_corner_is_not_asked_for() -> None:
    """Under a finger there is nothing to be seen of a corner; what is learnt there is to guess."""
    assert targets(quad_made(upright(160, 150, 120), seen=False))["near"].max() == 0


def test_diagonals_cross_in_the_middle_of_the_card() -> None:
    """The mean of the corners of a tilted card lies nearer to its far end than its middle does."""
    middle = np.array([30.0, 40.0, 1.0])
    homography = np.array([[1, 0.1, 5], [0.05, 1, 3], [0.001, 0.004, 1]])
    corners = np.c_[upright(30, 40, 40), np.ones(4)] @ homography.T
    at = homography @ middle
    assert crossing((corners[:, :2] / corners[:, 2:]).astype(np.float32)) == pytest.approx(at[:2] / at[2], abs=1e-3)


def test_close_ups_are_of_cards_and_of_what_is_none(made: list[Made]) -> None:
    """Without the second sort, everything that is looked at is a card."""
    rng = np.random.default_rng(2)
    looks = [look for one in made for look in examples(one, rng)]
    cards = [look for look in looks if look["card"][0]]
    assert 0.3 < len(cards) / len(looks) < 0.95
    assert all(look["image"].shape == (128, 96, 3) for look in looks)
    assert all(not look["off"].any() for look in looks if not look["card"][0])
    assert 0.01 < np.median([np.abs(look["off"]).max() for look in cards]) < 0.2


def test_a_close_up_says_where_the_card_is(made: list[Made]) -> None:
    """Upright or upside down, the offsets must lead from the guess to the card, and never across it."""
    rng = np.random.default_rng(4)
    for one in made:
        for look in examples(one, rng):
            assert np.abs(look["off"]).max() < 0.8


def test_pockets_lie_around_the_cards_and_not_beyond_their_neighbours() -> None:
    """A seam that touched the card's edge would teach that the edge is elsewhere."""
    quad = upright(160, 150, 100)
    for seed in range(20):
        image = np.full((320, 320, 3), 128, np.uint8)
        pockets(np.random.default_rng(seed), image, [quad])
        ys, xs = np.nonzero((image != 128).any(axis=2))
        (left, top), (right, bottom) = quad.min(axis=0), quad.max(axis=0)
        assert xs.min() < left - 1
        assert xs.max() > right + 1
        assert ys.min() < top - 1
        assert ys.max() > bottom + 1
        assert max(left - xs.min(), xs.max() - right, top - ys.min(), ys.max() - bottom) < 25
