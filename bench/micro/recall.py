"""How often a search finds what comparing all rows finds, by cosine or by the fused score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.micro.made_up import Hashes, Vectors
from catalog.match import WEIGHT
from vision.phash import agreement, hamming

_TIE = 2e-3
"""Scores nearer than this are equal: the graphs keep 16 bits, and reprints are the same vector twice."""
_AT_ONCE = 25_000_000
"""Scores that are held at a time: 100 MB."""


def best_cosine(table: Vectors, vectors: Vectors) -> NDArray[np.float32]:
    """The highest cosine [m] that any row of the table has with each unit vector [m, dim]."""
    step = max(1, _AT_ONCE // len(table))
    parts = [(vectors[start : start + step] @ table.T).max(axis=1) for start in range(0, len(vectors), step)]
    return np.concatenate(parts)


def best_fused(table: Vectors, known: Hashes, vectors: Vectors, hashes: Hashes) -> NDArray[np.float32]:
    """The same by cosine and agreement of the hashes together, as the matcher adds them up."""
    scores = (
        (table @ vector + WEIGHT * agreement(hamming(known, one))).max()
        for vector, one in zip(vectors, hashes, strict=True)
    )
    return np.fromiter(scores, np.float32, len(vectors))


def recall(best: NDArray[np.float32], found: NDArray[np.float32]) -> float:
    """Share of queries whose answer is as good as the best one, `_TIE` apart."""
    return float((best - found < _TIE).mean())


def cosine(table: Vectors, rows: NDArray[np.int64], vectors: Vectors) -> NDArray[np.float32]:
    """Cosines [m] of vectors with the rows that were found for them."""
    return np.asarray(np.einsum("ij,ij->i", vectors, table[rows]), np.float32)


def fused(
    table: Vectors, known: Hashes, rows: NDArray[np.int64], vectors: Vectors, hashes: Hashes
) -> NDArray[np.float32]:
    """Fused scores [m] of queries with the rows that were found for them."""
    agree = agreement(hamming(known[rows], hashes))
    return np.asarray(cosine(table, rows, vectors) + WEIGHT * agree, np.float32)
