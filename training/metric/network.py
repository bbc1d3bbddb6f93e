"""The embedder for CPUs: a residual network of dense 3 x 3 convolutions whose head knows where on the card it looks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from training.encoder import Encoder, normalised

_PATCH = 4


class Residual(nn.Module):
    """Two 3 x 3 convolutions and a shortcut; `stride` 2 halves the picture."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs))
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            pool = nn.AvgPool2d(stride, ceil_mode=True) if stride != 1 else nn.Identity()
            self.shortcut = nn.Sequential(pool, nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, images: Tensor) -> Tensor:
        """[n, inputs, h, w] to [n, outputs, h / stride, w / stride]."""
        return torch.relu(self.second(torch.relu(self.first(images))) + self.shortcut(images))


class CardEncoder(Encoder):
    """The default network: its size, widths, depths and dimensions are settings.

    Patches of 4 x 4 pixels come first, then a stage for each of `widths` with `depths` blocks, each at half the size of
    the one before it. Cards are aligned as faces are, so the last map is flattened and not averaged: what stands where
    is the evidence. Mind that the size of the picture is fixed by this.
    """

    def __init__(
        self, size: tuple[int, int], widths: Sequence[int], depths: Sequence[int], dim: int, squeeze: int = 48
    ) -> None:
        super().__init__()
        if len(widths) != len(depths) or not widths:
            raise ValueError(f"as many widths as depths are needed, not {list(widths)} and {list(depths)}")
        self.size, self.dim = size, dim
        self.stem = nn.Sequential(nn.Conv2d(3, widths[0], _PATCH, _PATCH, bias=False), nn.BatchNorm2d(widths[0]))
        stages: list[nn.Module] = []
        inputs = widths[0]
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            for block in range(depth):
                stages.append(Residual(inputs, width, 2 if stage and not block else 1))
                inputs = width
        self.stages = nn.Sequential(*stages)
        self.squeeze = nn.Sequential(nn.Conv2d(inputs, squeeze, 1, bias=False), nn.BatchNorm2d(squeeze))
        rows, columns = (-(-side // (_PATCH * 2 ** (len(widths) - 1))) for side in size)
        self.cells = rows, columns
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(squeeze * rows * columns, dim, bias=False), nn.BatchNorm1d(dim)
        )

    def encode(self, images: Tensor) -> Tensor:
        """Normalised pictures [n, 3, h, w] of the network's own size to [n, dim]."""
        return self.from_features(self._map(images))

    def features(self, images: Tensor) -> Tensor:
        """Pictures of 0..1 to the last map, [n, channels, *cells]."""
        return self._map(normalised(images, self.normalisation))

    def from_features(self, features: Tensor) -> Tensor:
        """The last map to [n, dim]."""
        embedded: Tensor = self.head(self.squeeze(features))
        return embedded

    def _map(self, images: Tensor) -> Tensor:
        mapped: Tensor = self.stages(torch.relu(self.stem(images)))
        return mapped
