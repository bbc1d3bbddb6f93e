"""Tensors to outlines: right ones are read right, and others refused, for a wrong reading gives plausible nonsense."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.onchip import Layout, LayoutError, card_classes, what
from vision.sensor import centred

LAYOUT = Layout(input_size=(640, 480), pixels=False, x_first=True, min_score=0.5)
BOX = (0.1, 0.2, 0.3, 0.6)
SQUARE = centred(480, 480)
"""A stream that shows less than the network sees."""
OUTLINE = [[0.1, 0.2], [0.3, 0.2], [0.3, 0.6], [0.1, 0.6]]


def tensors(box: tuple[float, ...] = BOX, score: float = 0.9, number: float = 0, rows: int = 5) -> list[np.ndarray]:
    made = [np.zeros((rows, 4), np.float32), np.zeros(rows, np.float32), np.zeros(rows, np.float32)]
    made[0][2], made[1][2], made[2][2] = box, score, number
    return made


def test_a_box_is_an_outline() -> None:
    """Clockwise from the top left, as a quad is; rows without a score are no cards."""
    outlines, scores = LAYOUT.outlines(tensors())
    assert outlines == pytest.approx(np.array([OUTLINE]))
    assert scores == pytest.approx([0.9])


@given(st.tuples(*[st.floats(-0.2, 1.2)] * 4))
def test_the_order_and_the_unit_are_as_the_intrinsics_say(box: tuple[float, ...]) -> None:
    """y before x is the default of the packaged networks, pixels that of exported ones; width and height differ."""
    plain, _ = LAYOUT.outlines(tensors(box))
    swapped, _ = replace(LAYOUT, x_first=False).outlines(tensors(tuple(box[i] for i in (1, 0, 3, 2))))
    pixels, _ = replace(LAYOUT, pixels=True).outlines(tensors(tuple(np.multiply(box, (640, 480, 640, 480)))))
    assert swapped == pytest.approx(plain, abs=1e-6)
    assert pixels == pytest.approx(plain, abs=1e-6)


@pytest.mark.parametrize("each", [2, 3])
def test_keypoints_are_corners(each: int) -> None:
    """x, y, or x, y and how sure: the third is no coordinate."""
    corners = np.zeros((5, 4, each), np.float32)
    corners[2, :, :2], corners[..., 2:] = OUTLINE, 77
    given_tensors = [*tensors((0, 0, 0, 0)), corners.reshape(5, -1)]
    assert what(given_tensors) == "corners"
    assert LAYOUT.outlines(given_tensors)[0] == pytest.approx(np.array([OUTLINE]))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_the_finders_maps_are_places(order: tuple[int, ...]) -> None:
    """Whatever order the chip gives them in; the middle of the card's cell, and from there to its corners."""
    maps, shape, scale = (np.zeros((channels, 48, 64), np.float32) for channels in (4, 8, 1))
    maps[:2] = -9
    maps[0, 20, 30] = 2.0
    shape[:, 20, 30] = [-0.5, -0.7, 0.5, -0.7, 0.5, 0.7, -0.5, 0.7]
    scale[:, 20, 30] = np.log(2)
    said = [(maps, shape, scale)[index] for index in order]
    assert what(said) == "places"
    quads, scores = replace(LAYOUT, input_size=(512, 384)).outlines(said)
    card = np.array([[-40, -56], [40, -56], [40, 56], [-40, 56]]) + np.array([30 * 8 + 4, 20 * 8 + 4])
    assert quads[0] * (512, 384) == pytest.approx(card)
    assert scores == pytest.approx([1 / (1 + np.exp(-2.0))])


def test_maps_of_another_input_are_refused() -> None:
    """A finder built for another size, or an .rpk of two networks: every card would lie elsewhere."""
    said = [np.zeros((channels, 48, 64), np.float32) for channels in (4, 8, 1)]
    with pytest.raises(LayoutError, match=r"maps of 64 x 48 cells for an input of 640 x 480 pixels"):
        LAYOUT.outlines(said)


def test_what_lies_beyond_the_stream_is_left_out() -> None:
    """It would be followed as a card of which no crop can be cut; nor is a box without a width a card."""
    said = tensors(rows=3)
    for row, (left, right) in enumerate([(-60, -20), (100, 140), (300, 300)]):
        said[0][row] = SQUARE.to_sensor(np.array([[left, 10], [right, 66]])).reshape(4)
    said[1][:] = 0.9
    (found,) = LAYOUT.detections(said, SQUARE)
    assert found.quad == pytest.approx(np.array([[100, 10], [140, 10], [140, 66], [100, 66]]), abs=1e-3)
    assert found.score == pytest.approx(0.9)


def test_corners_become_a_quad_and_a_box_stays_a_box() -> None:
    """A quad begins with a short edge, wherever the network began; how a card lies in its box nobody knows yet."""
    lying = np.array([[100, 10], [180, 10], [180, 66], [100, 66]])
    seen = SQUARE.to_sensor(lying)
    said = tensors(box=(*seen[0], *seen[2]))
    assert LAYOUT.detections(said, SQUARE)[0].quad == pytest.approx(lying, abs=1e-3)
    corners = np.zeros((5, 8), np.float32)
    corners[2] = seen.reshape(8)
    quad = LAYOUT.detections([*said, corners], SQUARE)[0].quad
    assert np.linalg.norm(quad[1] - quad[0]) == pytest.approx(56, abs=1e-3)


def test_only_cards_count() -> None:
    """A network for eighty things sees a hand and a cup as well."""
    assert len(replace(LAYOUT, classes=frozenset({3})).outlines(tensors(number=3))[0]) == 1
    assert len(replace(LAYOUT, classes=frozenset({3})).outlines(tensors(number=4))[0]) == 0
    assert len(LAYOUT.outlines(tensors(score=0.49))[0]) == 0
    assert len(LAYOUT.outlines(tensors(box=(np.nan, 0, 1, 1)))[0]) == 0


def test_pixels_that_should_be_shares_are_refused() -> None:
    """Forgotten in the intrinsics, every box would lie far outside of the frame and the table would be empty."""
    with pytest.raises(LayoutError, match=r"reach 412 where 1 is the whole picture: set cpu.bbox_normalization"):
        LAYOUT.outlines(tensors((100, 100, 412, 300)))


@pytest.mark.parametrize(
    "shapes",
    [
        [],
        [(1000,)],
        [(1, 5, 4), (1, 5), (1, 5)],
        [(5, 4), (5, 80)],
        [(5, 4), (5,), (5,), (5, 51)],
        [(0, 4), (0,), (0,)],
    ],
    ids=["none", "classifier", "batch", "raw", "people", "empty"],
)
def test_other_networks_are_refused(shapes: list[tuple[int, ...]]) -> None:
    """One line that says what it gives, and what it has to give."""
    with pytest.raises(LayoutError, match=r"the network gives tensors .*; it has to give boxes \[n, 4\]"):
        what([np.zeros(shape, np.float32) for shape in shapes])


def test_the_fourth_tensor_may_be_a_count() -> None:
    """The packaged networks give how many boxes there are, besides."""
    assert what([*tensors(), np.array([1.0])]) == "boxes"


def test_which_class_is_a_card() -> None:
    """Without labels, or with one, there is no question; with eighty there is, and a wrong guess names hands."""
    assert card_classes(None, "") is None
    assert card_classes(["Trading card"], "") is None
    assert card_classes(["hand", "Card"], "") == {1}
    assert card_classes(["hand", "book"], "book") == {1}
    with pytest.raises(LayoutError, match=r"labels \(hand, book\) name no 'card': set the one that means a card"):
        card_classes(["hand", "book"], "")
    with pytest.raises(LayoutError, match="name no 'crad'"):
        card_classes(["card"], "crad")
