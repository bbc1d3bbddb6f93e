"""The student: any timm backbone that gives a feature map, with a projection to the teacher's dimensions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.config import ConfigError
from training.distil.seen import Seen, energy
from training.distil.torchvision_shim import make_importable
from training.encoder import IMAGENET, Encoder, normalised


class Student(nn.Module):
    """Pictures of 0..1 [n, 3, h, w] to `Seen`; `embed` gives the bare vectors that are exported.

    Where the network looks is the energy of its last feature map, resized to the teacher's grid.
    """

    def __init__(
        self, backbone: str, dim: int = 768, grid: tuple[int, int] = (14, 14), pretrained: bool = False
    ) -> None:
        super().__init__()
        make_importable()
        import timm  # noqa: PLC0415

        try:
            network: Any = timm.create_model(backbone, pretrained=pretrained, num_classes=0, global_pool="")
        except (RuntimeError, ValueError) as error:
            close = ", ".join(timm.list_models(f"*{backbone[:6]}*")[:5])
            raise ConfigError(f"student.backbone: timm has no {backbone!r} ({error}); near it: {close}") from error
        self.backbone, self._grid = network, grid
        self.projection = nn.Linear(network.num_features, dim)

    def embed(self, images: Tensor) -> Tensor:
        """Vectors [n, dim] of normalised pictures; their norm stays outside what is quantised."""
        vectors: Tensor = self.projection(self._map(images).mean(dim=(2, 3)))
        return vectors

    def forward(self, images: Tensor) -> Seen:
        """Unit embeddings and attention."""
        features = self._map(normalised(images, IMAGENET))
        with torch.autocast(images.device.type, enabled=False):
            embedding = functional.normalize(self.projection(features.float().mean(dim=(2, 3))), dim=1)
        return Seen(embedding, energy(features, self._grid))

    def _map(self, images: Tensor) -> Tensor:
        features: Tensor = self.backbone.forward_features(images)
        if features.ndim != 4:
            raise ConfigError(f"student.backbone: {type(self.backbone).__name__} gives no feature map [n, c, h, w]")
        return features


class Plain(Encoder):
    """A student as it is exported: pictures to bare vectors."""

    normalisation = IMAGENET

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.student = student

    def encode(self, images: Tensor) -> Tensor:
        """Normalised pictures [n, 3, h, w] to [n, dim]."""
        return self.student.embed(images)
