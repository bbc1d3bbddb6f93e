"""Close-ups: cut, said how far off, moved back."""

import numpy as np
import pytest
from detect_pictures import lay, table, tilted, turned, upright

from vision.detector.closeup import HEIGHT, NOMINAL, UNIT, WIDTH, close_ups, moved, off_by
from vision.detector.pyramid import Pyramid

QUADS = np.stack([upright(300, 320, 90), turned(upright(450, 450, 260), 200), tilted(300, 30, 40)])
WRONG = np.array([[5, -3], [-4, 2], [3, 6], [-6, 1]], np.float32)


def test_what_is_off_is_moved_back() -> None:
    """The network learns one and the runtime does the other: a sign or a swapped axis would double every error."""
    rough = QUADS + WRONG
    assert np.abs(moved(rough, off_by(QUADS, rough)) - QUADS).max() < 0.01


def test_a_right_quad_is_not_moved() -> None:
    """Of a perfect guess nothing must be lost."""
    assert off_by(QUADS, QUADS) == pytest.approx(0, abs=1e-4)
    assert np.abs(moved(QUADS, np.zeros((3, 8), np.float32)) - QUADS).max() < 1e-2


def test_offsets_are_in_card_widths() -> None:
    """The loss and the tolerances are in card widths, whatever the card's size in the frame."""
    truth, rough = upright(300, 300, 200), upright(310, 300, 200)
    assert off_by(truth[None], rough[None])[0].reshape(4, 2) == pytest.approx(np.array([[-0.05, 0]] * 4), abs=1e-3)


@pytest.mark.parametrize("quad", QUADS)
def test_the_card_lies_where_it_should(quad: np.ndarray) -> None:
    """The margin is what the network needs to see that a quad is too small."""
    picture = lay(table(), quad)
    cut = close_ups(Pyramid(picture), quad[None])[0].astype(int)
    bare = close_ups(Pyramid(table()), quad[None])[0].astype(int)
    changed = np.abs(cut - bare).sum(axis=2) > 30
    inside = np.zeros((HEIGHT, WIDTH), bool)
    left, top = np.ceil(NOMINAL[0] + 1).astype(int)
    right, bottom = np.floor(NOMINAL[2] - 1).astype(int)
    inside[top : bottom + 1, left : right + 1] = True
    assert changed[inside].mean() > 0.9
    assert changed[~inside].mean() < 0.1
    assert right - left == pytest.approx(UNIT, abs=4)


def test_what_lies_beyond_the_frame_is_black() -> None:
    """A card at the edge of the frame has no neighbourhood there."""
    cut = close_ups(Pyramid(np.full((400, 400, 3), 200, np.uint8)), upright(0, 200, 100)[None])[0]
    assert not cut[:, : WIDTH // 2 - 2].any()
    assert (cut[20:-20, WIDTH // 2 + 2 :] == 200).all()


def test_no_quads_no_close_ups() -> None:
    """An empty table is what a camera sees most of the time."""
    assert close_ups(Pyramid(table()), np.zeros((0, 4, 2), np.float32)).shape == (0, HEIGHT, WIDTH, 3)
