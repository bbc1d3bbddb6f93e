"""The records that a scene is written in: which card is where and when, in which sleeve and hand, on which table."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth.light import Light
from synth.pose import Key

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Grip:
    """A hand on a card from `keys`: (seconds, how far it is away in card widths), 0 is at the card; absent outside.

    `at` is where on the card it grips, in card widths and heights from the card's centre, `angle` the way of the arm
    (0 comes from below).
    """

    kind: str
    at: tuple[float, float]
    angle: int
    keys: tuple[tuple[float, float], ...]
    seed: int = 0

    def away(self, time: float) -> float:
        """How far the hand is from the card at `time`, in card widths; infinite where there is none."""
        if not self.keys[0][0] <= time <= self.keys[-1][0]:
            return float("inf")
        times, offsets = zip(*self.keys, strict=True)
        return float(np.interp(time, times, offsets))


@dataclass(frozen=True, slots=True, eq=False)
class Showing:
    """One stay of one card: it is there from its first key to its last."""

    card_id: str
    picture: Image
    keys: tuple[Key, ...]
    sleeve: str = "none"
    foil: bool = False
    grip: Grip | None = None

    def __post_init__(self) -> None:
        times = [key.time for key in self.keys]
        if len(times) < 2 or any(b <= a for a, b in itertools.pairwise(times)):
            raise ValueError(f"a showing of {self.card_id} needs two keys or more in the order of time, not {times}")


@dataclass(frozen=True, slots=True)
class Setting:
    """The table from a frame on: its kind, how many things lie about on it, the size of a card on it (width in pixels).

    `blur`: sigma in pixels by which it is out of focus.
    """

    first_frame: int
    table: str
    clutter: int
    unit: float
    seed: int
    blur: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """A whole scene. `pan`: (seconds, x, y) by how many pixels the camera has moved; empty for a camera at rest."""

    showings: tuple[Showing, ...]
    settings: tuple[Setting, ...]
    light: Light
    frames: int
    pan: tuple[tuple[float, float, float], ...] = ()
