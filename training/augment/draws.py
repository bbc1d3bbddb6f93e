"""Random numbers and fields for effects, all from one generator."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional


def uniform(count: int, low: float, high: float, generator: Generator) -> Tensor:
    """Float32 [count] between `low` and `high`."""
    return torch.rand(count, generator=generator, device=generator.device) * (high - low) + low


def per_image(values: Tensor) -> Tensor:
    """[n] as [n, 1, 1, 1], to be multiplied with pictures."""
    return values[:, None, None, None]


def field(count: int, size: tuple[int, int], cells: int, generator: Generator, channels: int = 1) -> Tensor:
    """Smooth noise [count, channels, h, w] of about -1..1, with `cells` bumps along a side."""
    coarse = torch.randn(count, channels, cells + 1, cells + 1, generator=generator, device=generator.device)
    return functional.interpolate(coarse, size, mode="bicubic", align_corners=True).clamp(-2, 2) / 2


def grid(size: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """X and y of every pixel of [h, w], 0..1 from edge to edge."""
    height, width = size
    y = (torch.arange(height, device=device) + 0.5) / height
    x = (torch.arange(width, device=device) + 0.5) / width
    return x[None, :].expand(height, width), y[:, None].expand(height, width)


def ellipses(
    count: int, size: tuple[int, int], generator: Generator, short: tuple[float, float], long: tuple[float, float]
) -> Tensor:
    """A soft ellipse in each picture, anywhere and at any angle: [count, 1, h, w] of 0..1; half axes in card widths."""
    x, y = grid(size, generator.device)
    y = y * (size[0] / size[1])
    turn = uniform(count, 0, torch.pi, generator)[:, None, None]
    at_x = uniform(count, 0, 1, generator)[:, None, None]
    at_y = uniform(count, 0, size[0] / size[1], generator)[:, None, None]
    along = (x - at_x) * turn.cos() + (y - at_y) * turn.sin()
    across = (y - at_y) * turn.cos() - (x - at_x) * turn.sin()
    narrow = uniform(count, *short, generator)[:, None, None]
    wide = uniform(count, *long, generator)[:, None, None]
    return torch.exp(-((along / wide) ** 2) - (across / narrow) ** 2)[:, None]
