"""What made a recording: versions, configuration, model, catalogue and machine."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from actors.backends import model_path
from actors.config import Config, dump
from bus.messages import VERSION
from catalog.store import file_ref, read_manifest

_ROOT = Path(__file__).resolve().parents[1]
_GIT_S = 5.0
_DEVICE = Path("/proc/device-tree/model")


def provenance(config: Config) -> dict[str, str]:
    """The facts by name; empty where there is nothing to be known. `config` is the whole configuration as TOML."""
    text = dump(config, comments=False)
    return {
        "version": _version(),
        "git": _commit(),
        "wire": str(VERSION),
        "config": text,
        "config_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "model_sha256": _model(config),
        "catalog": _catalog(config),
        "platform": platform.platform(),
        "device": _device(),
        "python": platform.python_version(),
        "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }


def _version() -> str:
    try:
        return version("sleevesight")
    except PackageNotFoundError:
        return ""


def _commit() -> str:
    """The commit of the checkout that runs, `-dirty` if it was changed."""
    git = shutil.which("git")
    if git is None or not (_ROOT / ".git").exists():
        return ""
    command = [git, "-C", str(_ROOT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_GIT_S, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _model(config: Config) -> str:
    try:
        return file_ref(model_path(config.embedder)).sha256
    except OSError:
        return ""


def _catalog(config: Config) -> str:
    """When the catalogue was built, which is what its answers call it."""
    try:
        return read_manifest(Path(config.matcher.catalog).expanduser()).created if config.matcher.catalog else ""
    except ValueError:
        return ""


def _device() -> str:
    try:
        return _DEVICE.read_text().strip("\0\n ")
    except OSError:
        return platform.processor() or platform.machine()
