"""embedder: the sole owner of the accelerator. Crops in, unit vectors and perceptual hashes out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from actors.backends import open_backend
from actors.config import Config
from bus.actor import Actor, Bus
from bus.messages import Crops, Embedding, Embeddings, Hop
from bus.topics import CROPS, EMBEDDINGS
from catalog.embedding import Embedder as Backend
from catalog.embedding import EmbedTimeout, normalise
from vision.phash import HASH_BYTES, perceptual_hashes
from vision.rectify import CROP_HEIGHT, CROP_WIDTH, Image, half_turn

_TIMEOUTS_TO_DIE = 3
"""Timeouts in a row after which the device needs a reset that only a new process gives it."""


class EmbedderStuck(RuntimeError):
    """The engine does not answer any more."""


class Embedder(Actor):
    """Batches whatever crops are waiting into one inference; a failure is published as one, never as zeros."""

    name = "embedder"
    inputs = (CROPS,)
    ends_with = (CROPS,)

    def __init__(self, bus: Bus, config: Config) -> None:
        super().__init__(bus)
        self._config = config.embedder
        self._backend: Backend | None = None
        self._waiting: deque[tuple[int, Crops, list[Image]]] = deque()
        self._timeouts = 0

    def start(self) -> None:
        """Load the model and run it once, so that the first card does not pay for it."""
        self._backend = open_backend(self._config)
        crops = np.zeros((2, CROP_HEIGHT, CROP_WIDTH, 3), np.uint8)
        perceptual_hashes(crops)
        with suppress(EmbedTimeout):  # it pays for allocations and uploads: slow is no reason to refuse
            self._backend.embed(crops)
        self.detail = f"model {self._backend.model_hash[:12]}, {self._backend.dim} dimensions"

    def on_crops(self, message: Crops, blobs: Sequence[memoryview]) -> None:
        """Keep the readings of every crop for the next inference."""
        if not _fits(message, blobs):
            self.bus.drops["malformed"] += 1
            return
        readings: list[Image] = []
        for crop, blob in zip(message.crops, blobs, strict=True):
            upright = np.frombuffer(blob, np.uint8).reshape(CROP_HEIGHT, CROP_WIDTH, 3)
            readings += [half_turn(upright) if turn == 2 else upright for turn in crop.turns]
        self._waiting.append((self.bus.clock.now_ns(), message, readings))

    def step(self) -> float | None:
        """One inference over the messages that wait, as many as fit into a batch."""
        while self._waiting:
            batch = [self._waiting.popleft()]
            rows = len(batch[0][2])
            while self._waiting and rows + len(self._waiting[0][2]) <= self._config.max_batch:
                batch.append(self._waiting.popleft())
                rows += len(batch[-1][2])
            self._embed(batch)
        return None

    def finish(self) -> None:
        """Embed what still waits."""
        self.step()

    def queue(self) -> int:
        """Messages that wait."""
        return len(self._waiting)

    def _embed(self, batch: list[tuple[int, Crops, list[Image]]]) -> None:
        assert self._backend is not None
        crops = [reading for _, _, readings in batch for reading in readings]
        try:
            rows, error = self._infer(np.stack(crops)), None
            self._timeouts = 0
        except (EmbedTimeout, ValueError) as failure:
            rows, error = np.empty((0, self._backend.dim), np.float32), str(failure)
            self._timeouts += isinstance(failure, EmbedTimeout)
            self.bus.drops["embed_failed"] += len(crops)
        self.bus.counts["embeddings"] += len(rows)
        self.bus.counts["batches"] += 1
        start = 0
        for received, message, readings in batch:
            end = start + len(readings)
            self._publish(message, received, rows[start:end], readings, error)
            start = end
        if self._timeouts >= _TIMEOUTS_TO_DIE:
            raise EmbedderStuck(f"{self._timeouts} inferences in a row timed out: the device needs a reset")

    def _infer(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Unit rows [n, dim], in batches that the configuration allows."""
        assert self._backend is not None
        step = self._config.max_batch
        parts = [self._backend.embed(crops[start : start + step]) for start in range(0, len(crops), step)]
        return normalise(np.concatenate(parts))

    def _publish(
        self, message: Crops, received: int, rows: NDArray[np.float32], readings: list[Image], error: str | None
    ) -> None:
        assert self._backend is not None
        hashes = perceptual_hashes(np.stack(readings)) if error is None else np.empty((0, HASH_BYTES), np.uint8)
        items = [Embedding(crop.track, crop.frame, crop.turns, error) for crop in message.crops]
        out = Embeddings(
            stream=message.stream,
            frame=message.frame,
            t_ns=message.t_ns,
            trace=[*message.trace, Hop("embed", received, self.bus.clock.now_ns())],
            model=self._backend.model_hash,
            dim=self._backend.dim,
            items=items,
        )
        self.bus.publish(EMBEDDINGS, out, [np.ascontiguousarray(rows), np.ascontiguousarray(hashes)])


def _fits(message: Crops, blobs: Sequence[memoryview]) -> bool:
    """Whether every crop has its blob, of the canonical size, and readings that exist."""
    return (
        (message.width, message.height) == (CROP_WIDTH, CROP_HEIGHT)
        and 0 < len(message.crops) == len(blobs)
        and all(blob.nbytes == CROP_WIDTH * CROP_HEIGHT * 3 for blob in blobs)
        and all(crop.turns and set(crop.turns) <= {0, 2} for crop in message.crops)
    )
