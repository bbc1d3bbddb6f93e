"""Geometry: what a detector's corners leave of turn, perspective, margin and error, in one resampling."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from training.augment.draws import field, per_image, uniform


@dataclass(frozen=True, slots=True)
class Geometry:
    """How far each goes, and how often. Lengths in card widths."""

    error: float = 0.04
    """Each corner of the detector's is off by up to this."""
    p_turn: float = 0.2
    turn: float = 15.0
    """Degrees."""
    p_perspective: float = 0.3
    perspective: float = 0.1
    """Each corner moves by up to this; the plan's 0.2 is of half a side."""
    p_margin: float = 0.15
    margin: float = 0.1
    """The rim of a toploader that was taken for the card's edge."""
    p_upside_down: float = 0.0


def warp(images: Tensor, generator: Generator, settings: Geometry) -> Tensor:
    """Cards as rectified from corners that are not quite theirs; around them a table of any colour."""
    count, _, height, width = images.shape
    aspect = height / width
    device = images.device
    corners = torch.tensor([[0, 0], [1, 0], [1, aspect], [0, aspect]], device=device) - torch.tensor(
        [0.5, aspect / 2], device=device
    )
    found = corners + (torch.rand(count, 4, 2, generator=generator, device=device) * 2 - 1) * settings.error
    bent = (torch.rand(count, 4, 2, generator=generator, device=device) * 2 - 1) * settings.perspective
    found = found + bent * _sometimes(count, settings.p_perspective, generator)[:, None, None]
    rim = uniform(count, 0.04, settings.margin, generator) * _sometimes(count, settings.p_margin, generator)
    found = found * (1 + 2 * rim)[:, None, None]
    turn = uniform(count, -settings.turn, settings.turn, generator) * _sometimes(count, settings.p_turn, generator)
    turn = torch.deg2rad(turn + 180 * _sometimes(count, settings.p_upside_down, generator))
    cos, sin = turn.cos(), turn.sin()
    rotation = torch.stack([torch.stack([cos, -sin], dim=1), torch.stack([sin, cos], dim=1)], dim=1)
    found = torch.einsum("nij,nkj->nki", rotation, found)
    return _sampled(images, corners, found, generator)


def _sometimes(count: int, share: float, generator: Generator) -> Tensor:
    return (uniform(count, 0, 1, generator) < share).float()


def _sampled(images: Tensor, corners: Tensor, found: Tensor, generator: Generator) -> Tensor:
    """The pictures that show at `corners` what lies at `found` [n, 4, 2], in card widths around the card's middle."""
    count, _, height, width = images.shape
    matrix = homographies(corners.expand(count, 4, 2), found)
    y, x = torch.meshgrid(
        (torch.arange(height, device=images.device) + 0.5) / width - 0.5 * height / width,
        (torch.arange(width, device=images.device) + 0.5) / width - 0.5,
        indexing="ij",
    )
    points = torch.stack([x, y, torch.ones_like(x)], dim=-1).reshape(-1, 3)
    seen = torch.einsum("nij,pj->npi", matrix, points)
    at = seen[..., :2] / seen[..., 2:]
    scale = torch.tensor([2.0, 2.0 * width / height], device=images.device)
    warped = functional.grid_sample(
        torch.cat([images, torch.ones_like(images[:, :1])], dim=1),
        (at * scale).reshape(count, height, width, 2),
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )
    ground = torch.rand(count, 3, 1, 1, generator=generator, device=images.device)
    ground = (
        ground + per_image(uniform(count, 0, 0.3, generator)) * field(count, (height, width), 6, generator)
    ).clamp(0, 1)
    return warped[:, :3] + ground * (1 - warped[:, 3:])


def homographies(source: Tensor, target: Tensor) -> Tensor:
    """The matrices [n, 3, 3] that take four points [n, 4, 2] to four others."""
    count = len(source)
    x, y = source[..., 0], source[..., 1]
    u, v = target[..., 0], target[..., 1]
    one, nil = torch.ones_like(x), torch.zeros_like(x)
    rows_u = torch.stack([x, y, one, nil, nil, nil, -u * x, -u * y], dim=-1)
    rows_v = torch.stack([nil, nil, nil, x, y, one, -v * x, -v * y], dim=-1)
    solved = torch.linalg.solve(torch.cat([rows_u, rows_v], dim=1), torch.cat([u, v], dim=1))
    return torch.cat([solved, torch.ones(count, 1, device=source.device)], dim=1).reshape(count, 3, 3)
