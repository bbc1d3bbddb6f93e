"""Nearest rows: by cosine (a usearch graph proposes, all numbers decide), by Hamming distance, and the exact oracle."""

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

GRAPH, BASIS, VECTORS = "usearch.index", "basis.npy", "vectors.npy"
"""The files of a `VectorIndex`."""
SHORT = 128
"""Numbers of a vector in the graph."""
CONNECTIVITY = 16
EXPANSION_ADD = 128
_PROPOSED = 32
"""Rows that the graph proposes at least: of few numbers the nearest may not be the first."""
_FOR_BASIS = 20_000
"""Rows, about, from which the basis is made: a second's work."""


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
    """Approximate cosine search in a usearch graph. Keys are row numbers.

    The graph holds the `SHORT` numbers of a vector that tell most: walking it is waiting for memory, and of 768 numbers
    that is three times as long. What it proposes is compared by all of them, kept in 16 bits.
    """

    def __init__(self, graph: Any, basis: NDArray[np.float32], vectors: NDArray[np.float16]) -> None:
        self._graph, self._basis, self._vectors = graph, basis, vectors
        graph.expansion_search = expansion(len(graph))

    @classmethod
    def build(cls, vectors: NDArray[np.float32]) -> VectorIndex:
        """The index of unit vectors [n, dim]; one thread, so that the same rows give the same graph."""
        basis = _basis(vectors, SHORT)
        graph = usearch().Index(
            ndim=basis.shape[1],
            metric="cos",
            dtype="f16",
            connectivity=CONNECTIVITY,
            expansion_add=EXPANSION_ADD,
        )
        graph.add(np.arange(len(vectors), dtype=np.uint64), vectors @ basis, threads=1)
        return cls(graph, basis, vectors.astype(np.float16))

    @classmethod
    def open(cls, graph: Path, basis: NDArray[np.float32], vectors: NDArray[np.float16], view: bool) -> VectorIndex:
        """An index of these parts, the graph read into memory or with `view` mapped from its file.

        ValueError when the graph is another one.
        """
        library = usearch()
        facts = library.Index.metadata(str(graph))
        if facts is None:
            raise ValueError("no usearch index")
        index = library.Index(ndim=facts["dimensions"], metric=facts["kind_metric"], dtype=facts["kind_scalar"])
        if view:
            index.view(str(graph))
        else:
            index.load(str(graph))
        rows, numbers = len(vectors), basis.shape[1]
        if (len(index), index.ndim) != (rows, numbers):
            raise ValueError(f"{len(index)} x {index.ndim} instead of {rows} x {numbers}")
        return cls(index, basis, vectors)

    def save(self, folder: Path) -> None:
        """Write its three parts into a folder."""
        self._graph.save(str(folder / GRAPH))
        np.save(folder / BASIS, self._basis, allow_pickle=False)
        np.save(folder / VECTORS, self._vectors, allow_pickle=False)

    def __len__(self) -> int:
        return len(self._graph)

    def search(self, vectors: NDArray[np.float32], count: int) -> tuple[Rows, Cosines]:
        """The nearest rows, approximately, and their cosines, both [m, min(count, n)], of unit vectors [m, dim]."""
        count = min(count, len(self))
        proposed = _walk(self._graph, vectors @ self._basis, min(max(count, _PROPOSED), len(self)))
        cosines = self.cosines(proposed, vectors)
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
        return np.take_along_axis(proposed, order, axis=1), np.take_along_axis(cosines, order, axis=1)

    def cosines(self, rows: Rows, vectors: NDArray[np.float32]) -> Cosines:
        """Cosines [m, k] of unit vectors [m, dim] with k rows each [m, k], from the copies in 16 bits.

        The float32 table stays untouched on disk, which halves a matcher's memory. OpenCV widens a number in a fifth of
        the time that numpy takes.
        """
        stored = cv2.convertFp16(self._vectors[rows.ravel()]).reshape(*rows.shape, -1)
        return np.asarray((stored @ vectors[:, :, None])[..., 0], np.float32)


def _basis(vectors: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """The `count` directions at most, [dim, count], in which vectors [n, dim] differ most from nothing.

    Projected on them, pairs of vectors keep as much of their inner products as on any others (the eigenvectors of the
    second moments); many rows are represented by some.
    """
    some = vectors[:: len(vectors) // _FOR_BASIS + 1]
    directions = np.linalg.eigh(some.T @ some)[1][:, ::-1]  # of rising eigenvalues
    return np.ascontiguousarray(directions[:, :count], np.float32)


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


def _walk(graph: Any, queries: NDArray[np.float32], count: int) -> Rows:
    """The rows that a graph finds, [m, count]. A walk may end early, as among many equal rows: the best is repeated."""
    found = graph.search(np.ascontiguousarray(queries), count, threads=1)
    if len(queries) == 1:
        keys = found.keys.astype(np.int64)
        return np.asarray([np.concatenate([keys, np.repeat(keys[:1], count - len(keys))])])
    rows = found.keys.astype(np.int64)
    return np.asarray(np.where(np.arange(count) < found.counts[:, None], rows, rows[:, :1]))
