"""The detector's parts, each on an input with a known answer."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from detect_pictures import table, tilted, turned, upright

from vision.detector.lines import chains, join, segments
from vision.detector.refine import refine
from vision.detector.shape import areas, misfit, ordered, overlaps, widths


def test_an_edge_behind_a_finger_is_one_line() -> None:
    """Cut in two, the side of a held card is too short on either side of the finger to be a side."""
    picture = table(400, 400)
    picture[:, 200:] = 220
    picture[150:230, 150:250] = (215, 160, 130)
    found, gradient = chains(cv2.GaussianBlur(picture, (3, 3), 0))
    lines = join(segments(found, gradient), (400, 400))
    upwards = np.abs(lines.direction[:, 0]) < 0.05
    at = lines.point[:, 0]
    reach = (lines.extent[:, 1] - lines.extent[:, 0])[upwards & (np.abs(at - 199.5) < 1)]
    assert len(reach) == 1
    assert reach[0] > 380


def test_sides_are_refined_below_a_pixel() -> None:
    """The reduced picture is known to four pixels of the frame; a crop needs 2 % of the card's width."""
    truth = turned(upright(200, 200, 180), 12)
    big = np.full((1600, 1600), 60, np.uint8)
    cv2.fillPoly(big, [np.round(truth * 4 + 1.5).astype(np.int32)], 200)
    picture = np.repeat(cv2.resize(big, (400, 400), interpolation=cv2.INTER_AREA)[..., None], 3, axis=2)
    rough = truth + np.array([[2, 1], [-1, 2], [1.5, -2], [-1, 1]], np.float32)
    quads, support = refine(picture, rough[None], np.array([5.0], np.float32), 6)
    quads, support = refine(picture, quads, np.array([2.0], np.float32), 5)
    assert np.abs(quads[0] - truth).max() < 0.3
    assert support.min() > 0.95


@pytest.mark.parametrize("axis", [0, 35, 90])
def test_a_seen_card_fits_and_others_do_not(axis: int) -> None:
    """The ratio of a quad's sides says little under perspective; the rectangle behind it has a card's aspect."""
    card = tilted(300, 30, axis)
    aspect, skew = misfit(card[None], (900, 900))
    assert aspect[0] < 0.01
    assert skew[0] < 0.02
    square = upright(450, 450, 300)
    square[2:, 1] = square[0, 1] + 300
    assert misfit(square[None], (900, 900))[0][0] > 0.3


def test_quads_are_put_in_order_with_what_belongs_to_their_sides() -> None:
    """A value that stays behind when the corners move is blamed on another side."""
    quad = upright(100, 100, 60)
    anticlockwise = quad[[1, 0, 3, 2]]
    for corners, values in (
        (quad, [0, 1, 2, 3]),
        (np.roll(quad, 1, axis=0), [3, 0, 1, 2]),
        (anticlockwise, [0, 3, 2, 1]),
    ):
        found, per_side = ordered(corners[None].astype(np.float32), np.array([values], np.float32))
        middle = (found[0] + np.roll(found[0], -1, axis=0)) / 2
        truth = (quad + np.roll(quad, -1, axis=0)) / 2
        for side, value in zip(middle, per_side[0], strict=True):
            assert np.allclose(side, truth[int(value)])
        assert np.linalg.norm(found[0, 1] - found[0, 0]) == pytest.approx(60)


def test_overlaps_are_shares_of_the_first() -> None:
    """Whether artwork lies in a card or a card in its artwork depends on which share is meant."""
    large, small, apart = upright(100, 100, 80), upright(100, 100, 30), upright(300, 300, 40)
    share = overlaps(np.stack([large, small, apart]))
    assert share[1, 0] == 1.0
    assert share[0, 1] < 0.2
    assert share[2, 0] == share[0, 2] == 0.0


def test_sizes() -> None:
    """Widths and areas decide what is too small and which of two is the outer one."""
    quads = np.stack([upright(100, 100, 63), turned(upright(100, 100, 63), 30)])
    assert widths(quads) == pytest.approx([63, 63], rel=1e-4)
    assert areas(quads) == pytest.approx([63 * 88, 63 * 88], rel=1e-4)
