"""See-through layers and how they come into a picture: premultiplied colour plus what is kept of the ground."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.quad import Quad

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Pixels at (x, y): `colour` is premultiplied RGB, `keep` is 255 - alpha in each channel; both uint8 [h, w, 3]."""

    colour: Image
    keep: Image
    x: int
    y: int

    def moved(self, dx: int, dy: int) -> Layer:
        """The same layer elsewhere."""
        return Layer(self.colour, self.keep, self.x + dx, self.y + dy)

    def cut(self, width: int, height: int) -> Layer | None:
        """The part within a picture of this size; None where nothing is."""
        left, top = max(0, -self.x), max(0, -self.y)
        right, bottom = min(self.colour.shape[1], width - self.x), min(self.colour.shape[0], height - self.y)
        if right <= left or bottom <= top:
            return None
        rows, columns = slice(top, bottom), slice(left, right)
        return Layer(self.colour[rows, columns], self.keep[rows, columns], self.x + left, self.y + top)


def layer(patch: Image, x: int, y: int) -> Layer:
    """A layer of a premultiplied RGBA picture uint8 [h, w, 4]."""
    keep = cv2.cvtColor(cv2.bitwise_not(np.ascontiguousarray(patch[..., 3])), cv2.COLOR_GRAY2RGB)
    return Layer(np.asarray(cv2.cvtColor(patch, cv2.COLOR_RGBA2RGB), np.uint8), np.asarray(keep, np.uint8), x, y)


def outline(patch: Image, matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    """Where the corners of a patch [h, w, ...] come to lie by a homography, [4, 2]."""
    rows, columns = patch.shape[:2]
    rim = np.array([[[0, 0], [columns, 0], [columns, rows], [0, rows]]], np.float32) - 0.5
    return np.asarray(cv2.perspectiveTransform(rim, matrix)[0], np.float32)


def warp(patch: Image, matrix: NDArray[np.float64], pad: tuple[float, float] = (2, 2)) -> tuple[Image, int, int]:
    """A patch as a homography shows it, with `pad` (x, y) empty pixels around it, and where it stands."""
    corners = outline(patch, matrix)
    low, high = np.floor(corners.min(axis=0) - pad), np.ceil(corners.max(axis=0) + pad)
    move = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]])
    size = int(high[0] - low[0]) + 1, int(high[1] - low[1]) + 1
    shown = cv2.warpPerspective(patch, move @ matrix, size, flags=cv2.INTER_LINEAR)
    return np.asarray(shown, np.uint8), int(low[0]), int(low[1])


def paste(frame: Image, top: Layer) -> None:
    """Lays `top` over the frame in place."""
    part = top.cut(frame.shape[1], frame.shape[0])
    if part is None:
        return
    height, width = part.colour.shape[:2]
    ground = frame[part.y : part.y + height, part.x : part.x + width]
    cv2.multiply(ground, part.keep, dst=ground, scale=1 / 255)
    cv2.add(ground, part.colour, dst=ground)


def smear(patch: Image, x: int, y: int, dx: float, dy: float) -> tuple[Image, int, int]:
    """Motion blur along (dx, dy) pixels of a patch that stands at (x, y): the blurred patch and where it stands.

    The patch needs a rim of |dx|, |dy| empty pixels, which is used up. Each pass takes the mean of two shifted copies,
    so that n passes make 2^n of them.
    """
    passes = max(1, int(np.ceil(np.log2(max(abs(dx), abs(dy)) / 2))))
    for number in range(1, passes + 1):
        step_x, step_y = round(dx / 2**number), round(dy / 2**number)
        rows, columns = patch.shape[0] - abs(step_y), patch.shape[1] - abs(step_x)
        first = patch[max(0, step_y) :, max(0, step_x) :][:rows, :columns]
        second = patch[max(0, -step_y) :, max(0, -step_x) :][:rows, :columns]
        patch = np.asarray(cv2.addWeighted(first, 0.5, second, 0.5, 0), np.uint8)
        x, y = x + abs(step_x) // 2, y + abs(step_y) // 2
    return patch, x, y


def streaked(top: Layer, dx: float, dy: float) -> Layer:
    """A layer blurred along its longer motion alone: enough for a hand that has no fine texture."""
    across, down = (round(abs(dx)), 1) if abs(dx) > abs(dy) else (1, round(abs(dy)))
    if max(across, down) < 4:
        return top
    kernel = across | 1, down | 1
    soft, keep = (np.asarray(cv2.blur(part, kernel), np.uint8) for part in (top.colour, top.keep))
    return Layer(soft, keep, top.x, top.y)


def shadow(quad: Quad, dx: float, dy: float, blur: float, strength: float) -> Layer:
    """The soft shadow of a quad, moved by (dx, dy); `blur` in pixels, `strength` 0..1. Made at a quarter the size."""
    moved = quad + np.array([dx, dy], np.float32)
    pad = blur * 2.5 + 8
    low, high = np.floor((moved.min(axis=0) - pad) / 4) * 4, moved.max(axis=0) + pad
    columns, rows = (int(v) for v in np.ceil((high - low) / 4) + 1)
    mask = np.zeros((rows, columns), np.uint8)
    corners = np.round((moved - low) / 4 * 16).astype(np.int32)
    cv2.fillConvexPoly(mask, corners, round(255 * strength), cv2.LINE_AA, 4)
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.6, blur / 4)), np.uint8)
    soft = cv2.resize(cv2.bitwise_not(mask), (columns * 4, rows * 4), interpolation=cv2.INTER_LINEAR)
    keep = np.asarray(cv2.cvtColor(soft, cv2.COLOR_GRAY2RGB), np.uint8)
    return Layer(np.zeros_like(keep), keep, int(low[0]), int(low[1]))
