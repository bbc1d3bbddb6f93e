"""Embeddings with ONNX Runtime: the engine of every machine that has no accelerator."""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from actors.backends.model_file import ModelFile, card_for, read_model
from actors.backends.session import describe, open_session
from catalog.embedding import EmbedTimeout, ModelError, model_input
from vision.rectify import CROP_HEIGHT, CROP_WIDTH

_INPUT = "one input, uint8 RGB [n, height, width, 3] with n dynamic"
_AT_ONCE = 4
"""Crops in one run: more are no quicker on a CPU, and each takes 1.3 MB, which ONNX Runtime keeps for good."""
_OUTPUT = "one output, float32 [n, dim]"


class OnnxEmbedder(ModelFile):
    """An ONNX model as a `catalog.embedding.Embedder`.

    `threads` are ONNX Runtime's own. With `timeout_s` an inference that takes longer is told to stop and raises
    EmbedTimeout; the next call waits for it to stop, within its own time.
    Raises ModelError for a file that is missing, no ONNX model, or a model of another form.
    """

    def __init__(self, path: Path | str, threads: int = 1, timeout_s: float | None = None) -> None:
        self.path = Path(path)
        if threads < 1:
            raise ValueError(f"threads must be 1 or more, not {threads}")
        if timeout_s is not None and timeout_s <= 0:
            raise ValueError(f"timeout_s must be above 0 or None, not {timeout_s}")
        content = read_model(self.path)
        self._hash = hashlib.sha256(content).hexdigest()
        self._session = open_session(self.path, content, threads)
        self._input, self.height, self.width = _check_input(self.path, self._session.get_inputs())
        self._output, self._dim = _check_output(self.path, self._session.get_outputs())
        self.card = card_for(self.path, self._dim)
        self._timeout_s = timeout_s
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="onnx") if timeout_s is not None else None

    def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Raw vectors float32 [n, dim] of canonical crops; see `catalog.embedding.Embedder`. Raises EmbedTimeout."""
        images = model_input(crops, self.height, self.width)
        if len(images) == 0:
            return np.empty((0, self._dim), np.float32)
        deadline = time.monotonic() + (self._timeout_s or 0.0)
        runs = [images[start : start + _AT_ONCE] for start in range(0, len(images), _AT_ONCE)]
        vectors = np.concatenate([self._run(run, deadline) for run in runs])
        if vectors.shape != (len(images), self._dim):
            raise ModelError(
                f"model {self.path}: {len(images)} crops gave an output {list(vectors.shape)} instead of "
                f"[{len(images)}, {self._dim}]; export it with a dynamic batch"
            )
        return vectors

    def warm_up(self) -> None:
        """One inference on a grey crop, so that the first card does not pay for ONNX Runtime's allocations."""
        self.embed(np.full((1, CROP_HEIGHT, CROP_WIDTH, 3), 128, np.uint8))

    def temperature(self) -> float | None:
        """ONNX Runtime knows of none."""
        return None

    def close(self) -> None:
        """End the thread that watches over the timeout; an inference that is under way is waited for."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def _run(self, images: NDArray[np.uint8], deadline: float) -> NDArray[np.float32]:
        feed = {self._input: images}
        if self._executor is None:
            return np.asarray(self._session.run([self._output], feed)[0], np.float32)
        options = ort.RunOptions()
        future = self._executor.submit(self._session.run, [self._output], feed, options)
        try:
            return np.asarray(future.result(max(0.0, deadline - time.monotonic()))[0], np.float32)
        except TimeoutError:
            options.terminate = True
            future.cancel()
            raise EmbedTimeout(f"model {self.path.name}: no answer within {self._timeout_s:g} s") from None


def _check_input(path: Path, inputs: list[Any]) -> tuple[str, int, int]:
    if len(inputs) == 1 and inputs[0].type == "tensor(uint8)" and len(inputs[0].shape) == 4:
        batch, height, width, channels = inputs[0].shape
        if not isinstance(batch, int) and isinstance(height, int) and isinstance(width, int) and channels == 3:
            return inputs[0].name, height, width
    raise ModelError(f"model {path} takes {describe(inputs)}; the contract is {_INPUT}: export it that way")


def _check_output(path: Path, outputs: list[Any]) -> tuple[str, int]:
    if len(outputs) == 1 and outputs[0].type == "tensor(float)" and len(outputs[0].shape) == 2:
        dim = outputs[0].shape[1]
        if isinstance(dim, int):
            return outputs[0].name, dim
    raise ModelError(f"model {path} gives {describe(outputs)}; the contract is {_OUTPUT}: export it that way")
