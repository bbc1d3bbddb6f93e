"""The effects in the order in which they happen: to the card, its place in the picture, the light, the camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields

import torch
from torch import Generator, Tensor

from training.augment.cover import cover
from training.augment.geometry import Geometry, warp
from training.augment.lens import defocus, low_resolution, motion
from training.augment.light import glare, shadow
from training.augment.sensor import colour, grayscale, jpeg, noise, white_balance
from training.augment.surface import foil, sleeve, tone

Effect = Callable[[Tensor, Generator], Tensor]

_AT_A_TIME = 24
"""Cards that a CPU keeps in its cache: all of a batch at once take 1.7 times as long."""


@dataclass(frozen=True, slots=True)
class Chances:
    """How often each effect happens, 0..1."""

    tone: float = 0.2
    foil: float = 0.15
    sleeve: float = 0.4
    cover: float = 0.25
    shadow: float = 0.3
    glare: float = 0.25
    defocus: float = 0.3
    motion: float = 0.2
    low_resolution: float = 0.25
    colour: float = 0.8
    white_balance: float = 0.5
    grayscale: float = 0.05
    noise: float = 0.4
    jpeg: float = 0.3


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Cards as a camera might show them: float32 RGB [n, 3, h, w] of 0..1 in, the same out."""

    chances: Chances = field(default_factory=Chances)
    geometry: Geometry = field(default_factory=Geometry)

    def __call__(self, images: Tensor, generator: Generator) -> Tensor:
        """Everything that the generator decides to happen to each card."""
        portion = _AT_A_TIME if images.device.type == "cpu" else len(images)
        return torch.cat([self._shown(part.clone(), generator) for part in torch.split(images, max(1, portion))])

    def _shown(self, images: Tensor, generator: Generator) -> Tensor:
        for name in ("tone", "foil", "sleeve"):
            images = _sometimes(images, name, self.chances, generator)
        images = warp(images, generator, self.geometry)
        for name in _AFTER:
            images = _sometimes(images, name, self.chances, generator)
        return images.clamp(0, 1)


EFFECTS: dict[str, Effect] = {
    "tone": tone, "foil": foil, "sleeve": sleeve, "cover": cover, "shadow": shadow, "glare": glare,
    "defocus": defocus, "motion": motion, "low_resolution": low_resolution, "colour": colour,
    "white_balance": white_balance, "grayscale": grayscale, "noise": noise, "jpeg": jpeg,
}  # fmt: skip
_AFTER = tuple(name for name in EFFECTS if name not in ("tone", "foil", "sleeve"))

assert {one.name for one in fields(Chances)} == EFFECTS.keys()


def _sometimes(images: Tensor, name: str, chances: Chances, generator: Generator) -> Tensor:
    """The effect on those pictures that it happens to, in place."""
    chosen = torch.rand(len(images), generator=generator, device=images.device) < getattr(chances, name)
    index = chosen.nonzero()[:, 0]
    if not len(index):
        return images
    return images.index_copy_(0, index, EFFECTS[name](images[index], generator).to(images.dtype))
