"""What the detector's networks are trained on: focal loss for maps, distances in card widths for corners."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from training.detector.network import Outputs
from vision.detector.decode import STRIDE


def finder_losses(outputs: Outputs, wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """The parts of the loss by name; their sum is what is minimised. `wanted` is a batch of `targets`."""
    shown = wanted["size"] > 0
    weight = wanted["heat"] * shown
    at_corner = (wanted["near"] > 0.1).float() * wanted["near"]
    shift = functional.smooth_l1_loss(outputs.shift / STRIDE, wanted["shift"] / STRIDE, reduction="none", beta=0.1)
    return {
        "heat": focal(outputs.heat, wanted["heat"], wanted["care"]),
        "corners": 4 * _corners(outputs.corners, wanted["corners"], wanted["size"], weight),
        "near": 0.5 * focal(outputs.near, wanted["near"], wanted["care"]),
        "shift": (shift.mean(dim=1, keepdim=True) * at_corner).sum() / at_corner.sum().clamp(min=1),
    }


def close_up_losses(outputs: Tensor, wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """The parts of the loss of [n, 9] (see `vision.detector.closeup.OUTPUTS`); where there is no card, no corners."""
    card = wanted["card"]
    off = functional.smooth_l1_loss(outputs[:, :8], wanted["off"], reduction="none", beta=0.01).mean(
        dim=1, keepdim=True
    )
    return {
        "off": 20 * (off * card).sum() / card.sum().clamp(min=1),
        "card": functional.binary_cross_entropy_with_logits(outputs[:, 8:], card),
    }


def focal(logits: Tensor, bells: Tensor, care: Tensor) -> Tensor:
    """Penalty-reduced focal loss of CornerNet (Law and Deng, 2018), per bell top; `care` 0 leaves cells out."""
    positive = (bells > 0.99).float()
    sure = torch.sigmoid(logits)
    hit = positive * (1 - sure) ** 2 * functional.logsigmoid(logits)
    miss = (1 - positive) * (1 - bells) ** 4 * sure**2 * functional.logsigmoid(-logits) * care
    return -(hit + miss).sum() / positive.sum().clamp(min=1)


def _corners(found: Tensor, wanted: Tensor, size: Tensor, weight: Tensor) -> Tensor:
    """Distance in card widths, to the card as it lies or upside down, whichever is closer.

    A small card cannot be read: asked which end is its top, the network would answer with the mean of both, a point.
    """
    scale = 1 / size.clamp(min=8)
    ways = (wanted, torch.cat([wanted[:, 4:], wanted[:, :4]], dim=1))
    errors = [
        functional.smooth_l1_loss(found * scale, way * scale, reduction="none", beta=0.03).mean(dim=1, keepdim=True)
        for way in ways
    ]
    return (torch.minimum(*errors) * weight).sum() / weight.sum().clamp(min=1)
