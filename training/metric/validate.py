"""How well cards that were never learnt from are found: the number by which a run keeps its best state."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from training.augment.pipeline import Augmentation
from training.data.pictures import Pictures

_BATCH = 64


@torch.no_grad()
def embed(network: nn.Module, images: Tensor) -> Tensor:
    """Unit embeddings float32 [n, d] of pictures uint8 or float [n, 3, h, w]."""
    network.eval()
    parts = []
    for start in range(0, len(images), _BATCH):
        batch = images[start : start + _BATCH]
        batch = batch.float() / 255 if batch.dtype == torch.uint8 else batch
        parts.append(functional.normalize(network(batch.contiguous(memory_format=torch.channels_last)).float(), dim=1))
    return torch.cat(parts)


def retrieval(
    network: nn.Module, held_out: Pictures, others: Pictures, views: dict[str, Augmentation], *, count: int
) -> dict[str, float]:
    """Top-1 in percent, by view, of `count` held-out cards among themselves and all others; and how the space is used.

    `spread` is the mean cosine of two cards, `dimensions` the effective dimension (exp of the entropy of the spectrum).
    """
    index = embed(network, torch.cat([held_out.images, others.images]))
    classes = torch.cat([held_out.classes, others.classes + held_out.count])
    rows = torch.linspace(0, len(held_out) - 1, min(count, len(held_out))).long()
    scores = {}
    for number, (name, view) in enumerate(views.items()):
        generator = Generator(held_out.images.device).manual_seed(number)
        seen = torch.cat([view(held_out.images[part].float() / 255, generator) for part in torch.split(rows, _BATCH)])
        found = (embed(network, seen) @ index.T).argmax(dim=1)
        scores[name] = 100 * float((classes[found] == held_out.classes[rows]).float().mean())
    spectrum = torch.linalg.svdvals(index - index.mean(dim=0)) ** 2
    share = spectrum / spectrum.sum()
    scores["dimensions"] = float(torch.exp(-(share * share.clamp_min(1e-12).log()).sum()))
    scores["spread"] = float((index.sum(dim=0).square().sum() - len(index)) / (len(index) * (len(index) - 1)))
    return scores
