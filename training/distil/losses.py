"""What passes from teacher to student: the embedding, the classes, where to look, and the fine differences of classes.

Every term is 0 when the student says what the teacher says.
"""

from __future__ import annotations

import msgspec
import torch
from torch import Tensor
from torch.nn import functional

from training.distil.seen import Seen


class Weights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shares of the terms, and what they are measured with."""

    feature: float = 0.35
    classes: float = 0.25
    attention: float = 0.25
    detail: float = 0.15
    temperature: float = 4.0
    """Of the logits of `classes` (Hinton 2015)."""
    scale: float = 64.0
    """From cosines to logits: ArcFace's."""


def distillation(student: Seen, teacher: Seen, proxies: Tensor, weights: Weights) -> dict[str, Tensor]:
    """The weighted terms by name. `proxies` unit [classes, d] are the teacher's, in an order that never changes."""
    seen, wanted = (weights.scale * (one.embedding @ proxies.T) for one in (student, teacher))
    return {
        "feature": weights.feature * feature(student.embedding, teacher.embedding),
        "classes": weights.classes * divergence(seen, wanted, weights.temperature),
        "attention": weights.attention * look(student.attention, teacher.attention),
        "detail": weights.detail * detail(seen, wanted, weights.scale),
    }


def feature(student: Tensor, teacher: Tensor) -> Tensor:
    """1 - cosine of unit embeddings, mean."""
    return (1 - (student * teacher).sum(dim=1)).mean()


def divergence(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """KL of the teacher's softened classes from the student's, times the temperature squared (Hinton 2015)."""
    seen = functional.log_softmax(student / temperature, dim=1)
    wanted = functional.log_softmax(teacher / temperature, dim=1)
    return functional.kl_div(seen, wanted, reduction="batchmean", log_target=True) * temperature**2


def look(student: Tensor, teacher: Tensor) -> Tensor:
    """KL of where the teacher looks from where the student does, [n, rows, columns] of sum 1, at the student's size."""
    if teacher.shape != student.shape:
        teacher = functional.interpolate(teacher[:, None], student.shape[1:], mode="bilinear", align_corners=False)[
            :, 0
        ]
        teacher = teacher / teacher.sum(dim=(1, 2), keepdim=True).clamp_min(1e-9)
    seen = student.flatten(1).clamp_min(1e-9).log()
    return functional.kl_div(seen, teacher.flatten(1), reduction="batchmean")


def detail(student: Tensor, teacher: Tensor, scale: float) -> Tensor:
    """Mean square of what differs in the detail band of the logits: one level of a Haar wavelet over the classes.

    After FiGKD (arXiv 2505.11897), whose wavelet and weight are not given in its abstract; logits are divided by
    `scale`, so that the term is of the size of the others.
    """
    return functional.mse_loss(_band(student) / scale, _band(teacher) / scale).mul(student.shape[1] ** 0.5)


def _band(logits: Tensor) -> Tensor:
    even = logits.shape[1] // 2 * 2
    return torch.sub(logits[:, 0:even:2], logits[:, 1:even:2]).mul(2**-0.5)
