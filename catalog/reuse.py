"""What an earlier build knows about pictures, so that the next one does not embed them again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.store import EMBEDDINGS, HASHES, PICTURES, CatalogueError, file_ref, read_array, read_manifest
from vision.phash import HASH_BYTES

DIGEST_BYTES = 32


@dataclass(frozen=True)
class Embedded:
    """Pictures that were embedded before: the row of each by the SHA-256 of its file, unit vectors, hashes."""

    rows: dict[bytes, int]
    vectors: NDArray[np.float32]
    hashes: NDArray[np.uint8]


def digest(path: Path) -> bytes:
    """SHA-256 of a file; of nothing when it cannot be read, as no picture has that."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return hashlib.sha256().digest()


def embedded_before(catalogue: Path, model_hash: str, dim: int) -> Embedded:
    """What a catalogue holds that this model embedded; nothing when it is absent, damaged or another model's."""
    try:
        return _read(catalogue, model_hash, dim)
    except (CatalogueError, OSError, KeyError):
        return Embedded({}, np.empty((0, dim), np.float32), np.empty((0, HASH_BYTES), np.uint8))


def _read(path: Path, model_hash: str, dim: int) -> Embedded:
    manifest = read_manifest(path)
    if manifest.model.hash != model_hash:
        raise CatalogueError(f"{path} is of another model")
    for name in (EMBEDDINGS, HASHES, PICTURES):
        if file_ref(path / name) != manifest.files[name]:
            raise CatalogueError(f"{path / name} is damaged")
    rows = manifest.cards
    pictures = read_array(path, PICTURES, (rows, DIGEST_BYTES), np.uint8, mmap=False)
    return Embedded(
        rows={row.tobytes(): number for number, row in enumerate(pictures)},
        vectors=read_array(path, EMBEDDINGS, (rows, dim), np.float32, mmap=True),
        hashes=read_array(path, HASHES, (rows, HASH_BYTES), np.uint8, mmap=False),
    )
