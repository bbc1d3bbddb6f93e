"""The embedding contract: what every engine that turns crops into vectors must do, for references and queries alike."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Embedder(Protocol):
    """An embedding model on some engine. References and queries pass through the same one."""

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


def normalise(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Rows at unit length, float32: the one place where embeddings are normalised.

    Raises ValueError for a row that is not finite or has no direction: it would match anything.
    """
    rows = np.asarray(vectors, dtype=np.float32)
    norms = np.linalg.norm(rows, axis=-1, keepdims=True)
    if not np.isfinite(norms).all() or (norms < 1e-12).any():
        raise ValueError("an embedding is not finite or has no direction")
    return rows / norms
