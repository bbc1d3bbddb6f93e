"""Surfaces: sleeves over the card, foil under its ink, and print runs of another tone."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional

from training.augment.draws import field, grid, per_image, uniform

ART = (0.075, 0.925, 0.10, 0.50)
"""The artwork's window on most cards: left, right, top, bottom as shares of the card."""


def sleeve(images: Tensor, generator: Generator) -> Tensor:
    """A glossy, matte or scuffed sleeve: sheen, or a grey veil with grain, or sheen, scratches and haze."""
    kind = torch.randint(0, 3, (len(images),), generator=generator, device=images.device)
    worn = torch.empty_like(images)
    for number, surface in enumerate((_glossy, _matte, _scuffed)):
        index = (kind == number).nonzero()[:, 0]
        if len(index):
            worn[index] = surface(images[index], generator)
    return worn.clamp(0, 1)


def _glossy(images: Tensor, generator: Generator) -> Tensor:
    sheen = 0.6 + 0.4 * field(len(images), (images.shape[2], images.shape[3]), 3, generator)
    return images * 0.96 + per_image(uniform(len(images), 0.02, 0.14, generator)) * sheen


def _matte(images: Tensor, generator: Generator) -> Tensor:
    count, _, height, width = images.shape
    veil = per_image(uniform(count, 0.08, 0.3, generator))
    grain = torch.randn(count, 1, height, width, generator=generator, device=images.device) * 0.03
    soft = functional.avg_pool2d(images, 3, 1, 1, count_include_pad=False)
    return soft * (1 - veil) + 0.62 * veil + grain


def _scuffed(images: Tensor, generator: Generator) -> Tensor:
    return _glossy(images, generator) + _scratches(len(images), (images.shape[2], images.shape[3]), generator)


def _scratches(count: int, size: tuple[int, int], generator: Generator, lines: int = 6) -> Tensor:
    """Fine bright lines and a haze, [count, 1, h, w]."""
    x, y = grid(size, generator.device)
    turn = uniform(count * lines, 0, torch.pi, generator).view(count, lines, 1, 1)
    away = uniform(count * lines, -0.7, 0.7, generator).view(count, lines, 1, 1)
    level = uniform(count * lines, 0.02, 0.25, generator).view(count, lines, 1, 1)
    distance = ((x - 0.5) * turn.cos() + (y - 0.5) * turn.sin() - away).abs() * size[1]
    start = uniform(count * lines, -0.6, 0.6, generator).view(count, lines, 1, 1)
    along = (y - 0.5) * turn.cos() - (x - 0.5) * turn.sin() - start
    drawn = ((distance < 0.7) & (along > 0) & (along < 0.3)).float() * level
    haze = field(count, size, 6, generator).clamp(0, 1) * 0.1
    return drawn.amax(dim=1, keepdim=True) + haze


def foil(images: Tensor, generator: Generator) -> Tensor:
    """A holographic card or a reverse holo: rainbow bands, sparkle and another tone, in the artwork alone,
    everywhere but there, or all over."""
    count, size = len(images), (images.shape[2], images.shape[3])
    x, y = grid(size, images.device)
    turn = uniform(count, 0, torch.pi, generator)[:, None, None]
    bands = uniform(count, 1, 6, generator)[:, None, None]
    phase = ((x * turn.cos() + y * turn.sin()) * bands)[:, None] + 0.5 * field(count, size, 4, generator)
    shifts = torch.tensor([0.0, 1 / 3, 2 / 3], device=images.device)[None, :, None, None]
    rainbow = torch.sin(2 * torch.pi * (phase + shifts)).clamp(-0.3, 1)
    sparkle = (torch.randn(count, 1, *size, generator=generator, device=images.device) - 1.6).clamp(0, 1)
    shine = per_image(uniform(count, 0.08, 0.4, generator))
    glow = rainbow * shine + sparkle * per_image(uniform(count, 0, 0.5, generator))
    silver = per_image(uniform(count, -0.15, 0.35, generator))
    shown = images * (1 - silver.clamp(0, 1) * 0.5) + silver * 0.4 + glow * (0.35 + 0.65 * (1 - images))
    where = _window(count, size, generator)
    return (images * (1 - where) + shown * where).clamp(0, 1)


def tone(images: Tensor, generator: Generator) -> Tensor:
    """The frame in another tone than the picture: a reverse holo, an older print run, a border that has yellowed."""
    count, size = len(images), (images.shape[2], images.shape[3])
    gain = (torch.randn(count, 3, 1, 1, generator=generator, device=images.device) * 0.18).exp()
    gain = gain * per_image((torch.randn(count, generator=generator, device=images.device) * 0.3).exp())
    lift = torch.randn(count, 3, 1, 1, generator=generator, device=images.device) * 0.08
    grey = images.mean(dim=1, keepdim=True)
    pale = per_image(uniform(count, 0, 0.7, generator))
    shown = (images * (1 - pale) + grey * pale) * gain + lift
    where = _window(count, size, generator)
    return (images * (1 - where) + shown * where).clamp(0, 1)


def _window(count: int, size: tuple[int, int], generator: Generator) -> Tensor:
    """The artwork (1 in 4), all but the artwork (half), or the whole card: [count, 1, h, w] of 0 and 1."""
    x, y = grid(size, generator.device)
    left, right, top, bottom = ((edge + uniform(count, -0.03, 0.03, generator))[:, None, None] for edge in ART)
    inside = ((x > left) & (x < right) & (y > top) & (y < bottom)).float()[:, None]
    kind = per_image(uniform(count, 0, 1, generator))
    return torch.where(kind < 0.25, inside, torch.where(kind < 0.75, 1 - inside, torch.ones_like(inside)))
