"""Trains the teacher."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.data.source import Source, digest
from training.distil.course import Batch, Course, CourseConfig, Stage, Taught
from training.distil.teacher import Backbone, Teacher
from training.distributed import processes
from training.metric.losses import ArcFace
from training.run import Parts
from training.tracking import tracked


class TeacherConfig(CourseConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about a teacher's run."""

    stages: tuple[Stage, ...] = (Stage(epochs=3, rate=1e-3), Stage(epochs=10, rate=1e-5, trained_blocks=4))
    backbone: Backbone = Backbone()
    data: Source = Source()
    size: tuple[int, int] = (224, 224)
    dim: int = 768
    dropout: float = 0.1
    scale: float = 64.0
    margin: float = 0.5
    margin_share: float = 0.3
    """Share of all steps in which the margin grows to its full size."""

    @property
    def grid(self) -> tuple[int, int]:
        """Patches of a picture: rows and columns."""
        return self.size[0] // self.backbone.patch, self.size[1] // self.backbone.patch


def train_teacher(config: TeacherConfig) -> None:
    """All stages, each in a folder of its own below `out`; a run that was cut off goes on."""
    with processes() as (rank, device):
        _teacher(config, rank, device)


def _teacher(config: TeacherConfig, rank: int, device: torch.device) -> None:
    torch.manual_seed(config.seed)
    learnt, held_out = (part.to(device) for part in config.data.read(config.size))
    taught = Taught(Teacher(config.backbone, config.dim, config.dropout), learnt.count, config.dim, config.scale)
    with tracked("teacher", config.out, config, rank == 0) as tracker:
        tracker.tag("data", digest(learnt))
        _teach(config, taught, Course("teacher", config, learnt, held_out, rank, tracker))


def _teach(config: TeacherConfig, taught: Taught, course: Course) -> None:
    """All stages of a teacher."""
    steps = [course.steps(stage) for stage in config.stages]
    for number, stage in enumerate(config.stages):
        assert isinstance(taught.network, Teacher)
        taught.network.train_last(stage.trained_blocks)
        before = sum(steps[:number])

        def parts(network: nn.Module, batch: Batch, step: int, before: int = before) -> Parts:
            grown = (before + step) / max(1.0, config.margin_share * sum(steps))
            images, classes = batch
            seen = network(images)
            loss = taught.arcface(seen.embedding, classes, config.margin * min(1.0, grown))
            return Parts({"arcface": loss}, {"own": _own(seen.embedding, taught.arcface, classes)})

        course.stage(number, taught, parts)


def _own(embedding: Tensor, arcface: ArcFace, classes: Tensor) -> Tensor:
    """Mean cosine to the proxy of the own class."""
    return (embedding * functional.normalize(arcface.proxies, dim=1)[classes]).sum(dim=1).mean()
