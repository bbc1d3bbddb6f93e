"""The teacher: DINOv3 ViT-L/16 (Siméoni 2025) with a projection, taught with ArcFace which card is which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.config import ConfigError
from training.distil.seen import Seen
from training.distil.torchvision_shim import make_importable
from training.encoder import IMAGENET, normalised

MODEL_ID = "facebook/dinov3-vitl16-pretrain-lvd1689m"
"""Gated at its source: download it with an account that has accepted its licence, and give the folder."""


class Backbone(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which vision transformer. Without `weights` it is of the given size and randomly initialised."""

    weights: Path | None = None
    """Folder with config.json and model.safetensors of `facebook/dinov3-vitl16-pretrain-lvd1689m`."""
    hidden: int = 64
    layers: int = 3
    heads: int = 2
    patch: int = 16

    def open(self) -> Any:
        """The transformer. ConfigError where the folder holds no weights."""
        make_importable()
        from transformers import DINOv3ViTConfig, DINOv3ViTModel  # noqa: PLC0415

        if self.weights is None:
            made = DINOv3ViTConfig(
                hidden_size=self.hidden,
                num_hidden_layers=self.layers,
                num_attention_heads=self.heads,
                intermediate_size=2 * self.hidden,
                patch_size=self.patch,
                num_register_tokens=4,
            )
            made._attn_implementation = "eager"  # the others do not say where they look
            return DINOv3ViTModel(made)
        if not (self.weights / "config.json").is_file() or not any(self.weights.glob("*.safetensors")):
            raise ConfigError(
                f"backbone.weights: {self.weights} holds no config.json and model.safetensors; download {MODEL_ID} "
                "there, or leave the key out for a small random one"
            )
        return DINOv3ViTModel.from_pretrained(self.weights, attn_implementation="eager", local_files_only=True)


class Teacher(nn.Module):
    """Pictures of 0..1 [n, 3, h, w], sides multiples of the patch, to `Seen`."""

    def __init__(self, backbone: Backbone, dim: int = 768, dropout: float = 0.1) -> None:
        super().__init__()
        self.backbone = backbone.open()
        self._patch = self.backbone.config.patch_size
        self.projection = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.backbone.config.hidden_size, dim))

    @property
    def _layers(self) -> Any:
        """The blocks, which transformers 4 keeps in the model and 5 in its encoder."""
        return self.backbone.layer if hasattr(self.backbone, "layer") else self.backbone.model.layer

    def train_last(self, blocks: int) -> None:
        """Let the last `blocks` of the transformer and the projection learn, and nothing else."""
        for parameter in self.backbone.parameters():
            parameter.requires_grad_(False)
        layers = self._layers
        if not 0 <= blocks <= len(layers):
            raise ConfigError(f"trained_blocks is {blocks}, and the backbone has {len(layers)}")
        learning = [*layers[len(layers) - blocks :], self.backbone.norm] if blocks else []
        for block in learning:
            for parameter in block.parameters():
                parameter.requires_grad_(True)

    def forward(self, images: Tensor) -> Seen:
        """Embeddings, and the last layer's attention of the class token to the patches, mean of the heads."""
        seen = self.backbone(normalised(images, IMAGENET), output_attentions=True)
        with torch.autocast(images.device.type, enabled=False):
            embedding = functional.normalize(self.projection(seen.pooler_output.float()), dim=1)
        rows, columns = images.shape[2] // self._patch, images.shape[3] // self._patch
        to_patches = seen.attentions[-1].float().mean(dim=1)[:, 0, -rows * columns :]
        attention = to_patches / to_patches.sum(dim=1, keepdim=True).clamp_min(1e-9)
        return Seen(embedding, attention.reshape(-1, rows, columns))
