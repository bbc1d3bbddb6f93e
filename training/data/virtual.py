"""Virtual cards: a card with a region of another, so that there are near twins of every card."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from training.augment.draws import per_image, uniform

REGIONS = ((0.05, 0.95, 0.10, 0.52), (0.03, 0.97, 0.52, 0.93), (0.0, 1.0, 0.0, 0.13), (0.0, 1.0, 0.13, 1.0))
"""What may be exchanged: the picture, the text, the head, all but the head. Left, right, top, bottom; 0..1."""
LEAST, MOST = 0.12, 0.6
"""Area of a free region, as a share of the card."""


def virtual(images: Tensor, generator: Generator) -> Tensor:
    """Cards [n, 3, h, w] that are not among those given: each has one region of its neighbour in the batch.

    Half the regions are parts of a card (`REGIONS`), the others lie anywhere. n must be 2 or more.
    """
    count, _, height, width = images.shape
    if count < 2:
        raise ValueError("two cards or more are needed to exchange regions")
    device = images.device
    parts = torch.tensor(REGIONS, device=device)[
        torch.randint(len(REGIONS), (count,), generator=generator, device=device)
    ]
    free = torch.rand(count, generator=generator, device=device)[:, None] < 0.5
    left, right, top, bottom = (per_image(edge)[:, 0] for edge in torch.where(free, _free(count, generator), parts).T)
    x = ((torch.arange(width, device=device) + 0.5) / width)[None, None, :]
    y = ((torch.arange(height, device=device) + 0.5) / height)[None, :, None]
    inside = ((x > left) & (x < right) & (y > top) & (y < bottom))[:, None]
    return torch.where(inside, images.roll(1, dims=0), images)


def _free(count: int, generator: Generator) -> Tensor:
    """Rectangles anywhere, [n, 4]: left, right, top, bottom."""
    area = uniform(count, LEAST, MOST, generator)
    lean = uniform(count, -0.5, 0.5, generator).exp()
    wide, high = (area.sqrt() * lean).clamp(max=1), (area.sqrt() / lean).clamp(max=1)
    left = uniform(count, 0, 1, generator) * (1 - wide)
    top = uniform(count, 0, 1, generator) * (1 - high)
    return torch.stack([left, left + wide, top, top + high], dim=1)
