"""The networks: one that finds cards in a frame, and one that looks at each again.

The first follows "Objects as points" (Zhou et al., 2019). For every cell of 8 x 8 pixels it says how likely the middle
of a card lies there (`heat`), where that card's four corners are (`corners`), and whether a corner of any card is near
and where exactly (`near`, `shift`). Both are plain 3 x 3 convolutions with BatchNorm and ReLU: the fastest thing per
multiplication on a CPU, and what every compiler accepts.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from vision.detector.closeup import OUTPUTS
from vision.detector.decode import STRIDE
from vision.detector.heads import UNIT

MEAN, SPREAD = 114.0, 58.0
"""Of a pixel, 0..255."""
_NOWHERE = [-4.0, -4.0, 0.0, 0.0]
"""Cards and corners are rare."""
_UPRIGHT = [-0.5, -0.7, 0.5, -0.7, 0.5, 0.7, -0.5, 0.7]
"""An upright card's corners in card widths. Shape and scale apart, a card is as hard to draw at any size."""


class Outputs(NamedTuple):
    """Per cell, float32 [n, c, h / 8, w / 8]: logits `heat` (1), `near` (1); pixels `corners` (8), `shift` (2)."""

    heat: Tensor
    corners: Tensor
    near: Tensor
    shift: Tensor


def _conv(inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


class CardNet(nn.Module):
    """uint8 or float RGB [n, h, w, 3] of 0..255, h and w multiples of 64, to `Outputs`."""

    def __init__(self, widths: tuple[int, ...] = (8, 16, 32, 64, 96, 128)) -> None:
        super().__init__()
        stem, quarter, eighth, sixteenth, half32, half64 = widths
        self.stem = nn.Sequential(_conv(3, stem, 2), _conv(stem, quarter, 2))
        self.eighth = nn.Sequential(_conv(quarter, eighth, 2), _Residual(eighth))
        self.sixteenth = nn.Sequential(_conv(eighth, sixteenth, 2), _Residual(sixteenth))
        self.half32 = nn.Sequential(_conv(sixteenth, half32, 2), _Residual(half32))
        self.half64 = nn.Sequential(_conv(half32, half64, 2), _Residual(half64))
        self.down64 = _conv(half64, half32, kernel=1)
        self.join32 = _conv(half32, half32)
        self.down32 = _conv(half32, sixteenth, kernel=1)
        self.join16 = _conv(sixteenth, sixteenth)
        self.down16 = _conv(sixteenth, eighth, kernel=1)
        self.join8 = _conv(eighth, eighth)
        self.head = _conv(eighth, 2 * eighth)
        self.maps, self.shape, self.scale = (nn.Conv2d(2 * eighth, channels, 1) for channels in (4, 8, 1))
        for convolution, start in ((self.maps, _NOWHERE), (self.shape, _UPRIGHT), (self.scale, [0.0])):
            assert convolution.bias is not None
            nn.init.normal_(convolution.weight, std=0.01)
            convolution.bias.data = torch.tensor(start)

    def forward(self, pixels: Tensor) -> Outputs:
        """See the class."""
        maps, shape, scale = self.heads(_normalised(pixels))
        corners = shape * torch.exp(scale.clamp(-3, 3)) * UNIT
        return Outputs(maps[:, :1], corners, maps[:, 1:2], maps[:, 2:] * STRIDE)

    def heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of normalised pictures [n, 3, h, w] what the last convolutions say: see `vision.detector.heads`."""
        x8 = self.eighth(self.stem(x))
        x16 = self.sixteenth(x8)
        x32 = self.half32(x16)
        x32 = self.join32(x32 + _twice(self.down64(self.half64(x32))))
        x16 = self.join16(x16 + _twice(self.down32(x32)))
        x8 = self.join8(x8 + _twice(self.down16(x16)))
        y = self.head(x8)
        return self.maps(y), self.shape(y), self.scale(y)


class CloseUpNet(nn.Module):
    """uint8 or float RGB [n, 128, 96, 3] of 0..255 to [n, 9]: see `vision.detector.closeup`."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(_conv(3, 16, 2), _conv(16, 32, 2), _conv(32, 48, 2), _Residual(48))
        self.coarse = nn.Sequential(_conv(48, 80, 2), _Residual(80))
        self.squeeze_fine, self.squeeze_coarse = _conv(48, 12, kernel=1), _conv(80, 32, kernel=1)
        inputs = 12 * 16 * 12 + 32 * 8 * 6
        self.head = nn.Sequential(nn.Linear(inputs, 128), nn.ReLU(inplace=True), nn.Linear(128, OUTPUTS))

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        fine = self.fine(_normalised(pixels))
        coarse = self.squeeze_coarse(self.coarse(fine))
        y: Tensor = self.head(torch.cat([self.squeeze_fine(fine).flatten(1), coarse.flatten(1)], dim=1))
        # Offsets are a few hundredths: from there the head learns at the pace of the rest.
        return torch.cat([0.1 * y[:, :8], y[:, 8:]], dim=1)


def _normalised(pixels: Tensor) -> Tensor:
    return (pixels.permute(0, 3, 1, 2).float() - MEAN) / SPREAD


def _twice(x: Tensor) -> Tensor:
    return nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
