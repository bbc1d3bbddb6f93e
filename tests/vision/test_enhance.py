"""Enhancement for poor light."""

from __future__ import annotations

import numpy as np
import pytest

from vision.enhance import enhance
from vision.rectify import Image


def crop(low: int, high: int) -> Image:
    ramp = np.linspace(low, high, 256).astype(np.uint8)
    card = np.broadcast_to(ramp[None, :, None], (358, 256, 3)).copy()
    card[::16] = low
    return card


def test_a_dark_crop_gets_brighter_and_a_bright_one_darker() -> None:
    """What the option is for; the wrong direction would bury the picture."""
    assert enhance(crop(0, 50)).mean() > crop(0, 50).mean() + 20
    assert enhance(crop(200, 255)).mean() < crop(200, 255).mean()


def test_contrast_grows() -> None:
    """A crop through a milky sleeve has all its values in a narrow band."""
    assert enhance(crop(110, 140)).std() > 1.2 * crop(110, 140).std()


@pytest.mark.parametrize("value", [0, 255])
def test_flat_crops_stay_finite(value: int) -> None:
    """Gamma from the mean divides by its logarithm: black and white are the ends."""
    assert enhance(np.full((358, 256, 3), value, np.uint8)).dtype == np.uint8


def test_the_crop_itself_is_left_alone() -> None:
    """The selector keeps crops while it waits for a sharper one."""
    card = crop(20, 80)
    before = card.copy()
    assert enhance(card).shape == card.shape
    assert np.array_equal(card, before)
