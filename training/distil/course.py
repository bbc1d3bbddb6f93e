"""What the trainings of teacher and student share: stages over all pictures, each a run of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import torch
from torch import Generator, Tensor, nn

from training.augment.pipeline import Augmentation
from training.config import keep
from training.data.pictures import Pictures
from training.fit import fit
from training.metric.losses import ArcFace
from training.metric.validate import retrieval
from training.run import Parts, Plan, Run, seed_of
from training.tracking import Tracker

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


class Taught(nn.Module):
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


@dataclass(frozen=True, slots=True)
class Course:
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
