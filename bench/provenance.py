"""Where figures come from: machine, versions, and hashes of all that they depend on."""

from __future__ import annotations

import hashlib
import platform
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from actors.config import Config, dump, updated
from actors.provenance import commit, installed, machine, model_hash
from actors.sources.base import parse
from catalog.store import CatalogueError, file_ref, read_manifest

PACKAGES = ("sleevesight", "msgspec", "numpy", "onnxruntime", "opencv-python-headless", "pyzmq", "usearch")


class Provenance(Struct, frozen=True, kw_only=True):
    """What made a report. Hashes are SHA-256 in hex, or empty; `git` ends in -dirty if files were changed."""

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
        git=commit(),
        versions={"python": platform.python_version(), **{name: installed(name) for name in PACKAGES}},
        stream=_stream(config),
        model=model_hash(config),
        catalog=_catalogue(config.matcher.catalog),
        config=_sha256(dump(anywhere, comments=False).encode()),
    )


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
