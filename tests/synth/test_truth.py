from __future__ import annotations

import numpy as np
import pytest

from synth.pose import Key, Pose
from synth.showing import Grip
from synth.sleeve import SLEEVES
from vision.quad import is_convex
from vision.quad import size as quad_size
from vision.rectify import rectify

POSES = (
    Pose(240, 200, 120, 0),
    Pose(240, 200, 120, 37),
    Pose(240, 200, 120, 180),
    Pose(230, 210, 150, -95, tilt_x=25, tilt_y=-18),
    Pose(240, 200, 60, 140, tilt_x=-12),
)


@pytest.mark.parametrize("sleeve", SLEEVES)
@pytest.mark.parametrize("pose", POSES)
def test_the_quad_is_where_the_card_is(pose, sleeve, table_with, lying, colours):
    """A quad that is off, turned or the sleeve's would score every detector wrongly."""
    frame = table_with(lying(pose, sleeve)).frame(0)
    (truth,) = frame.truth
    assert is_convex(truth.quad)
    crop = rectify(frame.image, truth.quad).astype(int)
    for colour, y, x in zip(colours, (0.1, 0.1, 0.9, 0.9), (0.1, 0.9, 0.9, 0.1), strict=True):
        found = crop[int(y * 358), int(x * 256)]
        nearest = min(range(4), key=lambda n: np.abs(found - colours[n]).sum())
        assert colours[nearest] == colour


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_the_quad_ends_where_the_card_ends(angle, table_with, lying):
    """An offset of half a pixel or a margin taken for the card would shift every crop."""
    pose = Pose(240.0, 200.0, 126.0, angle)
    image = table_with(lying(pose)).frame(0).image.astype(int)
    upright = angle % 180 == 0
    line = image[230, :, :] if upright else image[:, 265, :]
    middle, half = (240.0 if upright else 200.0), 63.0
    coloured = np.nonzero(line.max(axis=1) - line.min(axis=1) > 90)[0]
    assert coloured.min() == pytest.approx(middle - half, abs=1.0)
    assert coloured.max() == pytest.approx(middle + half, abs=1.0)


def test_the_width_is_the_cards(table_with, lying):
    """A detector's size gates are set from these widths."""
    (truth,) = table_with(lying(Pose(240, 200, 100, 20), "toploader")).truth(0)
    assert quad_size(truth.quad)[0] == pytest.approx(100, rel=0.01)
    assert quad_size(truth.quad)[1] == pytest.approx(100 * 88 / 63, rel=0.01)


def test_a_card_half_out_of_the_picture_is_half_visible(table_with, lying):
    """Cards that cannot be seen would count as missed."""
    (truth,) = table_with(lying(Pose(0, 200, 120))).truth(0)
    assert truth.visible == pytest.approx(0.5, abs=0.03)


def test_a_card_outside_is_not_in_the_truth(table_with, lying):
    """A card that nobody can see would count as missed."""
    assert table_with(lying(Pose(-200, 200, 120))).truth(0) == []


def test_a_card_on_top_takes_from_the_one_below(table_with, lying):
    """A pile would ask for cards that lie under others."""
    below, above = lying(Pose(200, 200, 120), card_id="below"), lying(Pose(260, 200, 120), card_id="above")
    first, second = table_with(below, above).truth(0)
    assert (first.card_id, second.card_id) == ("below", "above")
    assert first.visible == pytest.approx(0.5, abs=0.03)
    assert second.visible == 1.0


@pytest.mark.parametrize("grip", ["thumb", "fingers", "tip"])
def test_fingers_cover_a_part(grip, table_with, lying):
    """A finger over a card must cost visibility, in the truth as in the pixels."""
    pose = Pose(240, 180, 150)
    held = lying(pose, grip=Grip(grip, (0.0, 0.5), 0, ((-1.0, 0.0), (100.0, 0.0))))
    frame, free = table_with(held).frame(0), table_with(lying(pose)).frame(0)
    (truth,) = frame.truth
    crop, bare = (rectify(f.image, truth.quad).astype(int) for f in (frame, free))
    covered = float((np.abs(crop - bare).sum(axis=2) > 60).mean())
    assert 0.01 < 1 - truth.visible < 0.3
    assert 1 - truth.visible == pytest.approx(covered, abs=0.05)  # the shadow of the fingers, too


def test_a_hand_that_has_left_covers_nothing(table_with, lying):
    """A card that lies free would count as covered."""
    gone = lying(Pose(240, 180, 150), grip=Grip("thumb", (0.0, 0.5), 0, ((-1.0, 9.0), (100.0, 9.0))))
    assert table_with(gone).truth(0)[0].visible == 1.0


def test_keys_out_of_order_are_refused(lying):
    """A card that moves backwards in time would just not be there."""
    showing = lying(Pose(240, 180, 150))
    with pytest.raises(ValueError, match="order of time"):
        type(showing)("x", showing.picture, (Key(2.0, showing.keys[0].pose), Key(1.0, showing.keys[0].pose)))
