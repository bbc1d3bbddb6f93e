"""A 512-bit perceptual hash of a canonical crop: 256 bits of brightness steps (dHash), 256 of frequencies (pHash).

Two hashes of the same picture differ in few bits; two of different pictures in about half of them. Both halves are the
classical ones (http://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html), at 16 x 16 bits.
Catalogues store these hashes: to change a bit of them is to raise `catalog.store.FORMAT`.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.median import median

Hash = NDArray[np.uint8]

HASH_BITS = 512
HASH_BYTES = HASH_BITS // 8

_SIDE = 16
_DCT_SIZE = 64
_SET_BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1, dtype=np.uint8)


def perceptual_hash(crop: NDArray[np.uint8]) -> Hash:
    """Uint8 [64] of an RGB crop uint8 [h, w, 3]. Raises ValueError for another shape or type."""
    if crop.ndim != 3 or crop.shape[2] != 3 or crop.dtype != np.uint8:
        raise ValueError(f"a crop is uint8 RGB [h, w, 3], not {crop.dtype} {list(crop.shape)}")
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_DCT_SIZE, _DCT_SIZE), interpolation=cv2.INTER_AREA)
    steps = cv2.resize(small, (_SIDE + 1, _SIDE), interpolation=cv2.INTER_AREA)
    low = np.asarray(cv2.dct(small.astype(np.float32)), np.float32)[:_SIDE, :_SIDE]
    bits = np.concatenate([(steps[:, 1:] > steps[:, :-1]).ravel(), (low > median(low.ravel())).ravel()])
    return np.packbits(bits)


def perceptual_hashes(crops: NDArray[np.uint8]) -> Hash:
    """Uint8 [n, 64] of RGB crops uint8 [n, h, w, 3]."""
    hashes = np.empty((len(crops), HASH_BYTES), np.uint8)
    for row, crop in zip(hashes, crops, strict=True):
        row[:] = perceptual_hash(crop)
    return hashes


def hamming(first: Hash, second: Hash) -> NDArray[np.int64]:
    """Number of bits that differ, over the last axis; the other axes broadcast."""
    return np.asarray(_SET_BITS[np.bitwise_xor(first, second)].sum(axis=-1, dtype=np.int64))


def agreement(distance: Any) -> NDArray[np.float32]:
    """Hamming distances as the cosine of the hashes read as ±1 vectors: 1 is the same, 0 is chance."""
    return np.asarray(1.0 - np.asarray(distance, np.float32) * (2.0 / HASH_BITS), np.float32)
