"""What a network makes of pictures, whether it teaches or learns."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional


class Seen(NamedTuple):
    """Unit embeddings [n, d], and where the network looks: [n, rows, columns] of sum 1."""

    embedding: Tensor
    attention: Tensor


def energy(features: Tensor, grid: tuple[int, int]) -> Tensor:
    """Where a network looks that has no attention: the energy of its feature map [n, c, h, w] (Zagoruyko 2017)."""
    at = features.float().square().mean(dim=1, keepdim=True)
    resized = functional.interpolate(at, grid, mode="bilinear", align_corners=False)[:, 0]
    return resized / resized.sum(dim=(1, 2), keepdim=True).clamp_min(1e-9)
