"""Who is where in a frame: the cards that a script has in the picture, and the hands at them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from synth.hand import hand
from synth.layers import Layer
from synth.pose import Pose, pose_at, pose_quad
from synth.showing import Script, Showing
from vision.quad import Quad

_SHUTTER = 0.4
"""How long the shutter is open, in frames: what motion blur is made of."""

_REACH = 1.6
"""A hand further away than this (in card widths) no longer touches its card."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A card in one frame, in pixels of the picture.

    `index` is its showing's place in the script; `still` if it lies as in the frames around and nobody holds it;
    `motion`: how far it moves while the shutter is open.
    """

    index: int
    showing: Showing
    pose: Pose
    quad: Quad
    still: bool
    motion: Point


def cards_at(script: Script, time: float, fps: float) -> list[Placed]:
    """The cards at a time, from the lowest to the highest: what lies still, then what moves."""
    half = _SHUTTER / fps / 2
    cards = []
    for index, showing in enumerate(script.showings):
        if not showing.keys[0].time <= time < showing.keys[-1].time:
            continue
        pose, before, after = (pose_at(showing.keys, time + shift) for shift in (0.0, -half, half))
        held = showing.grip is not None and showing.grip.away(time) < _REACH
        motion = after.x - before.x, after.y - before.y
        cards.append(Placed(index, showing, pose, pose_quad(pose), before == after and not held, motion))
    return sorted(cards, key=lambda card: (not card.still, card.index))


def pan_at(script: Script, time: float) -> tuple[int, int]:
    """How many pixels the camera has moved at a time."""
    if not script.pan:
        return 0, 0
    times, xs, ys = zip(*script.pan, strict=True)
    return round(float(np.interp(time, times, xs))), round(float(np.interp(time, times, ys)))


def panned(cards: list[Placed], pan: tuple[int, int]) -> list[Placed]:
    """The cards as a camera that has moved by `pan` sees them."""
    if not any(pan):
        return cards
    poses = [replace(card.pose, x=card.pose.x - pan[0], y=card.pose.y - pan[1]) for card in cards]
    return [replace(card, pose=pose, quad=pose_quad(pose)) for card, pose in zip(cards, poses, strict=True)]


class Hands:
    """The hands of a script in a picture of `width` x `height` pixels."""

    def __init__(self, script: Script, width: int, height: int) -> None:
        self._size = width, height
        self._arms = [self._arm(showing) for showing in script.showings]

    def layer(self, card: Placed, time: float, side: str) -> Layer | None:
        """One side ("under" or "over") of the hand at a card, cut to the picture; None where there is none."""
        grip = card.showing.grip
        if grip is None or not grip.keys[0][0] <= time <= grip.keys[-1][0]:
            return None
        width, length = self._arms[card.index]
        held = hand(grip.kind, width, grip.angle, length, grip.seed)
        across, down = grip.at[0] + 0.5, grip.at[1] + 0.5
        top = card.quad[0] * (1 - across) + card.quad[1] * across
        low = card.quad[3] * (1 - across) + card.quad[2] * across
        x, y = top * (1 - down) + low * down + np.multiply(held.arm, grip.away(time) * card.pose.width)
        part = held.under if side == "under" else held.over
        return part.moved(round(float(x)), round(float(y))).cut(*self._size)

    def _arm(self, showing: Showing) -> tuple[int, int]:
        """For which card width, and how long, an arm is drawn: from any pose to the picture's edge."""
        if showing.grip is None:
            return 0, 0
        turn = np.radians(showing.grip.angle)
        way = -float(np.sin(turn)), float(np.cos(turn))
        longest, width = 0.0, showing.keys[len(showing.keys) // 2].pose.width
        for pose in (key.pose for key in showing.keys):
            places = pose.x, pose.y
            if all(0 <= at <= side for at, side in zip(places, self._size, strict=True)):
                exits = [
                    ((side if v > 0 else 0) - at) / v for side, v, at in zip(self._size, way, places, strict=True) if v
                ]
                longest = max(longest, min(exits))
        return max(16, round(width)), -(-round(longest + width) // 32) * 32
