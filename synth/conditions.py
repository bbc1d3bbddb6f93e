"""Scenes of one difficulty each for the bench: "six", "sleeves", "glare", "drift" and "motion"."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from synth.light import Light
from synth.pose import Key, Pose
from synth.scripts import FPS, Card, Size, always, carried
from synth.showing import Script, Setting, Showing
from synth.sleeve import SLEEVES

_PLACES = ((0.2, 0.27), (0.5, 0.26), (0.8, 0.28), (0.2, 0.74), (0.5, 0.75), (0.8, 0.73))


def _poses(rng: np.random.Generator, size: Size) -> list[Pose]:
    """Six places for cards, in two rows."""
    unit = 0.2 * min(size)
    return [Pose(x * size[0], y * size[1], unit, float(rng.normal(0, 6))) for x, y in _PLACES]


def _script(showings: list[Showing], light: Light, seconds: float, size: Size, table: str = "wood") -> Script:
    return Script(tuple(showings), (Setting(0, table, 0, 0.2 * min(size), 1),), light, round(seconds * FPS))


def six(cards: Sequence[Card], rng: np.random.Generator, size: Size) -> Script:
    """One card after the other is laid down until there are six, eight seconds long."""
    deal = zip(_poses(rng, size), itertools.cycle(cards), strict=False)
    showings = [carried(shown, pose, size, 0.3 + 1.1 * turn, 100.0) for turn, (pose, shown) in enumerate(deal)]
    return _script(showings, Light(), 8, size, "playmat")


def sleeves(cards: Sequence[Card], rng: np.random.Generator, size: Size) -> Script:
    """One card in each kind of sleeve, lying still for four seconds."""
    deal = zip(_poses(rng, size), itertools.cycle(cards), itertools.cycle(SLEEVES), strict=False)
    return _script([Showing(*shown, always(pose), sleeve) for pose, shown, sleeve in deal], Light(), 4, size, "plain")


def glare(cards: Sequence[Card], rng: np.random.Generator, size: Size) -> Script:
    """A bright streak wanders over six glossy cards and back, six seconds long."""
    deal = zip(_poses(rng, size), itertools.cycle(cards), strict=False)
    light = Light(glare_level=220.0, glare_keys=((0.0, -0.1), (3.0, 1.1), (6.0, -0.1)))
    return _script([Showing(*shown, always(pose), "glossy", True) for pose, shown in deal], light, 6, size)


def drift(cards: Sequence[Card], rng: np.random.Generator, size: Size) -> Script:
    """The exposure swings by two fifths over six cards for eight seconds."""
    deal = zip(_poses(rng, size), itertools.cycle(cards), strict=False)
    return _script([Showing(*shown, always(pose)) for pose, shown in deal], Light(drift=0.4), 8, size)


def motion(cards: Sequence[Card], rng: np.random.Generator, size: Size) -> Script:
    """Three cards slide to and fro and turn on the table, and the camera sways over it, for six seconds."""
    showings = []
    for pose, shown in zip(_poses(rng, size)[::2], itertools.cycle(cards), strict=False):
        keys = [Key(-1.0, pose)]
        for time in np.arange(0.8, 6.1, 1.3):
            x, y = (float(v) * min(size) for v in rng.uniform(-0.12, 0.12, 2))
            moved = replace(pose, x=pose.x + x, y=pose.y + y, angle=pose.angle + float(rng.normal(0, 20)))
            keys += [Key(float(time), moved), Key(float(time) + 0.4, moved)]
        showings.append(Showing(*shown, tuple(keys)))
    sway = 0.02 * min(size)
    pan = tuple((0.5 * step, sway * (step % 2), sway * (step // 2 % 2)) for step in range(13))
    return replace(_script(showings, Light(), 6, size), pan=pan)


CONDITIONS: dict[str, Callable[[Sequence[Card], np.random.Generator, Size], Script]] = {
    "six": six,
    "sleeves": sleeves,
    "glare": glare,
    "drift": drift,
    "motion": motion,
}
