"""What MLflow keeps of a run: settings, losses, scores, files, and which code and data it was."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

_RUN_ID = "mlflow.id"
ROOT = Path(__file__).resolve().parents[1]


class Tracker:
    """A run of MLflow that is open."""

    def __init__(self, client: Any, run_id: str) -> None:
        self._client, self._run_id = client, run_id

    def report(self, step: int, values: Mapping[str, float]) -> None:
        """Numbers of a step."""
        for name, value in values.items():
            self._client.log_metric(self._run_id, name, float(value), step=step)

    def tag(self, name: str, value: str) -> None:
        """A fact about the run, such as the hash of its data."""
        self._client.set_tag(self._run_id, name, value)

    def keep(self, file: Path) -> None:
        """A file that belongs to the run."""
        self._client.log_artifact(self._run_id, str(file))


class Untracked(Tracker):
    """For the processes that do not lead: nothing is kept."""

    def __init__(self) -> None:
        pass

    def report(self, step: int, values: Mapping[str, float]) -> None:
        """Not kept."""

    def tag(self, name: str, value: str) -> None:
        """Not kept."""

    def keep(self, file: Path) -> None:
        """Not kept."""


@contextmanager
def tracked(experiment: str, folder: Path, settings: msgspec.Struct, leads: bool = True) -> Iterator[Tracker]:
    """A run of `experiment` whose state lies in `folder`; the one that was cut off there goes on.

    MLFLOW_TRACKING_URI says where; without it, mlflow.db beside the folder.
    """
    if not leads:
        yield Untracked()
        return
    from mlflow import MlflowClient  # noqa: PLC0415, 2 s that only a run pays

    folder.mkdir(parents=True, exist_ok=True)
    home = folder.resolve().parent
    client = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home / 'mlflow.db'}")
    known = folder / _RUN_ID
    if not known.exists():
        found = client.get_experiment_by_name(experiment)
        identity = found.experiment_id if found else client.create_experiment(experiment, (home / "artefacts").as_uri())
        run = client.create_run(identity, run_name=folder.name)
        for name, value in _flat(msgspec.to_builtins(settings, enc_hook=str)):
            client.log_param(run.info.run_id, name, value)
        known.write_text(run.info.run_id)
    run_id = known.read_text().strip()
    client.update_run(run_id, status="RUNNING")
    client.set_tag(run_id, "git", _commit())
    status = "FAILED"
    try:
        yield Tracker(client, run_id)
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        client.set_terminated(run_id, status)


def _flat(settings: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(settings, dict) and settings:
        for key, value in settings.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(settings, list) and any(isinstance(one, dict) for one in settings):
        for number, value in enumerate(settings):
            yield from _flat(value, f"{prefix}.{number}")
    else:
        yield prefix, str(settings)[:500]


def _commit() -> str:
    """The commit of the code, with a plus when it has been changed since; unknown outside a checkout."""
    git = ["git", "-C", str(ROOT)]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")
