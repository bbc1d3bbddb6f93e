"""Where figures come from: machine, versions, and hashes of all that they depend on."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
from msgspec import Struct

from actors.backends import model_path
from actors.config import Config, dump, updated
from actors.sources.base import parse
from catalog.store import CatalogueError, file_ref, read_manifest

PACKAGES = ("sleevesight", "msgspec", "numpy", "onnxruntime", "opencv-python-headless", "pyzmq", "usearch")


class Provenance(Struct, frozen=True, kw_only=True):
    """What made a report. Hashes are SHA-256 in hex, or empty; `git` ends in + if files were changed."""

    date: str
    machine: str
    git: str
    versions: dict[str, str]
    stream: str
    model: str
    catalog: str
    config: str


def provenance(config: Config) -> Provenance:
    """Of a run with this configuration."""
    anywhere = updated(config, "bus", run_dir="")
    return Provenance(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        machine=machine(),
        git=_git(Path(__file__).parents[1]),
        versions={"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        stream=_stream(config),
        model=_file(model_path(config.embedder)),
        catalog=_catalogue(config.matcher.catalog),
        config=_sha256(dump(anywhere, comments=False).encode()),
    )


def machine() -> str:
    """The machine in a line: the board's name or the processor's, cores, architecture, system."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    name = _board() or _processor() or platform.processor() or "unknown processor"
    return f"{name}, {cores} cores, {platform.machine()}, {platform.system()} {platform.release()}"


def _board() -> str:
    """What a board like the Raspberry Pi says that it is."""
    path = Path("/proc/device-tree/model")
    return path.read_text().rstrip("\0 \n") if path.is_file() else ""


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _git(folder: Path) -> str:
    git = shutil.which("git")
    if git is None or not (folder / ".git").exists():
        return ""
    command = [git, "-C", str(folder), "describe", "--always", "--exclude=*", "--abbrev=12", "--dirty=+"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _stream(config: Config) -> str:
    """Of a file its content, of a scene what it is rendered from, of a folder the names and sizes of its files."""
    scheme, argument = parse(config.capture.source)
    path = Path(argument)
    if scheme == "scene":
        return _sha256(msgspec.json.encode((argument, config.scene)))
    if path.is_dir():
        files = sorted((file.name, file.stat().st_size) for file in path.iterdir() if file.is_file())
        return _sha256(msgspec.json.encode((config.capture.images_fps, files)))
    return _file(path)


def _catalogue(path: str) -> str:
    """Of the hashes of its files, so that a catalogue built twice has the same; a wrong one the matcher refuses."""
    try:
        return (
            _sha256(msgspec.json.encode(read_manifest(Path(path).expanduser()).files, order="sorted")) if path else ""
        )
    except CatalogueError:
        return ""


def _file(path: Path) -> str:
    return file_ref(path).sha256 if path.is_file() else ""


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
