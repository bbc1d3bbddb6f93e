"""What a camera makes of a scene."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Rng = np.random.Generator


def camera(rng: Rng, image: Image) -> Image:
    """What a camera makes of it: uneven light, colour cast, blur or sharpening, noise, contrast, JPEG."""
    side = image.shape[0]
    grid = np.exp(rng.normal(0, 0.12, (3, 3, 1))) * np.exp(rng.normal(0, 0.06, 3)) * np.exp(rng.normal(0, 0.15))
    lit = cv2.multiply(image, cv2.resize(grid.astype(np.float32), (side, side)), dtype=cv2.CV_8U)
    kind = rng.random()
    if kind < 0.25:
        lit = cv2.GaussianBlur(lit, (0, 0), float(rng.uniform(0.4, 1.6)))
    elif kind < 0.33:
        lit = smeared(rng, np.asarray(lit, np.uint8), 0.03 * side)
    elif kind < 0.55:  # as a large picture looks that was made small without averaging
        soft = cv2.GaussianBlur(lit, (0, 0), 1.0)
        lit = cv2.addWeighted(lit, 1.6, soft, -0.6, 0)
    contrast = float(np.exp(rng.normal(0, 0.18)))
    lit = cv2.convertScaleAbs(lit, alpha=contrast, beta=float(rng.normal(0, 12)))
    if rng.random() < 0.05:
        lit = cv2.cvtColor(cv2.cvtColor(lit, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < 0.5:
        sigma = float(rng.uniform(1, 9))
        noise = np.asarray(rng.normal(0, sigma, lit.shape), np.int16)
        lit = cv2.add(lit, noise, dtype=cv2.CV_8U)
    if rng.random() < 0.3:
        _, coded = cv2.imencode(".jpg", lit, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))])
        lit = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(lit, np.uint8)


def smeared(rng: Rng, image: Image, longest: float) -> Image:
    """Motion blur in any direction."""
    length = max(2, round(float(rng.uniform(0, longest))))
    kernel = np.zeros((length | 1, length | 1), np.float32)
    turn, middle = float(rng.uniform(0, np.pi)), length // 2
    reach = np.array([np.cos(turn), np.sin(turn)]) * middle
    first, last = (tuple(int(v) for v in np.round(middle + way * reach)) for way in (-1, 1))
    cv2.line(kernel, first, last, 1.0)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)
