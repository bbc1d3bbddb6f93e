"""What the metric recipe minimises: InfoNCE or ArcFace, and KoLeo beside them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def info_nce(queries: Tensor, keys: Tensor, target: Tensor, allowed: Tensor | None, temperature: float) -> Tensor:
    """InfoNCE (van den Oord 2018) of unit queries [n, d] against unit keys [m, d]; `target` [n] is each query's key.

    `allowed` bool [m] leaves out keys that are no negatives; targets must be allowed. Mean over the queries.
    """
    logits = queries @ keys.T / temperature
    if allowed is not None:
        logits = logits.masked_fill(~allowed, float("-inf"))
    return functional.cross_entropy(logits, target)


def koleo(vectors: Tensor) -> Tensor:
    """The Kozachenko-Leonenko spread of unit vectors [n, d] (Sablayrolles 2019): minus the mean log distance to the
    nearest other; 0 and below once they are 1 or more apart."""
    cosines = vectors @ vectors.T
    cosines = cosines.masked_fill(torch.eye(len(vectors), dtype=torch.bool, device=vectors.device), -2.0)
    nearest = cosines.detach().argmax(dim=1)
    apart: Tensor = (vectors - vectors[nearest]).norm(dim=1)
    return -apart.clamp_min(1e-6).log().mean()


class ArcFace(nn.Module):
    """Additive angular margin (Deng 2019) with one proxy a class, in float32.

    The margin is given at each call: from the first step on at its full size it collapses every embedding to one.
    """

    def __init__(self, classes: int, dim: int, scale: float = 64.0) -> None:
        super().__init__()
        self.scale = scale
        self.proxies = nn.Parameter(functional.normalize(torch.randn(classes, dim), dim=1))

    def forward(self, vectors: Tensor, labels: Tensor, margin: float) -> Tensor:
        """Cross-entropy of unit vectors [n, d] with `labels` [n]; `margin` in radians, 0 to pi / 2."""
        with torch.autocast(vectors.device.type, enabled=False):  # 8 bits of a cosine times 64 are no logits
            return self._loss(vectors, labels, margin)

    def _loss(self, vectors: Tensor, labels: Tensor, margin: float) -> Tensor:
        cosines = vectors.float() @ functional.normalize(self.proxies.float(), dim=1).T
        cosines = cosines.clamp(-1 + 1e-6, 1 - 1e-6)
        own = cosines.gather(1, labels[:, None])
        turned = own * math.cos(margin) - (1 - own**2).sqrt() * math.sin(margin)
        # Beyond pi - margin the cosine would rise again: a straight line goes on from there.
        turned = torch.where(own > math.cos(math.pi - margin), turned, own - math.sin(math.pi - margin) * margin)
        return functional.cross_entropy(self.scale * cosines.scatter(1, labels[:, None], turned), labels)
