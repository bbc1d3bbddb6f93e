"""The same training on Amazon SageMaker: 8 A100 and one process for each. `sleevesight train cloud … [--dry-run]`.

SageMaker hands hyperparameters to the entry script as `--name value`, mounts each channel below /opt/ml/input and keeps
what is written to /opt/ml/checkpoints in S3, from where a job that was interrupted goes on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.config import ConfigError

INSTANCE = "ml.p4d.24xlarge"
"""8 A100 of 40 GB."""
ROOT = Path(__file__).resolve().parents[1]
CHECKPOINTS = "/opt/ml/checkpoints"
SEPARATOR = ";"
"""Between several settings in the one hyperparameter `set`."""


def job(
    recipe: str,
    config: str,
    overrides: Sequence[str],
    *,
    role: str,
    bucket: str,
    cards: str,
    teacher: str | None = None,
) -> dict[str, Any]:
    """The arguments of `sagemaker.pytorch.PyTorch` and of its `fit`, as plain data.

    `role` is the ARN that the job runs as, `bucket` an S3 address for checkpoints and results, `cards` the S3 folder of
    the card pictures with their cards.csv, `teacher` that of a teacher's run. ConfigError for an address that is none.
    """
    inputs = {"cards": cards} | ({"teacher": teacher} if teacher else {})
    for name, address in {"bucket": bucket, **inputs}.items():
        if not address.startswith("s3://"):
            raise ConfigError(f"--{name} must be an address such as s3://bucket/folder, not {address!r}")
    if any(SEPARATOR in override for override in overrides):
        raise ConfigError(f"a setting may not hold {SEPARATOR!r} on its way to SageMaker")
    return {
        "estimator": {
            "entry_point": "training/sagemaker_entry.py",
            "source_dir": str(ROOT),
            "role": role,
            "instance_type": INSTANCE,
            "instance_count": 1,
            "framework_version": "2.6",
            "py_version": "py312",
            "distribution": {"torch_distributed": {"enabled": True}},
            "hyperparameters": {"recipe": recipe, "config": config, "set": SEPARATOR.join(overrides)},
            "checkpoint_s3_uri": f"{bucket.rstrip('/')}/checkpoints/{recipe}",
            "checkpoint_local_path": CHECKPOINTS,
            "output_path": f"{bucket.rstrip('/')}/output",
            "use_spot_instances": True,
            "max_run": 8 * 3600,
            "max_wait": 24 * 3600,
        },
        "inputs": inputs,
    }


def start(described: dict[str, Any]) -> None:
    """Hand a job to SageMaker. ConfigError where its SDK is not installed."""
    try:
        from sagemaker.pytorch import PyTorch  # type: ignore[import-not-found]  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            "a job needs SageMaker's SDK: pip install 'sagemaker<3', or look at it with --dry-run"
        ) from error
    PyTorch(**described["estimator"]).fit(described["inputs"], wait=False)


def arguments(hyperparameters: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> list[str]:
    """The command of `python -m training` that a job's hyperparameters and surroundings mean."""
    command = [hyperparameters["recipe"]]
    if hyperparameters.get("config"):
        command += ["--config", hyperparameters["config"]]
    settings = [one for one in hyperparameters.get("set", "").split(SEPARATOR) if one]
    settings.append(f"out={CHECKPOINTS}/{hyperparameters['recipe']}")
    for channel, key in (("SM_CHANNEL_CARDS", "data.cards"), ("SM_CHANNEL_TEACHER", "teacher")):
        if channel in environment:
            settings.append(f"{key}={environment[channel]}")
    return command + [word for setting in settings for word in ("--set", setting)]
