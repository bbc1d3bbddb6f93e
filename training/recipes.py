"""Every recipe by its name: what its settings look like and what runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from training.augment.pipeline import Augmentation
from training.config import ConfigError, kept, kept_recipe, load
from training.data.pictures import Pictures
from training.distil.train_student import StudentConfig, student_cards, student_to_export, train_student
from training.distil.train_teacher import TeacherConfig, train_teacher
from training.encoder import Encoder
from training.metric.train import MetricConfig, encoder_to_export, metric_cards, train_metric

CONFIGS = Path(__file__).with_name("configs")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is made."""

    settings: type[Any]
    train: Callable[[Any], None]
    cards: Callable[[Any], tuple[Pictures, Augmentation]] | None
    """What it learns from and how it is shown, for calibration."""
    exported: Callable[[Any], tuple[Encoder, tuple[int, int]]] | None
    """The trained network and the size of its pictures; None where it is not for shipping."""


RECIPES: dict[str, Recipe] = {
    "metric": Recipe(MetricConfig, train_metric, metric_cards, encoder_to_export),
    "teacher": Recipe(TeacherConfig, train_teacher, None, None),
    "student": Recipe(StudentConfig, train_student, student_cards, student_to_export),
}


def run(name: str, config: Path | None, overrides: list[str]) -> None:
    """Train by a TOML file, or by the one that ships for the recipe."""
    recipe = RECIPES[name]
    settings = load(config or CONFIGS / f"{name}.toml", recipe.settings, overrides)
    recipe.train(settings)


def trained(folder: Path) -> tuple[str, msgspec.Struct, Encoder, tuple[int, int]]:
    """The recipe, settings, best network and picture size of a run. ConfigError where there is nothing to export."""
    name, recipe, settings = _run_in(folder)
    assert recipe.exported
    network, size = recipe.exported(settings)
    return name, settings, network, size


def learnt_from(folder: Path) -> tuple[Pictures, Augmentation]:
    """The cards that a run has learnt from, and how they were shown."""
    _, recipe, settings = _run_in(folder)
    assert recipe.cards
    return recipe.cards(settings)


def _run_in(folder: Path) -> tuple[str, Recipe, Any]:
    name, _ = kept_recipe(folder)
    recipe = RECIPES.get(name)
    if recipe is None or recipe.exported is None:
        raise ConfigError(f"{folder} is a run of {name!r}, which is not for export")
    return name, recipe, msgspec.structs.replace(kept(folder, name, recipe.settings), out=folder)
