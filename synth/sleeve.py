"""What a card wears: sleeves and toploaders, as a see-through picture that reaches beyond the card's edge."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from synth.draw import Colour, colour, soft_noise
from vision.quad import CARD_ASPECT, Quad

Image = NDArray[np.uint8]

SLEEVES = ("none", "glossy", "matte", "scuffed", "toploader")

_MARGINS = {
    "none": (0.0, 0.0),
    "glossy": (0.024, 0.026),
    "matte": (0.024, 0.026),
    "scuffed": (0.024, 0.026),
    "toploader": (0.1, 0.1),
}
"""What shows beside and above the card, in card widths: sleeves are 66 x 91 mm, toploaders 76 x 101 mm."""

_SHINE = {"none": 0.3, "glossy": 1.0, "matte": 0.22, "scuffed": 0.7, "toploader": 1.0}

_MAX_WIDTH = 512
_CORNER = 0.048
"""Corner radius of a card in card widths: 3 mm."""


@dataclass(eq=False, slots=True)
class Dressed:
    """A card in its sleeve, ready to be warped.

    `patch` is premultiplied RGBA; the card itself lies within it from `margin` (columns, rows) to `margin + card`.
    `shine` is how much of the glare it throws back, 0..1. Smaller sizes are made when asked for and kept.
    """

    patch: Image
    margin: tuple[float, float]
    card: tuple[float, float]
    shine: float
    sleeve: str
    _mips: dict[int, Image] = field(default_factory=dict)

    def onto(self, quad: Quad, scale: float) -> NDArray[np.float64]:
        """The homography [3, 3] from the patch at this scale to a picture in which the card lies at `quad`."""
        corners = (np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * self.card + self.margin) * scale
        source, target = np.asarray(corners - 0.5, np.float32), np.asarray(quad, np.float32)
        return np.asarray(cv2.getPerspectiveTransform(source, target), np.float64)

    def at(self, width: float) -> tuple[Image, float]:
        """The patch at about the size in which the card is `width` pixels wide, and its scale."""
        step = 0
        while self.card[0] * 0.75 ** (step + 1) >= width and step < 8:
            step += 1
        if step not in self._mips:
            rows, columns = (max(2, round(n * 0.75**step)) for n in self.patch.shape[:2])
            self._mips[step] = np.asarray(
                cv2.resize(self.patch, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8
            )
        mip = self._mips[step]
        return mip, mip.shape[1] / self.patch.shape[1]


def dress(picture: Image, sleeve: str, foil: bool, rng: np.random.Generator) -> Dressed:
    """Puts a card picture (uint8 RGB of any size) into a sleeve."""
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or min(picture.shape) < 3:
        raise ValueError(f"a card picture is uint8 RGB [h, w, 3], not {picture.dtype} {list(picture.shape)}")
    if sleeve not in SLEEVES:
        raise ValueError(f"no sleeve is called {sleeve!r}; there are {', '.join(SLEEVES)}")
    width = min(_MAX_WIDTH, max(256, picture.shape[1]))
    height = round(width / CARD_ASPECT)
    method = cv2.INTER_AREA if picture.shape[1] > width else cv2.INTER_CUBIC
    face = np.asarray(cv2.resize(picture, (width, height), interpolation=method), np.float32)
    face = _printed(face, foil, rng)
    face = _behind_plastic(face, sleeve, rng)
    margin_x, margin_y = (round(share * width) for share in _MARGINS[sleeve])
    patch = _margin(width + 2 * margin_x, height + 2 * margin_y, sleeve, rng)
    alpha = _rounded(height, width, _CORNER * width)[..., None]
    inner = patch[margin_y : margin_y + height, margin_x : margin_x + width]
    inner[:] = inner * (1 - alpha) + np.concatenate([face, np.full_like(alpha, 255)], axis=2) * alpha
    return Dressed(
        np.clip(patch, 0, 255).astype(np.uint8),
        (margin_x, margin_y),
        (width, height),
        _SHINE[sleeve] * (1.4 if foil else 1.0),
        sleeve,
    )


def _rounded(height: int, width: int, radius: float) -> NDArray[np.float32]:
    mask = np.zeros((height * 2, width * 2), np.uint8)
    r = max(1, round(radius * 2))
    cv2.rectangle(mask, (r, 0), (width * 2 - r, height * 2), 255, -1)
    cv2.rectangle(mask, (0, r), (width * 2, height * 2 - r), 255, -1)
    for x in (r, width * 2 - r):
        for y in (r, height * 2 - r):
            cv2.circle(mask, (x, y), r, 255, -1)
    return np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)


def _printed(face: NDArray[np.float32], foil: bool, rng: np.random.Generator) -> NDArray[np.float32]:
    """As a camera sees ink on card: blacks are not black, white is not white; foil adds rainbow bands."""
    seen = face * 0.86 + 12.0
    if foil:
        height, width = face.shape[:2]
        phase = soft_noise(rng, height, width, 4) + np.linspace(0, float(rng.uniform(1.5, 4)), width, dtype=np.float32)
        phase += np.linspace(0, float(rng.uniform(0.5, 2)), height, dtype=np.float32)[:, None]
        rainbow = np.stack([np.sin(2 * np.pi * (phase + shift)) for shift in (0.0, 1 / 3, 2 / 3)], axis=2)
        seen += np.clip(rainbow, -0.2, 1) * 34
    return np.asarray(seen, np.float32)


def _behind_plastic(face: NDArray[np.float32], sleeve: str, rng: np.random.Generator) -> NDArray[np.float32]:
    if sleeve == "none":
        return face
    height, width = face.shape[:2]
    if sleeve == "matte":
        grain = cv2.GaussianBlur(rng.normal(0, 9, (height, width)).astype(np.float32), (0, 0), 0.8)[..., None]
        return np.asarray(cv2.GaussianBlur(face, (0, 0), 0.7) * 0.84 + 26 + grain, np.float32)
    sheen = soft_noise(rng, height, width, 3)[..., None] * 7 + 8
    face = face * 0.96 + sheen
    if sleeve == "scuffed":
        scratches = np.zeros((height, width), np.uint8)
        for _ in range(60):
            x, y = int(rng.integers(width)), int(rng.integers(height))
            angle, length = rng.uniform(0, np.pi), rng.uniform(0.03, 0.3) * width
            end = int(x + length * np.cos(angle)), int(y + length * np.sin(angle))
            cv2.line(scratches, (x, y), end, int(rng.integers(10, 60)), 1, cv2.LINE_AA)
        haze = np.clip(soft_noise(rng, height, width, 6), 0, 1) * 22
        face = face * 0.94 + (scratches + haze)[..., None]
    return np.asarray(face, np.float32)


def _margin(width: int, height: int, sleeve: str, rng: np.random.Generator) -> NDArray[np.float32]:
    """The empty sleeve: premultiplied RGBA float32 [height, width, 4]."""
    patch = np.zeros((height, width, 4), np.float32)
    if sleeve == "none":
        return patch
    backs: list[Colour] = [(30, 30, 34), colour(float(rng.random()), 0.6, 0.5), (226, 228, 230)]
    alpha, tint = {"glossy": (0.3, (236, 240, 244)), "toploader": (0.2, (228, 236, 240))}.get(
        sleeve, (0.96, backs[int(rng.integers(len(backs)))])
    )
    shape = _rounded(height, width, 0.012 * width if sleeve != "toploader" else 0.03 * width) * alpha
    patch[..., :3] = np.array(tint, np.float32) * shape[..., None]
    patch[..., 3] = 255 * shape
    rim = max(1, width // 130)
    lines = [(0, 250.0)] if sleeve != "toploader" else [(0, 245.0), (rim * 2, 235.0), (rim * 5, 150.0)]
    for inset, light in lines:
        value = (light * 0.6, light * 0.6, light * 0.62, 160.0)
        cv2.rectangle(
            patch,
            (inset + rim, inset + rim),
            (width - 1 - inset - rim, height - 1 - inset - rim),
            value,
            rim,
            cv2.LINE_AA,
        )
    return patch
