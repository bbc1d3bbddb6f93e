"""From the network's picture to the stream's pixels: a shift of a few pixels would spoil every crop, and look right."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.sensor import SENSOR, View, centred

shares = st.floats(-0.5, 1.5, allow_nan=False)
sizes = st.integers(64, 4056)
views = st.builds(
    View,
    st.tuples(st.floats(0, 2000), st.floats(0, 1500), st.floats(100, 2000), st.floats(100, 1500)),
    st.tuples(sizes, sizes),
)


@given(views, st.lists(st.tuples(shares, shares), min_size=1, max_size=8))
def test_there_and_back(view: View, points: list[tuple[float, float]]) -> None:
    """One is what the tests make truth with, the other what the source maps with."""
    assert view.to_sensor(view.to_stream(np.array(points))) == pytest.approx(np.array(points), abs=1e-3)


@given(sizes, sizes)
def test_the_middle_stays_the_middle(width: int, height: int) -> None:
    """A centre crop is a centre crop, whatever its proportions."""
    middle = centred(width, height).to_stream(np.array([0.5, 0.5]))
    assert middle == pytest.approx([width / 2 - 0.5, height / 2 - 0.5], abs=1e-2)


@given(sizes, sizes)
def test_a_crop_lies_on_the_sensor_and_is_not_stretched(width: int, height: int) -> None:
    """Cards in a stretched stream have other proportions, which no threshold downstream is made for."""
    left, top, crop_width, crop_height = centred(width, height).crop
    assert min(left, top) >= -1e-6
    assert left + crop_width <= SENSOR[0] + 1e-6
    assert top + crop_height <= SENSOR[1] + 1e-6
    assert crop_width / crop_height == pytest.approx(width / height)


def test_the_whole_sensor() -> None:
    """The network's square input is the whole 4:3 picture, squashed: its corners are the stream's."""
    corners = centred(2028, 1520).to_stream(np.array([[0, 0], [1, 1]]))
    assert corners == pytest.approx(np.array([[-0.5, -0.5], [2027.5, 1519.5]]), abs=1e-3)


def test_the_square_in_the_middle() -> None:
    """1520x1520 loses 254 of 2028 columns on either side, of which the network still speaks."""
    view = centred(1520, 1520)
    assert view.crop == (508, 0, 3040, 3040)
    left, right = view.to_stream(np.array([[0, 0.5], [1, 0.5]]))[:, 0]
    assert (left, right) == pytest.approx((-254.5, 1773.5), abs=1e-3)
    assert not view.shows(np.array([[-200.0, 700], [-20, 700], [-20, 800], [-200, 800]]))
    assert view.shows(np.array([[-60.0, 700], [90, 700], [90, 800], [-60, 800]])), "more than half of it is there"
