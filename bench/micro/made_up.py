"""Catalogues of made-up rows: in clusters, as reprints and cards of one frame are. Queries are rows with noise."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.micro.options import say
from catalog.embedding import normalise
from catalog.store import ModelRef, Printing, is_there, write
from vision.phash import HASH_BYTES

Vectors = NDArray[np.float32]
Hashes = NDArray[np.uint8]

BUILT = "built_s.txt"
"""Beside the catalogue: the seconds that it took to write it, nearly all of them for the graph."""
_CLUSTER = 8
_CHUNK = 65_536


def made_up(cache: Path, rows: int, dim: int) -> Path:
    """A folder with the catalogue `catalogue`, made if it is not there; card i is `made-i`."""
    folder = cache / f"search-{rows}x{dim}"
    if not is_there(folder / "catalogue"):
        say(f"search: making {rows:,} rows of {dim} numbers and their graph")
        vectors, hashes = vectors_of(rows, dim), np.random.default_rng(1).integers(0, 256, (rows, HASH_BYTES), np.uint8)
        ids = [f"made-{row}" for row in range(rows)]
        folder.mkdir(parents=True, exist_ok=True)
        begun = time.perf_counter()
        write(
            folder / "catalogue",
            ids=ids,
            cards={card_id: Printing(name=card_id) for card_id in ids},
            embeddings=vectors,
            hashes=hashes,
            groups=[],
            model=ModelRef("0" * 64, "made-up", dim),
            sources=[],
            created="",
        )
        (folder / BUILT).write_text(f"{time.perf_counter() - begun:.1f}")
    return folder


def vectors_of(rows: int, dim: int) -> Vectors:
    """Unit vectors [rows, dim], made in chunks: a million are a gigabyte."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((rows // _CLUSTER + 1, dim), np.float32)
    vectors = np.empty((rows, dim), np.float32)
    for start in range(0, rows, _CHUNK):
        chunk = vectors[start : start + _CHUNK]
        noise = np.float32(0.7) * rng.standard_normal(chunk.shape, np.float32)
        chunk[:] = normalise(centres[np.arange(start, start + len(chunk)) // _CLUSTER] + noise)
    return vectors


def queries(vectors: Vectors, hashes: Hashes, count: int) -> tuple[Vectors, Hashes]:
    """Noisy rows: vectors [count, dim] at a cosine of about 0.7 to their row, hashes with about 100 bits flipped."""
    rng = np.random.default_rng(2)
    rows, dim = rng.integers(0, len(vectors), count), vectors.shape[1]
    noise = rng.standard_normal((count, dim), np.float32) / np.float32(np.sqrt(dim))
    flips = np.packbits(rng.random((count, HASH_BYTES * 8)) < 0.2, axis=1)
    return normalise(vectors[rows] + noise), hashes[rows] ^ flips
