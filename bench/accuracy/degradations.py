"""What a camera does to a card, on canonical crops: stand-ins for real crops where only clean pictures are at hand.

They are measured apart from training's augmentations on purpose: a model must not be graded by what it practised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How bad it gets: each value is the limit of a uniform draw, each `p_` the probability that it happens at all."""

    corner: float = 0.0
    """Error of each corner coordinate as a share of the card's width."""
    shrink: float = 1.0
    """The card's smallest size in the frame as a share of the crop."""
    blur_px: float = 0.0
    """Sigma of the defocus."""
    motion_px: float = 0.0
    exposure: float = 0.0
    """Brightness is multiplied by 1 ± this."""
    tint: float = 0.0
    """Each channel is multiplied by 1 ± this."""
    noise: float = 0.0
    """Sigma in grey levels."""
    jpeg: int = 100
    """Lowest quality."""
    p_glare: float = 0.0
    glare: float = 0.0
    """Strength of a bright streak or spot, 1 is white."""
    p_cover: float = 0.0
    cover: float = 0.0
    """Share of the card that something lies on (exactly this share, from one side)."""


MEDIUM = Level(corner=0.02, shrink=0.5, blur_px=1.2, exposure=0.25, tint=0.12, noise=4, jpeg=50, p_glare=0.3, glare=0.6)
HARSH = Level(
    corner=0.06,
    shrink=0.15,
    blur_px=3.0,
    motion_px=9.0,
    exposure=0.5,
    tint=0.3,
    noise=12,
    jpeg=20,
    p_glare=0.7,
    glare=1.0,
    p_cover=0.5,
    cover=0.2,
)


def degrade(crop: Image, level: Level, rng: np.random.Generator) -> Image:
    """The crop uint8 RGB [h, w, 3] as a camera might have shown it, at the same size; `rng` decides all that varies."""
    image = crop
    if level.p_cover and rng.random() < level.p_cover:
        image = _cover(image, level.cover, rng)
    if level.corner:
        image = _misalign(image, level.corner, rng)
    if level.p_glare and rng.random() < level.p_glare:
        image = _glare(image, level.glare, rng)
    image = _soften(image, level, rng)
    return _expose(image, level, rng)


def _cover(image: Image, share: float, rng: np.random.Generator) -> Image:
    """A finger-coloured edge with a slant, over `share` of the area from a random side."""
    height, width = image.shape[:2]
    ys, xs = np.mgrid[0:height, 0:width]
    angle = rng.integers(4) * np.pi / 2 + rng.uniform(-0.4, 0.4)
    depth = xs / width * np.cos(angle) + ys / height * np.sin(angle)
    hidden = depth >= np.quantile(depth, 1 - share)
    covered = image.copy()
    covered[hidden] = np.clip(rng.uniform([140, 90, 60], [240, 190, 160]), 0, 255).astype(np.uint8)
    return covered


def _misalign(image: Image, error: float, rng: np.random.Generator) -> Image:
    """As rectified from a quad that is off; what lies around the card is a plain table."""
    height, width = image.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    found = (corners + rng.uniform(-error, error, (4, 2)) * width).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(found, corners)
    table = tuple(float(value) for value in rng.uniform(20, 220, 3))
    warped: Any = cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=table)
    return np.asarray(warped, np.uint8)


def _glare(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """A lamp on a sleeve: a soft white ellipse, from a spot to a long streak, up to a third of the card."""
    height, width = image.shape[:2]
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y, angle = rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.9) * height, rng.uniform(0, np.pi)
    along = (xs - x) * np.cos(angle) + (ys - y) * np.sin(angle)
    across = (ys - y) * np.cos(angle) - (xs - x) * np.sin(angle)
    long, short = rng.uniform(0.15, 0.8) * width, rng.uniform(0.06, 0.2) * width
    light = strength * rng.uniform(0.6, 1.0) * np.exp(-((along / long) ** 2) - (across / short) ** 2)[..., None]
    return np.asarray(image + (255.0 - image) * light, np.uint8)


def _soften(image: Image, level: Level, rng: np.random.Generator) -> Image:
    """Distance, focus and motion."""
    height, width = image.shape[:2]
    soft: Any = image
    if level.motion_px:
        length = int(rng.uniform(1, level.motion_px)) | 1
        kernel = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1.0 / length
        turn = cv2.getRotationMatrix2D((length // 2, length // 2), float(rng.uniform(0, 180)), 1.0)
        kernel = np.asarray(cv2.warpAffine(kernel, turn, (length, length)), np.float32)
        soft = cv2.filter2D(soft, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    if level.blur_px:
        soft = cv2.GaussianBlur(soft, (0, 0), float(rng.uniform(0.1, level.blur_px)))
    if level.shrink < 1:
        scale = rng.uniform(level.shrink, 1.0)
        soft = cv2.resize(soft, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        soft = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(soft, np.uint8)


def _expose(image: Image, level: Level, rng: np.random.Generator) -> Image:
    """Light, white balance, noise and compression."""
    gain = rng.uniform(1 - level.exposure, 1 + level.exposure) * rng.uniform(1 - level.tint, 1 + level.tint, 3)
    lit = image * gain
    if level.noise:
        lit = lit + rng.normal(0, rng.uniform(0, level.noise), image.shape)
    shown = np.clip(lit, 0, 255).astype(np.uint8)
    if level.jpeg >= 100:
        return shown
    quality = int(rng.integers(level.jpeg, 100))
    _, code = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
