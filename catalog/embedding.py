"""The embedding contract: what every engine that turns crops into vectors must do, for references and queries alike."""

from __future__ import annotations

from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.rectify import CROP_HEIGHT, CROP_WIDTH


class ModelError(ValueError):
    """A model file that is missing, broken or breaks the contract: names the file and the remedy."""


class EmbedTimeout(TimeoutError):
    """The engine did not answer in time. There are no vectors: a failure is never zeros."""


class EngineError(RuntimeError):
    """An engine that cannot be used, or not any more: names the reason and the remedy."""


class Embedder(Protocol):
    """An embedding model on some engine. References and queries pass through the same one."""

    @property
    def name(self) -> str:
        """What people call the model."""

    @property
    def model_hash(self) -> str:
        """SHA-256 of the model file, hex: what a catalogue is tied to."""

    @property
    def dim(self) -> int:
        """Length of an embedding."""

    def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Raw vectors [n, dim] for canonical crops uint8 RGB [n, 358, 256, 3]; n = 0 gives [0, dim].

        Resizing to the model's own input happens inside. Raises ValueError for another shape or type.
        """


def model_input(crops: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Canonical crops at a model's own input size: uint8 RGB [n, height, width, 3], C-contiguous.

    Every engine prepares its input here, so that none can differ. Raises ValueError for anything but canonical crops.
    """
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != (CROP_HEIGHT, CROP_WIDTH, 3):
        raise ValueError(
            f"crops are uint8 RGB [n, {CROP_HEIGHT}, {CROP_WIDTH}, 3], not {crops.dtype} {list(crops.shape)}: "
            "cut them out with vision.rectify.rectify"
        )
    # INTER_AREA averages when it shrinks, but repeats pixels when it enlarges.
    shrinks = height <= CROP_HEIGHT and width <= CROP_WIDTH
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = np.empty((len(crops), height, width, 3), np.uint8)
    for target, crop in zip(resized, crops, strict=True):
        target[:] = cv2.resize(crop, (width, height), interpolation=method)
    return resized


def normalise(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Rows at unit length, float32: the one place where embeddings are normalised.

    Raises ValueError for a row that is not finite or has no direction: it would match anything.
    """
    rows = np.asarray(vectors, dtype=np.float32)
    norms = np.linalg.norm(rows, axis=-1, keepdims=True)
    if not np.isfinite(norms).all() or (norms < 1e-12).any():
        raise ValueError("an embedding is not finite or has no direction")
    return np.asarray(rows / norms, np.float32)
