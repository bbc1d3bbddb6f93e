"""The finder in the form that the IMX500 runs: convolutions alone, from the camera's bytes to the last maps."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from training.detector.network import MEAN, SPREAD, CardNet

HEIGHT, WIDTH = 384, 512
"""Of its input: the sensor's 4:3, so that nothing is squashed, at the scale that the finder sees frames of 1520 px at.
Both are multiples of 64."""
LEVELS = 256.0
"""The chip reads a byte b as b / 256, an unsigned number of 8 bits, and so needs to know of no normalisation."""


class ChipNet(nn.Module):
    """Bytes / 256, float32 [n, 3, 384, 512], to maps [n, 4, 48, 64], shape [n, 8, 48, 64] and scale [n, 1, 48, 64].

    As `vision.detector.heads` reads them.
    """

    def __init__(self, finder: CardNet) -> None:
        super().__init__()
        self.finder = _normalising(finder)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        return self.finder.heads(image)


def _normalising(finder: CardNet) -> CardNet:
    """The finder for bytes / 256: its first convolution and BatchNorm do the normalisation as well.

    What they pad with is black then and not grey, so that the outermost row of cells sees a dark rim.
    """
    finder = copy.deepcopy(finder).eval()
    convolution, norm = finder.stem[0][0], finder.stem[0][1]  # type: ignore[index]
    with torch.no_grad():
        norm.running_mean += convolution.weight.sum(dim=(1, 2, 3)) * (MEAN / SPREAD)
        convolution.weight *= LEVELS / SPREAD
    return finder
