"""The lens: out of focus, in motion, too far away."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional

from training.augment.draws import uniform


def defocus(images: Tensor, generator: Generator) -> Tensor:
    """Gaussian blur, sigma up to 1.3 % of the card's width."""
    sigma = uniform(len(images), 0.002, 0.013, generator) * images.shape[3]
    reach = 2 * int(0.013 * images.shape[3] + 1)
    ticks = torch.arange(-reach, reach + 1, device=images.device)
    kernel = torch.exp(-0.5 * (ticks[None] / sigma[:, None]) ** 2)
    kernel = kernel / kernel.sum(dim=1, keepdim=True)
    return _each(_each(images, kernel[:, :, None]), kernel[:, None, :])


def motion(images: Tensor, generator: Generator) -> Tensor:
    """Blur along a line in any direction, up to 5 % of the card's width long."""
    length = uniform(len(images), 0.01, 0.05, generator) * images.shape[3]
    turn = uniform(len(images), 0, torch.pi, generator)
    reach = int(0.025 * images.shape[3] + 1)
    ticks = torch.arange(-reach, reach + 1, device=images.device).float()
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    cos, sin = turn.cos()[:, None, None], turn.sin()[:, None, None]
    along, across = x * cos + y * sin, (y * cos - x * sin).abs()
    line = (length[:, None, None] / 2 + 0.5 - along.abs()).clamp(0, 1) * (1 - across).clamp(0, 1)
    return _each(images, line / line.sum(dim=(1, 2), keepdim=True))


def low_resolution(images: Tensor, generator: Generator) -> Tensor:
    """As from a card 40 to 150 px wide, enlarged again. One size for the batch, as one camera would have."""
    width = float(uniform(1, 40, 150, generator))
    small = (max(8, round(images.shape[2] * width / images.shape[3])), max(8, round(width)))
    if small[1] >= images.shape[3]:
        return images
    reduced = functional.interpolate(images, small, mode="area")
    return functional.interpolate(reduced, images.shape[2:], mode="bilinear", align_corners=False)


def _each(images: Tensor, kernels: Tensor) -> Tensor:
    """Every picture [n, 3, h, w] with its own kernel [n, a, b]; edges are repeated."""
    count, channels, height, width = images.shape
    rows, columns = kernels.shape[1:]
    padded = functional.pad(images, (columns // 2, columns // 2, rows // 2, rows // 2), mode="replicate")
    flat = padded.reshape(1, count * channels, *padded.shape[2:])
    weight = kernels.repeat_interleave(channels, dim=0)[:, None]
    return functional.conv2d(flat, weight, groups=count * channels).reshape(count, channels, height, width)
