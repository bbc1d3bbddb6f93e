"""What made a recording or a report: versions, configuration, model, catalogue and machine."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from actors.backends import model_path
from actors.config import Config, dump
from bus.messages import VERSION
from catalog.embedding import ModelError
from catalog.store import file_ref, read_manifest

_ROOT = Path(__file__).resolve().parents[1]
_GIT_S = 5.0
_BOARD, _PROCESSORS = Path("/proc/device-tree/model"), Path("/proc/cpuinfo")


def provenance(config: Config) -> dict[str, str]:
    """The facts by name; empty where there is nothing to be known. `config` is the whole configuration as TOML."""
    text = dump(config, comments=False)
    return {
        "version": installed("sleevesight"),
        "git": commit(),
        "wire": str(VERSION),
        "config": text,
        "config_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "model_sha256": model_hash(config),
        "catalog": _catalog(config),
        "platform": platform.platform(),
        "device": machine(),
        "python": platform.python_version(),
        "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }


def installed(package: str) -> str:
    """The version of a package, or nothing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def commit() -> str:
    """The commit of the checkout that runs, `-dirty` if it was changed."""
    git = shutil.which("git")
    if git is None or not (_ROOT / ".git").exists():
        return ""
    command = [git, "-C", str(_ROOT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_GIT_S, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def model_hash(config: Config) -> str:
    """SHA-256 of the embedder's file, or nothing."""
    try:
        return file_ref(model_path(config.embedder)).sha256
    except (OSError, ModelError):
        return ""


def machine() -> str:
    """The machine in a line: the board's name or the processor's, cores, architecture, system."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    name = _board() or _processor() or platform.processor() or "unknown processor"
    return f"{name}, {cores} cores, {platform.machine()}, {platform.system()} {platform.release()}"


def _catalog(config: Config) -> str:
    """When the catalogue was built, which is what its answers call it."""
    try:
        return read_manifest(Path(config.matcher.catalog).expanduser()).created if config.matcher.catalog else ""
    except ValueError:
        return ""


def _board() -> str:
    """What a board like the Raspberry Pi says that it is."""
    return _BOARD.read_text().rstrip("\0 \n") if _BOARD.is_file() else ""


def _processor() -> str:
    lines = _PROCESSORS.read_text().splitlines() if _PROCESSORS.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
