"""Reprint groups: printings that show the same picture, which no look at the picture can tell apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vision.phash import HASH_BITS

MAX_HASH_DISTANCE = 16
"""Bits of 512 that may differ between two printings of one picture."""

MIN_COSINE = 0.85
"""Embeddings that are further apart than this are different pictures, whatever their hashes say."""

_BLOCK = 1024


def reprint_groups(
    hashes: NDArray[np.uint8],
    embeddings: NDArray[np.float32],
    max_distance: int = MAX_HASH_DISTANCE,
    min_cosine: float = MIN_COSINE,
) -> list[list[int]]:
    """Rows in groups of two or more, chained: a pair belongs together when hash and unit embedding both say so."""
    parent = np.arange(len(hashes))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for first, second in _close_pairs(hashes, max_distance):
        cosine = np.einsum("ij,ij->i", embeddings[first], embeddings[second])
        for one, other in zip(first[cosine >= min_cosine], second[cosine >= min_cosine], strict=True):
            low, high = sorted((root(int(one)), root(int(other))))
            parent[high] = low
    members = defaultdict(list)
    for row in range(len(hashes)):
        members[root(row)].append(row)
    return [rows for rows in members.values() if len(rows) > 1]


def _close_pairs(hashes: NDArray[np.uint8], max_distance: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Pairs of rows (first < second) within a Hamming distance, block by block.

    The product of two ±1 vectors is 512 minus twice the bits that differ, and BLAS multiplies matrices faster than
    numpy counts bits.
    """
    signs = np.unpackbits(hashes, axis=1).astype(np.float32) * 2 - 1
    least = HASH_BITS - 2 * max_distance
    for start in range(0, len(signs), _BLOCK):
        first, second = np.nonzero(signs[start : start + _BLOCK] @ signs[start:].T >= least)
        later = second > first
        yield first[later] + start, second[later] + start
