"""What every network that ships has in common: pictures in, vectors out, and the normalisation between, by name."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

from torch import Tensor, nn


class Normalisation(NamedTuple):
    """Mean and standard deviation of R, G and B of 0..1."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


CARDS = Normalisation((0.45, 0.45, 0.45), (0.25, 0.25, 0.25))
"""Of card pictures, roughly; batch normalisation sees to the rest."""
IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""What timm's and DINOv3's weights were trained with."""


def normalised(images: Tensor, by: Normalisation) -> Tensor:
    """Pictures of 0..1 [n, 3, h, w] as a network wants them."""
    mean, std = (images.new_tensor(values).view(1, 3, 1, 1) for values in by)
    return (images - mean) / std


class Encoder(nn.Module):
    """RGB of 0..1 [n, 3, h, w] to embeddings [n, dim], not of unit length.

    The steps are apart because an accelerator normalises on the chip and must not find it done already.
    """

    normalisation: Normalisation = CARDS

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """Normalised pictures to embeddings."""

    def forward(self, images: Tensor) -> Tensor:
        """[n, 3, h, w] to [n, dim]."""
        return self.encode(normalised(images, self.normalisation))
