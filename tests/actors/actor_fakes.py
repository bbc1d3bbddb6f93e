"""What stands in for cameras and models when an actor's shell is under test."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from select import select

import cv2
import numpy as np
from numpy.typing import NDArray

from actors.sources.base import Finds, SourceFrame
from bus.clock import Clock
from bus.ring import RingServer, RingWriter
from vision.detection import Detection

Pixels = NDArray[np.uint8]


class ScriptedSource:
    """Plays the frames that it was given; an exception among them is raised."""

    title = "a script"

    def __init__(self, frames: Sequence[SourceFrame | Exception], live: bool = False, finds: Finds = "nothing") -> None:
        self.live, self.finds = live, finds
        self.closed = False
        self._frames = list(frames)

    def read(self) -> SourceFrame | None:
        frame = self._frames.pop(0) if self._frames else None
        if isinstance(frame, Exception):
            raise frame
        return frame

    def close(self) -> None:
        self.closed = True


def source_frame(
    number: int, size: tuple[int, int] = (8, 6), detections: Sequence[Detection] | None = None, fps: float = 10.0
) -> SourceFrame:
    """Frame `number` of a stream: height x width of one value, which is its number."""
    return SourceFrame(np.full((*size, 3), number, np.uint8), round(number / fps * 1e9), detections)


class PixelEmbedder:
    """A model without a model: the picture, 8 x 8 pixels small, as a vector. Raises the `failures` first.

    `spoilt` says which rows of the next inferences come out as what instead.
    """

    name, dim = "pixels", 192

    def __init__(self, model_hash: str = "ab" * 32) -> None:
        self.model_hash = model_hash
        self.batches: list[int] = []
        self.failures: list[Exception | None] = []
        self.spoilt: dict[int, float] = {}
        self.temperatures: list[float | None] = []
        self.closed = False

    def temperature(self) -> float | None:
        return self.temperatures.pop(0) if self.temperatures else None

    def close(self) -> None:
        self.closed = True

    def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.batches.append(len(crops))
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        small = [cv2.resize(crop, (8, 8), interpolation=cv2.INTER_AREA) for crop in crops]
        vectors = np.stack(small).reshape(len(crops), -1).astype(np.float32) - 127.0
        for row, value in self.spoilt.items():
            vectors[row] = value
        return vectors


@contextmanager
def served_ring(path: Path, clock: Clock, size: tuple[int, int], hold_ms: float = 250.0) -> Iterator[RingWriter]:
    """A frame ring of three slots whose door is served from a thread, as the loop of capture would."""
    server, over = RingServer(path), threading.Event()
    server.writer = RingWriter(*size, 3, hold_ms, clock)

    def serve() -> None:
        while not over.is_set():
            if select([server], [], [], 0.02)[0]:
                server.serve()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.writer
    finally:
        over.set()
        thread.join()
        server.close()


def mosaic(seed: int, height: int, width: int, tiles: int = 12) -> Pixels:
    """A picture that is sharp and like no other: squares of random colours."""
    colours = np.random.default_rng(seed).integers(0, 256, (tiles, tiles, 3), np.uint8)
    return np.asarray(cv2.resize(colours, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
