"""Light: shadows that fall on the card, and glare that its surface throws back."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from training.augment.draws import ellipses, field, grid, per_image, uniform


def shadow(images: Tensor, generator: Generator) -> Tensor:
    """An arm's or the camera's own shadow: a soft-edged half plane, or blotches, up to 65 % darker."""
    count, size = len(images), (images.shape[2], images.shape[3])
    x, y = grid(size, images.device)
    turn = uniform(count, 0, 2 * torch.pi, generator)[:, None, None]
    edge = uniform(count, -0.3, 0.3, generator)[:, None, None]
    soft = uniform(count, 0.01, 0.3, generator)[:, None, None]
    plane = torch.sigmoid(((x - 0.5) * turn.cos() + (y - 0.5) * turn.sin() - edge) / soft)[:, None]
    blotches = torch.sigmoid(4 * field(count, size, 3, generator))
    kind = per_image((uniform(count, 0, 1, generator) < 0.7).float())
    dark = per_image(uniform(count, 0.15, 0.65, generator))
    return images * (1 - dark * (plane * kind + blotches * (1 - kind)))


def glare(images: Tensor, generator: Generator) -> Tensor:
    """A lamp on a glossy surface: one or two white streaks or spots, and a faint haze around them."""
    count, size = len(images), (images.shape[2], images.shape[3])
    streak = ellipses(count, size, generator, (0.03, 0.22), (0.1, 0.9)) * per_image(uniform(count, 0.4, 1.1, generator))
    second = ellipses(count, size, generator, (0.02, 0.12), (0.05, 0.5)) * per_image(uniform(count, 0, 0.9, generator))
    haze = ellipses(count, size, generator, (0.3, 0.9), (0.5, 1.5)) * per_image(uniform(count, 0, 0.3, generator))
    light = 1 - (1 - streak.clamp(0, 1)) * (1 - second.clamp(0, 1)) * (1 - haze)
    return images + (1 - images) * light
