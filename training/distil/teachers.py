"""Every run that a student can learn from: of the teacher with its classes, or of the metric recipe, which has none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.config import ConfigError, kept, kept_recipe
from training.data.pictures import Pictures
from training.data.source import Source
from training.distil.course import Taught
from training.distil.seen import Seen, energy
from training.distil.teacher import Teacher
from training.distil.train_teacher import TeacherConfig
from training.metric.network import CardEncoder
from training.metric.train import MetricConfig, trained_encoder
from training.run import best_weights

_AT_A_TIME = 64


@dataclass(frozen=True, slots=True)
class Shape:
    """What a student takes over from its teacher."""

    size: tuple[int, int]
    """Of a picture: height and width."""
    grid: tuple[int, int]
    """Of where it looks: rows and columns."""
    dim: int
    data: Source


class MetricTeacher(nn.Module):
    """A network of the metric recipe as a teacher: pictures of 0..1 [n, 3, h, w] to `Seen`."""

    def __init__(self, encoder: CardEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> Seen:
        """Embeddings, and the energy of the last feature map."""
        features = self.encoder.features(images)
        embedding = functional.normalize(self.encoder.from_features(features).float(), dim=1)
        return Seen(embedding, energy(features, self.encoder.cells))


def shape_of(folder: Path) -> Shape:
    """What the settings of a teacher's run say. ConfigError where none is."""
    recipe, _ = kept_recipe(folder)
    if recipe == "metric":
        metric = kept(folder, recipe, MetricConfig)
        return Shape(metric.network.size, metric.network.encoder().cells, metric.network.dim, metric.data)
    teacher = kept(folder, "teacher", TeacherConfig)
    return Shape(teacher.size, teacher.grid, teacher.dim, teacher.data)


def trained_teacher(folder: Path, cards: Pictures) -> tuple[nn.Module, Tensor]:
    """The trained network of a run, frozen, and where each class of the cards lies: unit [classes, d].

    These are the proxies that ArcFace has taught or, without any, the means of the classes' embeddings. ConfigError or
    RunError where there is no such run, or it knows other classes.
    """
    recipe, _ = kept_recipe(folder)
    if recipe == "metric":
        network: nn.Module = MetricTeacher(trained_encoder(folder)).to(cards.images.device)
        return _frozen(network), _means(network, cards)
    config = kept(folder, "teacher", TeacherConfig)
    weights = best_weights(folder / f"stage{len(config.stages)}")
    classes = len(weights["arcface.proxies"])
    if classes != cards.count:
        raise ConfigError(
            f"teacher: {folder} knows {classes} classes and the cards are of {cards.count}: train it anew on these"
        )
    taught = Taught(Teacher(config.backbone, config.dim, config.dropout), classes, config.dim, config.scale)
    taught.load_state_dict(weights)
    taught.to(cards.images.device)
    return _frozen(taught.network), functional.normalize(taught.arcface.proxies.detach(), dim=1)


def _frozen(network: nn.Module) -> nn.Module:
    return network.eval().requires_grad_(False)


@torch.no_grad()
def _means(network: nn.Module, cards: Pictures) -> Tensor:
    embedded = torch.cat([network(part.float() / 255).embedding for part in torch.split(cards.images, _AT_A_TIME)])
    sums = embedded.new_zeros(cards.count, embedded.shape[1]).index_add_(0, cards.classes, embedded)
    return functional.normalize(sums, dim=1)
