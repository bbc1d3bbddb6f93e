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


def pockets(rng: Rng, image: Image, quads: list[Quad]) -> None:
    """Lines around where the cards will lie, in place: the seams of a binder's pockets, the squares of a playmat.

    Without them a sleeve's rim inside such a seam looks like a card's edge inside a sleeve.
    """
    away = np.array([rng.uniform(0.03, 0.16), rng.uniform(0.03, 0.16)])
    tone, page = (tuple(int(v) for v in rng.integers(0, 255, 3)) for _ in range(2))
    if rng.random() < 0.5:  # most pages are black, the others grey
        page = (int(rng.choice([rng.integers(10, 60), rng.integers(170, 220)])),) * 3
        tone = tuple(round(0.72 * v + 0.28 * 255) for v in page)
    ground = rng.random() < 0.6
    for quad in quads:
        across, down = quad[1] - quad[0], quad[3] - quad[0]
        share = float(np.linalg.norm(across) / max(1.0, float(np.linalg.norm(down))))
        out = across * away[0], down * away[1] * share
        seam = np.array(
            [quad[0] - out[0] - out[1], quad[1] + out[0] - out[1], quad[2] + out[0] + out[1], quad[3] - out[0] + out[1]]
        )
        drawn = [np.round(seam * 16).astype(np.int32)]
        if ground:
            cv2.fillPoly(image, drawn, page, cv2.LINE_AA, 4)
        thick = max(1, round(float(np.linalg.norm(across)) * float(rng.uniform(0.004, 0.02))))
        cv2.polylines(image, drawn, True, tone, thick, cv2.LINE_AA, 4)
