"""Trains a student."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from training.augment.pipeline import Augmentation
from training.data.pictures import Pictures
from training.data.source import Source, digest
from training.distil.course import Batch, Course, CourseConfig, Stage, Taught
from training.distil.losses import Weights, distillation
from training.distil.student import Plain, Student
from training.distil.teachers import shape_of, trained_teacher
from training.distributed import processes
from training.encoder import Encoder
from training.run import Parts, best_weights
from training.tracking import tracked


class StudentConfig(CourseConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about a student's run."""

    teacher: Path
    """Folder of the teacher's run, of either kind: `distil.teachers`."""
    data: Source | None = None
    """The cards, where they do not lie where the teacher found them."""
    backbone: str = "convnext_tiny"
    pretrained: bool = False
    stages: tuple[Stage, ...] = (Stage(epochs=30, rate=1e-3), Stage(epochs=20, rate=1e-5, classification=0.3))
    weights: Weights = Weights()


def train_student(config: StudentConfig) -> None:
    """All stages, from the best state of the teacher's last stage."""
    with processes() as (rank, device):
        _student(config, rank, device)


def _student(config: StudentConfig, rank: int, device: torch.device) -> None:
    shape = shape_of(config.teacher)
    torch.manual_seed(config.seed)
    learnt, held_out = (part.to(device) for part in (config.data or shape.data).read(shape.size))
    teacher, proxies = trained_teacher(config.teacher, learnt)
    network = Student(config.backbone, shape.dim, shape.grid, config.pretrained)
    student = Taught(network, learnt.count, shape.dim, config.weights.scale)
    student.arcface.proxies.data.copy_(proxies)
    with tracked("student", config.out, config, rank == 0) as tracker:
        tracker.tag("data", digest(learnt))
        _learn(config, student, teacher, proxies, Course("student", config, learnt, held_out, rank, tracker))


def _learn(config: StudentConfig, student: Taught, teacher: nn.Module, proxies: Tensor, course: Course) -> None:
    """All stages of a student."""
    for number, stage in enumerate(config.stages):
        student.arcface.requires_grad_(stage.classification > 0)

        def parts(network: nn.Module, batch: Batch, _: int, stage: Stage = stage) -> Parts:
            images, classes = batch
            with torch.no_grad():
                wanted = teacher(images)
            seen = network(images)
            terms = distillation(seen, wanted, proxies, config.weights)
            losses = {name: (1 - stage.classification) * term for name, term in terms.items()}
            if stage.classification:
                losses["classification"] = stage.classification * student.arcface(seen.embedding, classes, 0.0)
            alike = (seen.embedding * wanted.embedding).sum(dim=1).mean()
            return Parts(losses, {"as_teacher": alike})

        course.stage(number, student, parts)


def student_cards(config: StudentConfig) -> tuple[Pictures, Augmentation]:
    """What a run learns from, and how it is shown."""
    shape = shape_of(config.teacher)
    return (config.data or shape.data).read(shape.size)[0], config.augmentation


def student_to_export(config: StudentConfig) -> tuple[Encoder, tuple[int, int]]:
    """The best student of a run, as it is exported, and the size of its pictures."""
    shape = shape_of(config.teacher)
    weights = best_weights(config.out / f"stage{len(config.stages)}")
    network = Student(config.backbone, shape.dim, shape.grid)
    student = Taught(network, len(weights["arcface.proxies"]), shape.dim, config.weights.scale)
    student.load_state_dict(weights)
    plain = Plain(network)
    plain.eval()
    return plain, shape.size
