"""How sharp a card is: the variance of the Laplacian at a fixed card size."""

from __future__ import annotations

import cv2
import numpy as np

from vision.rectify import Image

SHARP = 60.0
"""Sharp enough to be sent at once.

Measured (5th percentile, median): clean cards that are 256 px wide in the frame 168, 369; 100 px wide 69, 145;
37 cards of real photos 123, 302, none below 93; a card held in a hand, filmed, 200 to 225. Defocus (sigma) of 1.6 % of
the card's width gives 9 (95th percentile 22), motion over 14 % of it 25 (55). Noise of 8 grey levels adds at most 8.
"""

_WIDTH, _HEIGHT = 128, 179
"""Half the canonical crop: about what a card measures in a frame, so that far cards are not blurred by enlargement."""
_MARGIN = 8
"""Pixels at the border that do not count: with an inexact quad they show the edge of the card and the table behind."""
_NOISE_SIGMA = 0.7
"""Sigma in pixels of the Gaussian before the Laplacian (Marr and Hildreth 1980). Without it, noise of 8 grey levels on
a defocused card measures 156, as much as a sharp card that is far away."""


def sharpness(crop: Image) -> float:
    """Variance of the Laplacian of a rectified card, uint8 RGB [h, w, 3] of any size.

    Pech-Pacheco et al. 2000. It grows with the resolution, hence the fixed size.
    """
    small = cv2.resize(crop, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    smooth = cv2.GaussianBlur(grey, (0, 0), _NOISE_SIGMA)
    return float(np.var(cv2.Laplacian(smooth, cv2.CV_32F)[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]))
