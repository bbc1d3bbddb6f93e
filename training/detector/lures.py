"""Rectangles that are no cards, to be told from them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from synth.layers import paste, shadow
from training.detector.faces import Faces
from vision.quad import CARD_ASPECT, Quad

Image = NDArray[np.uint8]
Rng = np.random.Generator


def papers(rng: Rng, image: Image, faces: Faces, grounds: list[Image]) -> list[Quad]:
    """Photos, books, screens, boxes, in place: something is on them, but they have not the shape. Where they lie."""
    laid = []
    for _ in range(int(rng.integers(1, 4))):
        wide, tall = (float(v) for v in image.shape[0] * rng.uniform(0.06, 0.6, 2))
        if abs(np.log(wide / tall / CARD_ASPECT)) < 0.2 or abs(np.log(tall / wide / CARD_ASPECT)) < 0.2:
            continue
        source = _artwork(rng, faces) if rng.random() < 0.4 else grounds[int(rng.integers(len(grounds)))]
        quad = _anywhere(rng, image, wide, tall)
        rows, columns = source.shape[:2]
        corners = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
        paste(image, shadow(quad, 2, 3, 3, 0.5))
        matrix = cv2.getPerspectiveTransform(corners, quad)
        cv2.warpPerspective(source, matrix, image.shape[1::-1], image, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
        laid.append(quad)
    return laid


def blanks(rng: Rng, image: Image) -> list[Quad]:
    """Empty paper, in place, also with a card's proportions: without a print it is no card. Where it lies."""
    laid = []
    for _ in range(int(rng.integers(1, 4))):
        wide = image.shape[0] * float(np.exp(rng.uniform(np.log(0.05), np.log(0.6))))
        tall = wide / CARD_ASPECT if rng.random() < 0.6 else wide * float(rng.uniform(0.4, 2.5))
        quad = _anywhere(rng, image, wide, tall)
        paste(image, shadow(quad, 1, 2, 3, float(rng.uniform(0, 0.6))))
        tone = tuple(int(v) for v in rng.integers(0, 256, 3) * 0.3 + float(rng.uniform(0, 180)))
        cv2.fillConvexPoly(image, np.round(quad * 16).astype(np.int32), tone, cv2.LINE_AA, 4)
        laid.append(quad)
    return laid


def around(rng: Rng, x: float, y: float, reach: float) -> Quad:
    """A thing on the table as it might be taken for a card: about its size, about a card's shape."""
    wide = 1.7 * reach * float(rng.uniform(0.6, 1.2))
    tall = wide * float(rng.uniform(0.9, 1.5))
    box = ((x, y), (wide, tall), float(rng.uniform(0, 360)))
    return np.asarray(cv2.boxPoints(box), np.float32)


def _anywhere(rng: Rng, image: Image, wide: float, tall: float) -> Quad:
    side = image.shape[0]
    box = ((rng.uniform(0, side), rng.uniform(0, side)), (wide, tall), float(rng.uniform(0, 360)))
    return np.asarray(cv2.boxPoints(box), np.float32)


def _artwork(rng: Rng, faces: Faces) -> Image:
    """The upper half of a card, without its frame."""
    dressed = faces.take(rng)
    (left, top), (columns, rows) = dressed.margin, dressed.card
    window = slice(round(top + rows * 0.12), round(top + rows * 0.5)), slice(round(left), round(left + columns))
    return np.ascontiguousarray(dressed.patch[window][..., :3])
