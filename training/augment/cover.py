"""What lies on a card: fingers over its edges, and other things anywhere."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from training.augment.draws import field, grid, per_image, uniform

MOST = 0.2
"""Largest share of a card that is covered."""


def cover(images: Tensor, generator: Generator) -> Tensor:
    """A hand over a whole edge, one to three fingers from the edge, or a patch anywhere: 2 to 20 % of the card."""
    count, size = len(images), (images.shape[2], images.shape[3])
    kind = torch.randint(0, 3, (count,), generator=generator, device=images.device)
    share = uniform(count, 0.02, MOST, generator)
    hidden = torch.where(
        (kind == 0)[:, None, None],
        _edge(count, size, share, generator),
        torch.where((kind == 1)[:, None, None], _fingers(count, size, generator), _patch(count, size, generator)),
    )
    hidden = _within(hidden, share)[:, None]
    skin = torch.rand(count, 3, 1, 1, generator=generator, device=images.device)
    tan = (
        per_image(uniform(count, 0.25, 1, generator))
        * torch.tensor([0.95, 0.74, 0.6], device=images.device)[:, None, None]
    )
    colour = torch.where(per_image((kind < 2).float()) > 0, tan + 0.08 * (skin - 0.5), skin)
    texture = 1 + 0.15 * field(count, size, 5, generator)
    return torch.where(hidden > 0, (colour * texture).clamp(0, 1), images)


def _edge(count: int, size: tuple[int, int], share: Tensor, generator: Generator) -> Tensor:
    """How deep each pixel lies behind a slanted, uneven edge (more is hidden first), [count, h, w]."""
    x, y = grid(size, generator.device)
    side = torch.randint(0, 4, (count,), generator=generator, device=share.device) * (torch.pi / 2)
    turn = (side + uniform(count, -0.4, 0.4, generator))[:, None, None]
    return (x - 0.5) * turn.cos() + (y - 0.5) * turn.sin() + 0.06 * field(count, size, 4, generator)[:, 0]


def _fingers(count: int, size: tuple[int, int], generator: Generator) -> Tensor:
    """Up to three fingers side by side, reaching in from one side; more is nearer to a finger's line."""
    x, y = grid(size, generator.device)
    side = torch.randint(0, 4, (count,), generator=generator, device=generator.device) * (torch.pi / 2)
    turn = (side + uniform(count, -0.5, 0.5, generator))[:, None, None]
    depth = (x - 0.5) * turn.cos() + (y - 0.5) * turn.sin()
    across = (y - 0.5) * turn.cos() - (x - 0.5) * turn.sin()
    nearest = torch.full((count, *size), -9.0, device=generator.device)
    first = uniform(count, -0.4, 0.3, generator)[:, None, None]
    for finger in range(3):
        there = (uniform(count, 0, 1, generator) < (1.0, 0.7, 0.5)[finger])[:, None, None]
        reach = uniform(count, 0.0, 0.3, generator)[:, None, None]
        away = ((across - first - 0.17 * finger) / 0.075) ** 2 + ((reach - depth).clamp(min=0) / 0.12) ** 2
        nearest = torch.maximum(nearest, torch.where(there, -away, torch.full_like(away, -9.0)))
    return nearest


def _patch(count: int, size: tuple[int, int], generator: Generator) -> Tensor:
    """Nearness to a point, stretched to any rectangle."""
    x, y = grid(size, generator.device)
    at_x, at_y = (uniform(count, 0, 1, generator)[:, None, None] for _ in range(2))
    stretch = uniform(count, -1, 1, generator).exp()[:, None, None]
    return -torch.maximum((x - at_x).abs() * stretch, (y - at_y).abs() / stretch)


def _within(depth: Tensor, share: Tensor) -> Tensor:
    """The `share` of each picture that lies deepest, as 0 and 1: [n, h, w]."""
    flat = depth.flatten(1)
    keep = ((1 - share) * flat.shape[1]).long().clamp(0, flat.shape[1] - 1)
    limit = flat.sort(dim=1).values.gather(1, keep[:, None])
    return (depth > limit[:, :, None]).float()
