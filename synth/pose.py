"""Where a card is: poses, key frames between which it moves, and the quad that a pose gives in the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from vision.quad import CARD_ASPECT, Quad

_CAMERA_WIDTHS = 9.0
"""Distance of the camera in card widths: how strongly a tilted card tapers."""


@dataclass(frozen=True, slots=True)
class Pose:
    """A card in the picture.

    `x`, `y`: its centre in pixels; `width`: of the card itself in pixels; `angle`: degrees clockwise, 180 is upside
    down; `tilt_x`, `tilt_y`: degrees around its own horizontal and vertical axis; `lift`: height above the table in
    card widths, which moves and softens the shadow.
    """

    x: float
    y: float
    width: float
    angle: float = 0.0
    tilt_x: float = 0.0
    tilt_y: float = 0.0
    lift: float = 0.0

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise ValueError(f"a card is more than 0 px wide, not {self.width}")
        if max(abs(self.tilt_x), abs(self.tilt_y)) >= 80:
            raise ValueError(f"a card tilted by {self.tilt_x}, {self.tilt_y} degrees shows no face: stay below 80")


@dataclass(frozen=True, slots=True)
class Key:
    """The pose that a card has reached at `time` (seconds); it moves softly from one key to the next."""

    time: float
    pose: Pose


def pose_at(keys: Sequence[Key], time: float) -> Pose:
    """The pose between the keys at `time`; before the first and after the last it stays."""
    after = next((index for index, key in enumerate(keys) if key.time > time), len(keys))
    if after == 0:
        return keys[0].pose
    if after == len(keys) or keys[after].pose == keys[after - 1].pose:
        return keys[after - 1].pose
    first, last = keys[after - 1], keys[after]
    share = (time - first.time) / (last.time - first.time)
    return between(first.pose, last.pose, share * share * (3 - 2 * share))


def between(first: Pose, last: Pose, share: float) -> Pose:
    """The pose a `share` (0..1) of the way."""
    values = (getattr(first, f.name) + (getattr(last, f.name) - getattr(first, f.name)) * share for f in fields(Pose))
    return Pose(*values)


def pose_quad(pose: Pose) -> Quad:
    """The card's outer corners in the picture."""
    half_width, half_height = pose.width / 2, pose.width / CARD_ASPECT / 2
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (half_width, half_height)
    tilt_x, tilt_y, angle = (math.radians(v) for v in (pose.tilt_x, pose.tilt_y, pose.angle))
    x = corners[:, 0] * math.cos(tilt_y)
    y = corners[:, 1] * math.cos(tilt_x)
    depth = corners[:, 0] * math.sin(tilt_y) + corners[:, 1] * math.sin(tilt_x)
    scale = 1.0 / (1.0 + depth / (_CAMERA_WIDTHS * pose.width))
    x, y = x * scale, y * scale
    turned = np.stack([x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)], axis=1)
    return np.asarray(turned + np.array([pose.x, pose.y]), np.float32)
