"""What one step of the metric recipe sees and minimises: cards clean and degraded, against each other and a memory."""

from __future__ import annotations

from typing import Literal

import msgspec
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from training.augment.pipeline import Augmentation
from training.data.pictures import Pictures
from training.data.sampling import draw_batch
from training.data.virtual import virtual
from training.metric.losses import ArcFace, info_nce, koleo
from training.run import Parts, seed_of

NEIGHBOURS = 8
"""Look-alikes that are known of each class."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The recipe's own settings."""

    loss: Literal["infonce", "arcface"] = "infonce"
    cards: int = 48
    """Cards of a batch; each is seen clean once and degraded in every view."""
    look_alikes: float = 0.4
    """Share of the batch that looks like another card of it."""
    virtual: float = 0.15
    """Share of the batch that is made up from the others."""
    temperature: float = 0.05
    koleo: float = 0.1
    memory_from: int = 500
    """Step from which the clean embeddings of all classes are negatives."""
    margin: float = 0.5
    """Of ArcFace, in radians, reached in `margin_steps`."""
    margin_steps: int = 3000
    seed: int = 0


class Recipe:
    """Batches and their losses. All draws follow from seed, step and rank; what is remembered is `memory`."""

    def __init__(
        self, settings: Settings, pictures: Pictures, views: tuple[Augmentation, ...], dim: int, rank: int = 0
    ) -> None:
        self.settings, self.pictures, self._views, self._rank = settings, pictures, views, rank
        device = pictures.images.device
        self.memory = {
            "bank": torch.zeros(pictures.count, dim, device=device),
            "filled": torch.zeros(pictures.count, dtype=torch.bool, device=device),
            "neighbours": torch.full((pictures.count, NEIGHBOURS), -1, dtype=torch.int64, device=device),
        }

    def images(self, step: int, number: int = 0) -> tuple[Tensor, Tensor]:
        """Pictures float32 [(1 + views) * n, 3, h, w], the clean ones first, and classes [n]; -1 is a virtual card."""
        device = self.pictures.images.device
        seed = seed_of(self.settings.seed, step, number, self._rank)
        draws = Generator().manual_seed(seed)
        generator = draws if device.type == "cpu" else Generator(device).manual_seed(seed)
        known = self.memory["neighbours"].cpu() if step > self.settings.memory_from else None
        made = round(self.settings.cards * self.settings.virtual)
        made = made if made > 1 else 0
        count = self.settings.cards - made
        rows = draw_batch(self.pictures.classes.cpu(), known, count, self.settings.look_alikes, draws).to(device)
        clean = self.pictures.images[rows].float() / 255
        classes = self.pictures.classes[rows]
        if made:
            clean = torch.cat([clean, virtual(clean[-made:], generator)])
            classes = torch.cat([classes, classes.new_full((made,), -1)])
        return torch.cat([clean, *(view(clean, generator) for view in self._views)]), classes

    def parts(self, network: nn.Module, images: Tensor, classes: Tensor, step: int, arcface: ArcFace | None) -> Parts:
        """The losses of a batch and what is watched: cosines to the right card, the nearest other, and hits."""
        embedded = network(images.contiguous(memory_format=torch.channels_last))
        with torch.autocast(images.device.type, enabled=False):
            unit = functional.normalize(embedded.float(), dim=1)
            clean, seen = unit[: len(classes)], unit[len(classes) :]
            losses = {"koleo": self.settings.koleo * koleo(clean)} if self.settings.koleo else {}
            target = torch.arange(len(classes), device=unit.device).repeat(len(self._views))
            if arcface is not None:
                margin = self.settings.margin * min(1.0, step / self.settings.margin_steps)
                labels = classes.repeat(1 + len(self._views))
                losses["arcface"] = arcface(unit[labels >= 0], labels[labels >= 0], margin)
                keys, allowed = clean, None
            else:
                keys, allowed = self._keys(clean, classes, step)
                losses["infonce"] = info_nce(seen, keys, target, allowed, self.settings.temperature)
        with torch.no_grad():
            watched = _watched(seen.detach(), keys.detach(), target, allowed)
            self._remember(clean.detach(), classes)
        return Parts(losses, watched)

    @torch.no_grad()
    def find_look_alikes(self) -> None:
        """Look up, among the remembered embeddings, the nearest other classes of each class."""
        bank, filled = self.memory["bank"], self.memory["filled"]
        count = min(NEIGHBOURS, len(bank) - 1)
        for start in range(0, len(bank), 1024):
            cosines = bank[start : start + 1024] @ bank.T
            cosines[:, ~filled] = -2.0
            rows = torch.arange(len(cosines), device=bank.device)
            cosines[rows, rows + start] = -2.0
            best = cosines.topk(count, dim=1)
            at = torch.where(best.values > -2.0, best.indices, -1)
            self.memory["neighbours"][start : start + 1024, :count] = torch.where(
                filled[start : start + 1024, None], at, -1
            )

    def _keys(self, clean: Tensor, classes: Tensor, step: int) -> tuple[Tensor, Tensor | None]:
        """The clean cards of the batch and, from a step on, those that are remembered of other classes."""
        if step < self.settings.memory_from:
            return clean, None
        others = self.memory["filled"].clone()
        others[classes[classes >= 0]] = False
        here = torch.ones(len(clean), dtype=torch.bool, device=clean.device)
        return torch.cat([clean, self.memory["bank"]]), torch.cat([here, others])

    def _remember(self, clean: Tensor, classes: Tensor) -> None:
        if torch.distributed.is_initialized():
            clean, classes = _of_all(clean), _of_all(classes)
        real = classes >= 0
        self.memory["bank"][classes[real]] = clean[real]
        self.memory["filled"][classes[real]] = True


def _watched(seen: Tensor, keys: Tensor, target: Tensor, allowed: Tensor | None) -> dict[str, Tensor]:
    cosines = seen @ keys.T
    if allowed is not None:
        cosines = cosines.masked_fill(~allowed, -2.0)
    right = cosines.gather(1, target[:, None])[:, 0]
    nearest = cosines.scatter(1, target[:, None], -2.0).amax(dim=1)
    return {"right": right.mean(), "nearest": nearest.mean(), "top1": (right > nearest).float().mean()}


def _of_all(tensor: Tensor) -> Tensor:
    gathered = [torch.empty_like(tensor) for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather(gathered, tensor.contiguous())
    return torch.cat(gathered)
