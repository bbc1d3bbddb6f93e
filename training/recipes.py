"""Every recipe by its name: what its settings look like and what runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from torch import nn

from training.config import ConfigError, keep, kept, kept_recipe, load
from training.distil.train import StudentConfig, TeacherConfig, student_to_export, train_student, train_teacher
from training.metric.train import MetricConfig, encoder_to_export, train_metric

CONFIGS = Path(__file__).with_name("configs")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is made."""

    settings: type[Any]
    train: Callable[[Any], None]
    exported: Callable[[Any], tuple[nn.Module, tuple[int, int]]] | None
    """The trained network and the size of its pictures; None where it is not for shipping."""


RECIPES: dict[str, Recipe] = {
    "metric": Recipe(MetricConfig, train_metric, encoder_to_export),
    "teacher": Recipe(TeacherConfig, train_teacher, None),
    "student": Recipe(StudentConfig, train_student, student_to_export),
}


def run(name: str, config: Path | None, overrides: list[str]) -> None:
    """Train by a TOML file, or by the one that ships for the recipe."""
    recipe = RECIPES[name]
    settings = load(config or CONFIGS / f"{name}.toml", recipe.settings, overrides)
    keep(name, settings, settings.out)
    recipe.train(settings)


def trained(folder: Path) -> tuple[str, msgspec.Struct, nn.Module, tuple[int, int]]:
    """The recipe, settings, best network and picture size of a run. ConfigError where there is nothing to export."""
    name, _ = kept_recipe(folder)
    recipe = RECIPES.get(name)
    if recipe is None or recipe.exported is None:
        raise ConfigError(f"{folder} is a run of {name!r}, which is not for export")
    settings = kept(folder, name, recipe.settings)
    network, size = recipe.exported(settings)
    return name, settings, network, size
