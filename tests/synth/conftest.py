"""Small scenes for the tests of this folder, as functions that fixtures hand out."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from synth.light import Light
from synth.pose import Key, Pose
from synth.scene import Scene
from synth.showing import Grip, Script, Setting, Showing

FLAT = Light(slope=(0.0, 0.0), warmth=0.0, vignette=0.0, drift=0.0, sensor_noise=0.0)
"""Light that changes no colour, so that pixels can be compared."""

COLOURS = ((230, 20, 20), (20, 200, 20), (20, 20, 230), (230, 220, 20))
"""Of a marked card's corners, clockwise from its own top-left."""


def _marked_card() -> NDArray[np.uint8]:
    """A card whose quarters have the four colours."""
    card = np.empty((358, 256, 3), np.uint8)
    for colour, rows, columns in zip(COLOURS, (0, 0, 1, 1), (0, 1, 1, 0), strict=True):
        card[rows * 179 : (rows + 1) * 179, columns * 128 : (columns + 1) * 128] = colour
    return card


def _cards(count: int) -> list[tuple[str, NDArray[np.uint8]]]:
    """Pairs of id and picture that cost nothing."""
    rng = np.random.default_rng(7)
    return [
        (f"card-{n}", rng.integers(0, 255, (44, 32, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)) for n in range(count)
    ]


def _lying(pose: Pose, sleeve: str = "none", card_id: str = "marked", grip: Grip | None = None) -> Showing:
    """A card that lies there all the time."""
    return Showing(card_id, _marked_card(), (Key(-1.0, pose), Key(100.0, pose)), sleeve, grip=grip)


def _table_with(*showings: Showing, size: tuple[int, int] = (480, 400), light: Light = FLAT) -> Scene:
    """Ten frames of a plain table with these cards."""
    return Scene(Script(showings, (Setting(0, "plain", 0, 100.0, 0),), light, 10), size)


@pytest.fixture()
def cards():
    return _cards


@pytest.fixture()
def lying():
    return _lying


@pytest.fixture()
def table_with():
    return _table_with


@pytest.fixture()
def colours():
    return COLOURS
