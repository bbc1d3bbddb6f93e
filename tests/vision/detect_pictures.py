"""Pictures of cards on a table with their true quads, drawn for the detector's tests."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from synth.cards import card, draw
from vision.quad import CARD_ASPECT, Quad

Image = NDArray[np.uint8]

TABLE = (70, 95, 80)


def table(width: int = 900, height: int = 900, seed: int = 0) -> Image:
    """A plain table with camera noise."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 3, (height, width, 3))
    return np.clip(np.array(TABLE) + noise, 0, 255).astype(np.uint8)


def upright(x: float, y: float, width: float) -> Quad:
    """A card's quad around a centre."""
    half = np.array([width, width / CARD_ASPECT]) / 2
    return (np.array([x, y]) + half * [[-1, -1], [1, -1], [1, 1], [-1, 1]]).astype(np.float32)


def turned(quad: Quad, degrees: float) -> Quad:
    """The quad, rotated about its centre."""
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centre = quad.mean(axis=0)
    return ((quad - centre) @ rotation + centre).astype(np.float32)


def tilted(width: float, degrees: float, axis: float, size: int = 900) -> Quad:
    """A card in the middle of a square picture, tilted about an axis, seen with a focal length of 0.8 of its side."""
    half = np.array([width, width / CARD_ASPECT]) / 2
    corners = np.c_[half * [[-1, -1], [1, -1], [1, 1], [-1, 1]], np.zeros(4)]
    along = np.radians(axis)
    turn, _ = cv2.Rodrigues(np.radians(degrees) * np.array([np.cos(along), np.sin(along), 0.0]))
    seen = corners @ turn.T
    return (seen[:, :2] / (1 + seen[:, 2:] / (0.8 * size)) + (size - 1) / 2).astype(np.float32)


def lay(picture: Image, quad: Quad, seed: int = 1) -> Image:
    """The picture with a generated card on it, its corners round."""
    face = cv2.resize(draw(card(seed)), None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    rows, columns = face.shape[:2]
    radius = round(columns * 3 / 63)
    mask = np.zeros((rows, columns), np.uint8)
    cv2.rectangle(mask, (radius, 0), (columns - 1 - radius, rows - 1), 255, -1)
    cv2.rectangle(mask, (0, radius), (columns - 1, rows - 1 - radius), 255, -1)
    for x in (radius, columns - 1 - radius):
        for y in (radius, rows - 1 - radius):
            cv2.circle(mask, (x, y), radius, 255, -1)
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(source, quad)
    shrink = max(1.0, columns / float(np.linalg.norm(quad[1] - quad[0])))
    blur = (0, 0), 0.4 * shrink
    to = picture.shape[1], picture.shape[0]
    warped = cv2.warpPerspective(cv2.GaussianBlur(face, *blur), matrix, to, flags=cv2.INTER_LINEAR)
    share = cv2.warpPerspective(cv2.GaussianBlur(mask, *blur), matrix, to)[..., None] / 255.0
    return (picture * (1 - share) + warped * share).astype(np.uint8)
