"""The ready-made scenes: what happens in "demo", "still", "binder", "hand", "clutter", "swap" and "empty".

Lengths are shares of the shorter side of the picture, so that a scene looks alike at any size.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from synth.cards import card, draw
from synth.light import Light
from synth.pose import Key, Pose, between
from synth.showing import Grip, Script, Setting, Showing
from synth.sleeve import SLEEVES
from synth.table import POCKET, TABLES
from vision.quad import CARD_ASPECT

Image = NDArray[np.uint8]
Card = tuple[str, Image]
Size = tuple[int, int]

FPS = 30.0
_CARRY, _LET_GO = 0.75, 0.45
"""Seconds that a hand takes to bring a card, and to let go of it and leave."""

_UNKNOWN_SEED = 500_000


def _below(angle: float) -> tuple[float, float]:
    """The point of a card's edge that lies lowest in the picture when the card is turned by `angle` degrees."""
    turn = np.radians(angle)
    return 0.5 * float(np.sin(turn)), 0.5 * float(np.cos(turn))


def carried(
    shown: Card,
    pose: Pose,
    size: Size,
    start: float,
    end: float,
    *,
    arm: int = 0,
    sleeve: str = "none",
    foil: bool = False,
    grip: str = "thumb",
) -> Showing:
    """A card that a hand brings from outside to `pose`, leaves there, and takes away again at `end`.

    `start` and `end` are the seconds in which it leaves and reaches the outside.
    """
    reach = 1.35 * max(size)
    outside = replace(_outside(pose, arm, reach), lift=0.6, angle=pose.angle + 12, tilt_x=8.0, tilt_y=-6.0)
    near = replace(between(pose, outside, 0.03), lift=0.12)
    keys = (
        Key(start, outside),
        Key(start + _CARRY, near),
        Key(start + _CARRY + 0.12, pose),
        Key(end - _CARRY - 0.12, pose),
        Key(end - _CARRY, near),
        Key(end, outside),
    )
    away = reach / pose.width
    landed, lifted = start + _CARRY + 0.15, end - _CARRY - 0.15
    hands = ((start, 0.0), (landed, 0.0), (landed + _LET_GO, away), (lifted - _LET_GO, away), (lifted, 0.0), (end, 0.0))
    return Showing(shown[0], shown[1], keys, sleeve, foil, Grip(grip, _below(pose.angle - arm), arm, hands))


def demo(cards: Sequence[Card], rng: np.random.Generator, size: Size) -> Script:
    """Twelve seconds: one card, three in sleeves, one upside down, one sideways, a pile, a return, a stranger."""
    width, height = size
    unit = 0.215 * min(size)
    deal = itertools.cycle(cards)
    first = next(deal)

    def at(x: float, y: float, angle: float) -> Pose:
        return Pose(x * width, y * height, unit, angle + float(rng.normal(0, 1.5)))

    stranger = card(_UNKNOWN_SEED + int(rng.integers(1000)))
    unknown = f"unknown:{stranger.id}", draw(stranger)
    showings = (
        carried(first, at(0.5, 0.5, 3), size, 0.5, 3.0),
        carried(next(deal), at(0.18, 0.28, -4), size, 2.6, 8.7, arm=80, sleeve="glossy"),
        carried(next(deal), at(0.5, 0.27, 2), size, 3.1, 10.9, arm=0, sleeve="matte"),
        carried(next(deal), at(0.82, 0.28, 5), size, 3.7, 11.3, arm=-80, sleeve="toploader", foil=True),
        carried(next(deal), at(0.2, 0.73, 180), size, 4.6, 9.4, arm=20),
        carried(next(deal), at(0.5, 0.75, 90), size, 5.3, 10.6, arm=0),
        carried(next(deal), at(0.81, 0.72, -3), size, 6.1, 11.7, arm=-15),
        carried(next(deal), at(0.83, 0.74, 9), size, 7.0, 11.0, arm=-15, sleeve="scuffed"),
        carried(first, at(0.18, 0.3, 8), size, 8.4, 11.5, arm=80),
        carried(unknown, at(0.2, 0.72, -6), size, 9.0, 11.4, arm=20),
    )
    light = Light(glare_level=150.0, glare_keys=((4.8, -0.2), (7.6, 1.2)))
    return Script(showings, (Setting(0, "wood", 0, unit, 1),), light, round(12 * FPS))


def still(cards: Sequence[Card], rng: np.random.Generator, size: Size) -> Script:
    """Five cards that lie still for five seconds."""
    width, height = size
    unit = 0.2 * min(size)
    places = ((0.2, 0.27), (0.5, 0.25), (0.8, 0.28), (0.34, 0.73), (0.67, 0.74))
    showings = []
    for (x, y), shown in zip(places, itertools.cycle(cards), strict=False):
        pose = Pose(x * width, y * height, unit, float(rng.normal(0, 8)))
        showings.append(Showing(*shown, always(pose), SLEEVES[int(rng.integers(len(SLEEVES)))]))
    table = TABLES[int(rng.integers(len(TABLES)))]
    return Script(tuple(showings), (Setting(0, table, 0, unit, 1),), Light(drift=0.015), round(5 * FPS))


def always(pose: Pose) -> tuple[Key, ...]:
    """The keys of a card that stays there."""
    return Key(-1.0, pose), Key(1e6, pose)


def binder(cards: Sequence[Card], rng: np.random.Generator, size: Size) -> Script:
    """A page of nine pockets; the camera pans slowly over it for six seconds."""
    unit = 0.25 * min(size)
    pan = 0.12 * size[0], 0.14 * size[1]
    x, y = (size[0] + pan[0] + 1) / 2, (size[1] + pan[1] + 1) / 2
    showings = []
    for pocket, shown in zip(range(9), itertools.cycle(cards), strict=False):
        across, down = (pocket % 3 - 1) * POCKET[0] * unit, (pocket // 3 - 1) * POCKET[1] * unit
        pose = Pose(
            x + across + float(rng.normal(0, 2)), y + down + float(rng.normal(0, 2)), unit, float(rng.normal(0, 0.8))
        )
        showings.append(Showing(*shown, always(pose), "glossy"))
    light = Light(glare_level=90.0, glare_keys=((0.0, 0.1), (6.0, 0.9)), glare_angle=-30.0)
    way = ((0.0, 0.0, 0.0), (3.0, pan[0], pan[1] / 2), (6.0, pan[0] / 3, pan[1]))
    return Script(tuple(showings), (Setting(0, "binder", 0, unit, 1),), light, round(6 * FPS), way)


_GRIPS = (("thumb", (0.1, 0.5), 0), ("fingers", (-0.5, 0.3), 70), ("tip", (0.5, 0.36), -40), ("thumb", (-0.3, 0.5), 15))
"""How the cards of "hand" are held: by what, where on the card, and from which side."""


def held(cards: Sequence[Card], rng: np.random.Generator, size: Size) -> Script:
    """Four cards, one after the other, held into the camera and tilted; each is 40 % of the picture high."""
    unit = 0.4 * size[1] * CARD_ASPECT
    showings = []
    for turn, ((kind, at, arm), shown) in enumerate(zip(_GRIPS, itertools.cycle(cards), strict=False)):
        start, end = 0.3 + 2.9 * turn, 3.15 + 2.9 * turn
        middle = Pose(size[0] / 2, size[1] / 2, unit, lift=1.0)
        outside = replace(_outside(middle, arm, 1.2 * max(size)), angle=10.0)
        shown_keys = (Key(start + 0.6 + 0.42 * step, _tilted(middle, rng)) for step in range(5))
        keys = Key(start, outside), *shown_keys, Key(end, outside)
        grip = Grip(kind, at, arm, ((start, 0.0), (end, 0.0)), turn % 2)
        showings.append(Showing(*shown, keys, ("none", "glossy", "none", "matte")[turn], turn == 2, grip))
    light = Light(glare_level=70.0, glare_keys=((0.0, 0.55), (6.0, 0.4), (12.0, 0.6)))
    return Script(tuple(showings), (Setting(0, "wood", 3, 0.5 * unit, 1, 0.012 * unit),), light, round(12 * FPS))


def _tilted(pose: Pose, rng: np.random.Generator) -> Pose:
    """About there, at some tilt."""
    tilt_x, tilt_y = (float(v) for v in rng.uniform(-24, 24, 2))
    return replace(
        pose,
        x=pose.x * float(rng.uniform(0.84, 1.16)),
        y=pose.y * float(rng.uniform(0.8, 1.04)),
        width=pose.width * float(rng.uniform(0.95, 1.05)),
        angle=float(rng.normal(0, 9)),
        tilt_x=tilt_x,
        tilt_y=tilt_y,
    )


def _outside(pose: Pose, arm: int, reach: float) -> Pose:
    """The same pose `reach` pixels away, on the side that an arm of this angle comes from."""
    turn = np.radians(arm)
    return replace(pose, x=pose.x - reach * float(np.sin(turn)), y=pose.y + reach * float(np.cos(turn)))


_HOLD = 10
"""Frames that a composition of "clutter" stays."""
_HELD_WIDTH = 0.13
"""Hands are drawn at cards from this share of the picture on: a smaller one would show where the arm ends."""


def clutter(cards: Sequence[Card], rng: np.random.Generator, size: Size) -> Script:
    """Thirty compositions of ten frames: one to six cards of any size and angle among pens, coins, dice and notes."""
    showings: list[Showing] = []
    settings = []
    unit = min(size)
    deal = itertools.cycle(cards)
    for number in range(30):
        settings.append(
            Setting(
                number * _HOLD, TABLES[int(rng.integers(len(TABLES)))], int(rng.integers(3, 14)), 0.2 * unit, number
            )
        )
        span = (number * _HOLD - 0.5) / FPS, ((number + 1) * _HOLD - 0.5) / FPS
        poses: list[Pose] = []
        for _ in range(int(rng.integers(1, 7))):
            pose = _free_place(rng, size, poses)
            if pose is not None:
                poses.append(pose)
                showings.append(_strewn(next(deal), pose, span, size, rng))
    light = Light(
        glare_level=120.0, glare_keys=tuple((2.0 * step, float(rng.random())) for step in range(6)), drift=0.08
    )
    return Script(tuple(showings), tuple(settings), light, 30 * _HOLD)


def _free_place(rng: np.random.Generator, size: Size, poses: Sequence[Pose]) -> Pose | None:
    """A place where a card touches none of the others and no more than a corner leaves the picture."""
    for _ in range(40):
        wide = min(size) * float(np.exp(rng.uniform(np.log(60 / 1520), np.log(400 / 1520))))
        x, y = (float(rng.uniform(0.5 * wide, max(0.5 * wide + 1, side - 0.5 * wide))) for side in size)
        if all(np.hypot(x - p.x, y - p.y) > 0.82 * (wide + p.width) for p in poses):
            return Pose(x, y, wide, float(rng.uniform(0, 360)), float(rng.normal(0, 7)), float(rng.normal(0, 7)))
    return None


def _strewn(shown: Card, pose: Pose, span: tuple[float, float], size: Size, rng: np.random.Generator) -> Showing:
    keys = Key(span[0], pose), Key(span[1], pose)
    sleeve = SLEEVES[int(rng.integers(len(SLEEVES)))] if rng.random() < 0.6 else "none"
    grip = None
    if rng.random() < 0.2 and pose.width > _HELD_WIDTH * min(size):
        arm, kind = int(rng.integers(-8, 9)) * 10, ("fingers", "tip")[int(rng.integers(2))]
        grip = Grip(kind, _below(pose.angle - arm), arm, ((span[0], 0.0), (span[1], 0.0)), int(rng.integers(4)))
    return Showing(*shown, keys, sleeve, bool(rng.random() < 0.15), grip)


def swap(cards: Sequence[Card], rng: np.random.Generator, size: Size) -> Script:
    """Twelve cards dealt one after the other onto the same pile."""
    width, height = size
    unit = 0.26 * min(size)
    showings = []
    for turn, shown in zip(range(12), itertools.cycle(cards), strict=False):
        pose = Pose(
            width * 0.5 + float(rng.normal(0, 3)),
            height * 0.47 + float(rng.normal(0, 3)),
            unit,
            float(rng.normal(0, 2)),
        )
        dealt = carried(
            shown, pose, size, 0.4 + 1.1 * turn, 100.0, arm=-60, sleeve="none" if turn % 3 else "matte", grip="fingers"
        )
        covered = 0.4 + 1.1 * (turn + 2) + _CARRY
        showings.append(replace(dealt, keys=(*dealt.keys[:3], Key(min(covered, 14.5), pose))))
    return Script(tuple(showings), (Setting(0, "playmat", 0, unit, 1),), Light(), round(14.5 * FPS))


def empty(_cards: Sequence[Card], rng: np.random.Generator, size: Size) -> Script:
    """A table without cards for four seconds, with and then without things on it."""
    unit = 0.2 * min(size)
    tables = [TABLES[int(n)] for n in rng.permutation(len(TABLES))[:4]]
    settings = tuple(Setting(30 * step, kind, (0, 8)[step % 2], unit, step) for step, kind in enumerate(tables))
    return Script((), settings, Light(), round(4 * FPS))


SCRIPTS: dict[str, Callable[[Sequence[Card], np.random.Generator, Size], Script]] = {
    "demo": demo,
    "still": still,
    "binder": binder,
    "hand": held,
    "clutter": clutter,
    "swap": swap,
    "empty": empty,
}
