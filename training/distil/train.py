"""Trains the teacher, and the student from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from training.augment.pipeline import Augmentation
from training.config import ConfigError, keep, kept
from training.data.pictures import Pictures
from training.data.source import Source, digest
from training.distil.losses import Weights, distillation
from training.distil.student import Plain, Student
from training.distil.teacher import Backbone, Teacher
from training.distributed import processes
from training.encoder import Encoder
from training.fit import fit
from training.metric.losses import ArcFace
from training.metric.validate import retrieval
from training.run import Parts, Plan, Run, best_weights, seed_of
from training.tracking import Tracker, tracked

Batch = tuple[Tensor, Tensor]
"""Pictures float32 [n, 3, h, w] and their classes [n]."""


class Stage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a recipe: epochs over all pictures, at a rate."""

    epochs: int
    rate: float
    trained_blocks: int = 0
    """Of the teacher: blocks of the transformer that learn, from the last."""
    classification: float = 0.0
    """Of the student: share of the classes' loss beside distillation."""


class CourseConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a teacher's run and a student's have in common."""

    out: Path
    stages: tuple[Stage, ...]
    batch: int = 64
    accumulate: int = 1
    precision: Literal["float32", "bfloat16"] = "float32"
    augmentation: Augmentation = Augmentation()
    validate_every: int = 500
    validate_cards: int = 200
    seed: int = 0


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


class StudentConfig(CourseConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about a student's run."""

    teacher: Path
    """Folder of the teacher's run."""
    data: Source | None = None
    """The cards, where they do not lie where the teacher found them."""
    backbone: str = "convnext_tiny"
    pretrained: bool = False
    stages: tuple[Stage, ...] = (Stage(epochs=30, rate=1e-3), Stage(epochs=20, rate=1e-5, classification=0.3))
    weights: Weights = Weights()


class _Taught(nn.Module):
    """A network and the proxies of its classes."""

    def __init__(self, network: nn.Module, classes: int, dim: int, scale: float) -> None:
        super().__init__()
        self.network = network
        self.arcface = ArcFace(classes, dim, scale)

    def forward(self, images: Tensor) -> Any:
        """What the network sees."""
        return self.network(images)


class _Embedding(nn.Module):
    """Pictures to unit embeddings, for validation."""

    def __init__(self, taught: nn.Module) -> None:
        super().__init__()
        self.taught = taught

    def forward(self, images: Tensor) -> Tensor:
        """[n, 3, h, w] to [n, d]."""
        embedding: Tensor = self.taught(images).embedding
        return embedding


def train_teacher(config: TeacherConfig) -> None:
    """All stages, each in a folder of its own below `out`; a run that was cut off goes on."""
    with processes() as (rank, device):
        _teacher(config, rank, device)


def _teacher(config: TeacherConfig, rank: int, device: torch.device) -> None:
    torch.manual_seed(config.seed)
    learnt, held_out = (part.to(device) for part in config.data.read(config.size))
    taught = _Taught(Teacher(config.backbone, config.dim, config.dropout), learnt.count, config.dim, config.scale)
    with tracked("teacher", config.out, config, rank == 0) as tracker:
        tracker.tag("data", digest(learnt))
        _teach(config, taught, _Course("teacher", config, learnt, held_out, rank, tracker))


def _teach(config: TeacherConfig, taught: _Taught, course: _Course) -> None:
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


def train_student(config: StudentConfig) -> None:
    """All stages, from the best state of the teacher's last stage."""
    with processes() as (rank, device):
        _student(config, rank, device)


def _student(config: StudentConfig, rank: int, device: torch.device) -> None:
    teacher_config, taught = _read_teacher(config.teacher)
    torch.manual_seed(config.seed)
    learnt, held_out = (part.to(device) for part in (config.data or teacher_config.data).read(teacher_config.size))
    if learnt.count != len(taught.arcface.proxies):
        raise ConfigError(
            f"teacher: {config.teacher} knows {len(taught.arcface.proxies)} classes and the cards are of "
            f"{learnt.count}: train it anew on these"
        )
    taught.to(device).eval().requires_grad_(False)
    student = _Taught(
        Student(config.backbone, teacher_config.dim, teacher_config.grid, config.pretrained),
        learnt.count,
        teacher_config.dim,
        config.weights.scale,
    )
    student.arcface.proxies.data.copy_(functional.normalize(taught.arcface.proxies, dim=1))
    with tracked("student", config.out, config, rank == 0) as tracker:
        tracker.tag("data", digest(learnt))
        _learn(config, student, taught, _Course("student", config, learnt, held_out, rank, tracker))


def _learn(config: StudentConfig, student: _Taught, taught: _Taught, course: _Course) -> None:
    """All stages of a student."""
    proxies = functional.normalize(taught.arcface.proxies, dim=1)
    for number, stage in enumerate(config.stages):
        student.arcface.requires_grad_(stage.classification > 0)

        def parts(network: nn.Module, batch: Batch, _: int, stage: Stage = stage) -> Parts:
            images, classes = batch
            with torch.no_grad():
                wanted = taught(images)
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
    teacher = kept(config.teacher, "teacher", TeacherConfig)
    return (config.data or teacher.data).read(teacher.size)[0], config.augmentation


def student_to_export(config: StudentConfig) -> tuple[Encoder, tuple[int, int]]:
    """The best student of a run, as it is exported, and the size of its pictures."""
    teacher = kept(config.teacher, "teacher", TeacherConfig)
    weights = best_weights(config.out / f"stage{len(config.stages)}")
    network = Student(config.backbone, teacher.dim, teacher.grid)
    student = _Taught(network, len(weights["arcface.proxies"]), teacher.dim, config.weights.scale)
    student.load_state_dict(weights)
    plain = Plain(network)
    plain.eval()
    return plain, teacher.size


@dataclass(frozen=True, slots=True)
class _Course:
    """What the stages of a run share."""

    recipe: str
    config: CourseConfig
    learnt: Pictures
    held_out: Pictures
    rank: int
    tracker: Tracker

    def stage(self, number: int, network: nn.Module, parts: Callable[[nn.Module, Batch, int], Parts]) -> None:
        """Run a stage to its end, or go on with it; the network then has the averaged weights, and the next begins."""
        config, stage = self.config, self.config.stages[number]
        steps = self.steps(stage)
        plan = Plan(
            steps=steps,
            rate=stage.rate,
            warm_up=min(300, steps // 10),
            accumulate=config.accumulate,
            precision=config.precision,
            save_every=min(500, max(1, steps // 2)),
        )
        name = f"stage{number + 1}"
        run = Run(
            network,
            plan,
            config.out / name,
            device=self.learnt.images.device,
            report=lambda step, values: self._report(name, step, values),
        )
        if run.leads:
            keep(self.recipe, config, config.out)
        fit(
            run,
            make=lambda step, part: self._batch(seed_of(config.seed, number, step, part, self.rank)),
            parts=parts,
            validate=self._validate,
            validate_every=config.validate_every,
            show=lambda step, scores: self._show(name, step, scores),
        )
        run.adopt_average()

    def steps(self, stage: Stage) -> int:
        """Steps of a stage: its epochs, shared by all processes."""
        world = torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1
        return max(1, round(stage.epochs * len(self.learnt) / (self.config.batch * self.config.accumulate * world)))

    def _batch(self, seed: int) -> Batch:
        device, count = self.learnt.images.device, self.config.batch
        generator = Generator(device).manual_seed(seed)
        rows = torch.randint(len(self.learnt), (count,), generator=generator, device=device)
        clean = self.learnt.images[rows].float() / 255
        seen = self.config.augmentation(clean, generator)
        as_it_is = torch.rand(count, 1, 1, 1, generator=generator, device=device) < _CLEAN
        return torch.where(as_it_is, clean, seen), self.learnt.classes[rows]

    def _validate(self, averaged: nn.Module) -> dict[str, float]:
        views = {"degraded": self.config.augmentation}
        count = self.config.validate_cards
        scores = retrieval(_Embedding(averaged), self.held_out, self.learnt, views, count=count)
        return {**scores, "score": scores["degraded"]}

    def _show(self, name: str, step: int, scores: dict[str, float]) -> None:
        print({"stage": name, "step": step, **{key: round(value, 3) for key, value in scores.items()}}, flush=True)
        self._report(name, step, scores)

    def _report(self, name: str, step: int, values: dict[str, float]) -> None:
        self.tracker.report(step, {f"{name}.{key}": value for key, value in values.items()})


_CLEAN = 0.2
"""Share of the pictures that are learnt from as the catalogue will show them."""


def _own(embedding: Tensor, arcface: ArcFace, classes: Tensor) -> Tensor:
    """Mean cosine to the proxy of the own class."""
    return (embedding * functional.normalize(arcface.proxies, dim=1)[classes]).sum(dim=1).mean()


def _read_teacher(folder: Path) -> tuple[TeacherConfig, _Taught]:
    """A trained teacher and its settings. ConfigError or RunError where there is none."""
    config = kept(folder, "teacher", TeacherConfig)
    weights = best_weights(folder / f"stage{len(config.stages)}")
    classes = len(weights["arcface.proxies"])
    taught = _Taught(Teacher(config.backbone, config.dim, config.dropout), classes, config.dim, config.scale)
    taught.load_state_dict(weights)
    return config, taught
