"""embedder: the sole owner of the accelerator. Crops in, unit vectors and perceptual hashes out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actors.backends import Backend, choose, open_backend
from actors.config import Config
from bus.actor import ROUND_S, Actor, Bus
from bus.log import get_logger
from bus.messages import Crop, Crops, Embedding, Embeddings, Hop
from bus.topics import CROPS, EMBEDDINGS
from catalog.embedding import EmbedTimeout, EngineError, normalise
from vision.phash import HASH_BYTES, perceptual_hashes
from vision.rectify import CROP_HEIGHT, CROP_WIDTH, Image, half_turn

_TIMEOUTS_TO_DIE = 3
"""Timeouts in a row after which the device needs a reset that only a new process gives it."""
_TEMPERATURE_S, _NO_TEMPERATURE_S = 5.0, 60.0
"""How often the device is asked for its temperature, and how soon again one that did not say."""
log = get_logger("embedder")

_BLOB_BYTES = CROP_WIDTH * CROP_HEIGHT * 3


class EmbedderStuck(EngineError):
    """The engine does not answer any more."""


@dataclass(slots=True)
class _Item:
    """One crop on its way through: its readings, and either a row for each of them or what went wrong."""

    crop: Crop
    readings: list[Image]
    rows: NDArray[np.float32] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Request:
    """The crops of one message, and when they came."""

    received_ns: int
    message: Crops
    items: list[_Item]

    def wanted(self) -> list[_Item]:
        """Those that can be embedded."""
        return [item for item in self.items if item.error is None]

    def size(self) -> int:
        """Readings to embed."""
        return sum(len(item.readings) for item in self.wanted())


class Embedder(Actor):
    """Batches whatever crops are waiting into one inference; a failure is published as one, never as zeros.

    Every message is answered, whatever is wrong with it: the smoother holds the frame back until then.
    """

    name = "embedder"
    inputs = (CROPS,)
    ends_with = (CROPS,)

    def __init__(self, bus: Bus, config: Config) -> None:
        super().__init__(bus)
        self._config = config.embedder
        self._usual = config.selector.readings
        """Readings of a frame at most."""
        self._backend: Backend | None = None
        self._waiting: deque[_Request] = deque()
        self._timeouts = 0
        self._broken: EngineError | None = None
        self._look_at_ns = 0

    def start(self) -> None:
        """Load the model and run it once, so that the first cards do not pay for it, in time or in memory."""
        if self._config.backend == "auto":
            choice = choose(self._config)
            say = log.warning if choice.lacking else log.info
            say(f"embedding with {choice.path.name}", because=choice.why)
        self._backend = open_backend(self._config)
        crops = np.zeros((self._usual, CROP_HEIGHT, CROP_WIDTH, 3), np.uint8)
        perceptual_hashes(crops)
        with suppress(EmbedTimeout):  # it pays for allocations and uploads: slow is no reason to refuse
            self._backend.embed(crops)
        self.bus.may_take(max(ROUND_S, self._config.timeout_ms / 1e3))
        self.detail = f"model {self._backend.model_hash[:12]}, {self._backend.dim} dimensions"

    def on_crops(self, message: Crops, blobs: Sequence[memoryview]) -> None:
        """Keep the readings of every crop for the next inference."""
        items = _read(message, blobs)
        malformed = sum(item.error is not None for item in items) if items else 1
        if malformed:
            self.bus.drops["malformed"] += malformed
        self._waiting.append(_Request(self.bus.clock.now_ns(), message, items))

    def step(self) -> float | None:
        """One inference over the messages that wait, as many as fit into a batch; a timeout is enough for one round."""
        if not self._waiting:
            self._look_at_temperature()
        while self._waiting:
            batch = [self._waiting.popleft()]
            size = batch[0].size()
            while self._waiting and size + self._waiting[0].size() <= self._config.max_batch:
                batch.append(self._waiting.popleft())
                size += batch[-1].size()
            self._embed([item for request in batch for item in request.wanted()])
            for request in batch:
                self._publish(request)
            if self._broken is not None:
                raise self._broken
            if self._timeouts >= _TIMEOUTS_TO_DIE:
                raise EmbedderStuck(f"{self._timeouts} inferences in a row timed out: the device needs a reset")
            if self._timeouts:
                return 0.0
        return None

    def finish(self) -> None:
        """Embed what still waits."""
        while self._waiting:
            self.step()

    def queue(self) -> int:
        """Messages that wait."""
        return len(self._waiting)

    def close(self) -> None:
        """Give the device back."""
        if self._backend is not None:
            self._backend.close()

    def _look_at_temperature(self) -> None:
        now = self.bus.clock.now_ns()
        if self._backend is not None and now >= self._look_at_ns:
            self.temperature_c = self._backend.temperature()
            wait_s = _NO_TEMPERATURE_S if self.temperature_c is None else _TEMPERATURE_S
            self._look_at_ns = now + round(wait_s * 1e9)

    def _embed(self, items: list[_Item]) -> None:
        """Give every item its rows or its error: one vector that is of no use costs no other crop its answer."""
        if not items:
            return
        self.bus.counts["batches"] += 1
        try:
            vectors = self._infer(np.stack([reading for item in items for reading in item.readings]))
            self._timeouts = 0
        except (EmbedTimeout, EngineError, ValueError) as failure:
            self._timeouts += isinstance(failure, EmbedTimeout)
            self._broken = failure if isinstance(failure, EngineError) else None
            for item in items:
                self._fail(item, failure)
            return
        start = 0
        for item in items:
            end = start + len(item.readings)
            try:
                item.rows = normalise(vectors[start:end])
                self.bus.counts["embeddings"] += len(item.rows)
            except ValueError as failure:
                self._fail(item, failure)
            start = end

    def _fail(self, item: _Item, failure: Exception) -> None:
        item.error = str(failure)
        self.bus.drops["embed_failed"] += len(item.readings)

    def _infer(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Raw rows [n, dim], in batches that the configuration allows."""
        assert self._backend is not None
        step = self._config.max_batch
        parts = [self._backend.embed(crops[start : start + step]) for start in range(0, len(crops), step)]
        return np.concatenate(parts)

    def _publish(self, request: _Request) -> None:
        assert self._backend is not None
        message, good = request.message, request.wanted()
        rows = [item.rows for item in good if item.rows is not None]
        readings = [reading for item in good for reading in item.readings]
        out = Embeddings(
            stream=message.stream,
            frame=message.frame,
            t_ns=message.t_ns,
            trace=[*message.trace, Hop("embed", request.received_ns, self.bus.clock.now_ns())],
            model=self._backend.model_hash,
            dim=self._backend.dim,
            items=[Embedding(item.crop.track, item.crop.frame, item.crop.turns, item.error) for item in request.items],
        )
        vectors = np.concatenate(rows) if rows else np.empty((0, self._backend.dim), np.float32)
        hashes = perceptual_hashes(np.stack(readings)) if readings else np.empty((0, HASH_BYTES), np.uint8)
        self.bus.publish(EMBEDDINGS, out, [np.ascontiguousarray(vectors), np.ascontiguousarray(hashes)])


def _read(message: Crops, blobs: Sequence[memoryview]) -> list[_Item]:
    """Every crop of the message with its readings, or with what is wrong with it."""
    size, count = (message.width, message.height), len(message.crops)
    if size != (CROP_WIDTH, CROP_HEIGHT):
        wrong = f"crops are {CROP_WIDTH} x {CROP_HEIGHT} px, not {size[0]} x {size[1]}"
    elif len(blobs) != count:
        wrong = f"{count} crops came with {len(blobs)} blobs"
    else:
        return [_item(crop, blob) for crop, blob in zip(message.crops, blobs, strict=True)]
    return [_Item(crop, [], error=wrong) for crop in message.crops]


def _item(crop: Crop, blob: memoryview) -> _Item:
    if blob.nbytes != _BLOB_BYTES:
        return _Item(crop, [], error=f"a crop has {_BLOB_BYTES} bytes, not {blob.nbytes}")
    if not crop.turns or not set(crop.turns) <= {0, 2}:
        return _Item(crop, [], error=f"the readings of a crop are 0 and 2, not {crop.turns}")
    upright = np.frombuffer(blob, np.uint8).reshape(CROP_HEIGHT, CROP_WIDTH, 3)
    return _Item(crop, [half_turn(upright) if turn == 2 else upright for turn in crop.turns])
