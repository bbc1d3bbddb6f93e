"""Nearest rows: approximate by cosine (usearch, f16), exact by Hamming distance, and the exact cosine as the oracle."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from usearch import index as Usearch

Rows = NDArray[np.int64]
Cosines = NDArray[np.float32]

CONNECTIVITY = 16
EXPANSION_ADD = 128


def usearch() -> Usearch:
    """The library, loaded at the first search or build and not with this module.

    ONNX Runtime 1.32 crashes when it is loaded after usearch 2.26 (both bring parts of libstdc++); the other way round
    all is well. What needs both loads the engine with its modules, and opens a catalogue later.
    """
    from usearch import index  # noqa: PLC0415

    return index


def expansion(rows: int) -> int:
    """How many candidates a search keeps in view: 64 up to 20,000 rows, 255 at 200,000.

    A constant loses the nearest row as the graph grows: at 200,000 rows 64 finds it in 88 % of searches.
    """
    return max(64, round(64 * math.pow(rows / 20_000, 0.6)))


class VectorIndex:
    """Approximate cosine search in a usearch graph. Keys are row numbers."""

    def __init__(self, index: Any) -> None:
        self._index = index
        index.expansion_search = expansion(len(index))

    @classmethod
    def build(cls, vectors: NDArray[np.float32]) -> VectorIndex:
        """The graph of unit vectors [n, dim]; one thread, so that the same rows give the same graph."""
        index = usearch().Index(
            ndim=vectors.shape[1],
            metric="cos",
            dtype="f16",
            connectivity=CONNECTIVITY,
            expansion_add=EXPANSION_ADD,
        )
        index.add(np.arange(len(vectors), dtype=np.uint64), vectors, threads=1)
        return cls(index)

    @classmethod
    def open(cls, path: Path, rows: int, dim: int, view: bool) -> VectorIndex:
        """A saved graph, read into memory or with `view` mapped from the file. ValueError when it is another one."""
        library = usearch()
        facts = library.Index.metadata(str(path))
        if facts is None:
            raise ValueError("no usearch index")
        index = library.Index(ndim=facts["dimensions"], metric=facts["kind_metric"], dtype=facts["kind_scalar"])
        if view:
            index.view(str(path))
        else:
            index.load(str(path))
        if (len(index), index.ndim) != (rows, dim):
            raise ValueError(f"{len(index)} x {index.ndim} instead of {rows} x {dim}")
        return cls(index)

    def save(self, path: Path) -> None:
        """Write the graph to a file."""
        self._index.save(str(path))

    def __len__(self) -> int:
        return len(self._index)

    def search(self, vectors: NDArray[np.float32], count: int) -> tuple[Rows, Cosines]:
        """The nearest rows, approximately, and their cosines, both [m, min(count, n)], of unit vectors [m, dim]."""
        rows, distances = _search(self._index, vectors, min(count, len(self)))
        return rows, 1.0 - distances

    def cosines(self, rows: Rows, vectors: NDArray[np.float32]) -> Cosines:
        """Cosines [m, k] of unit vectors [m, dim] with k rows each [m, k], from the graph's own f16 copies.

        The float32 table stays untouched on disk, which halves a matcher's memory.
        """
        stored = np.concatenate(self._index.get(rows.ravel().astype(np.uint64))).astype(np.float32)
        return np.asarray((stored.reshape(*rows.shape, -1) @ vectors[:, :, None])[..., 0], np.float32)


def nearest_hashes(known: NDArray[np.uint8], hashes: NDArray[np.uint8], count: int) -> Rows:
    """The nearest rows [m, min(count, n)] of hashes uint8 [m, 64] among the known ones [n, 64], nearest first, exactly.

    All are compared: half the time of usearch's exact search, and no second copy of them.
    """
    nearest = min(count, len(known))
    rows = cv2.batchDistance(hashes, known, cv2.CV_32S, normType=cv2.NORM_HAMMING, K=nearest)[1]
    return np.asarray(rows, np.int64)


def exact_search(embeddings: NDArray[np.float32], vectors: NDArray[np.float32], count: int) -> Rows:
    """The nearest rows [m, min(count, n)] by cosine, all compared in float32: the oracle for `VectorIndex`."""
    similarity = vectors @ embeddings.T
    count = min(count, len(embeddings))
    nearest = np.argpartition(-similarity, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(similarity, nearest, axis=1), axis=1, kind="stable")
    return np.asarray(np.take_along_axis(nearest, order, axis=1), np.int64)


def _search(index: Any, queries: NDArray[Any], count: int) -> tuple[Rows, NDArray[np.float32]]:
    found = index.search(np.ascontiguousarray(queries), count, threads=1)
    rows, distances = np.empty((len(queries), count), np.int64), np.empty((len(queries), count), np.float32)
    for place, one in enumerate([found] if isinstance(found, usearch().Matches) else found):
        # The walk of a graph may end early, as among many equal rows; then the best is repeated.
        rows[place], distances[place] = one.keys[0], one.distances[0]
        rows[place, : len(one)], distances[place, : len(one)] = one.keys, one.distances
    return rows, distances
