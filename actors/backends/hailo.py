"""Embeddings on a Hailo-8: the only file that imports HailoRT's bindings.

HailoRT 4.x, its InferModel API. The device belongs to one process: a lock says so before HailoRT does, which calls
busy what is absent. What goes wrong is said by `actors.backends.hailo_trouble`.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.backends.hailo_trouble import Stage, cannot_import, explain, is_timeout, taken
from actors.backends.model_file import ModelFile, card_for, read_model
from bus.lock import AlreadyRunning, FileLock
from bus.sockets import Address, default_run_dir
from catalog.embedding import EmbedTimeout, EngineError, ModelError, model_input
from vision.rectify import CROP_HEIGHT, CROP_WIDTH

_BURST = 8
"""Frames that the scheduler may take at once: the vendor's zoo gains most up to 8."""


class HailoEmbedder(ModelFile):
    """A HEF as a `catalog.embedding.Embedder`; it owns the device until `close`.

    An inference that takes longer than `timeout_s` raises EmbedTimeout. Raises ModelError for a file that is missing,
    broken, compiled for another chip or of another form, EngineError where the device or HailoRT cannot be used.
    """

    def __init__(self, path: Path | str, timeout_s: float = 1.0) -> None:
        self.path = Path(path)
        if timeout_s <= 0:
            raise ValueError(f"timeout_s must be above 0, not {timeout_s}")
        self._timeout_s = timeout_s
        self._hash = hashlib.sha256(read_model(self.path)).hexdigest()
        self._chip: Any = None
        with ExitStack() as stack:
            stack.enter_context(_lock())
            self._hailo = _bindings()
            self._open(stack)
            self._held = stack.pop_all()

    def _open(self, stack: ExitStack) -> None:
        """Take the device and load the model; `stack` gives both back."""
        hailo = self._hailo
        with self._said("open"):
            params = hailo.VDevice.create_params()
            params.scheduling_algorithm = hailo.HailoSchedulingAlgorithm.ROUND_ROBIN
            device = stack.enter_context(hailo.VDevice(params))
        with self._said("load"):
            self._model = device.create_infer_model(str(self.path))
            self._model.set_batch_size(_BURST)
            shape, dim = _form(self.path, self._model)
            self._model.input().set_format_type(hailo.FormatType.UINT8)
            self._model.output().set_format_type(hailo.FormatType.FLOAT32)
        self.height, self.width = shape
        self._dim = dim
        self.card = card_for(self.path, dim)
        with self._said("configure"):
            self._configured = stack.enter_context(self._model.configure())
            self._slots = self._new_slots()

    def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Raw vectors float32 [n, dim] of canonical crops; see `catalog.embedding.Embedder`.

        Raises EmbedTimeout, and EngineError for a device that fails otherwise: only a new process helps then.
        """
        images = model_input(crops, self.height, self.width)
        vectors = np.empty((len(images), self._dim), np.float32)
        deadline = time.monotonic() + self._timeout_s
        for start in range(0, len(images), len(self._slots)):
            part = images[start : start + len(self._slots)]
            self._run(part, deadline)
            for row, slot in enumerate(self._slots[: len(part)], start):
                vectors[row] = slot.output.reshape(-1)
        return vectors

    def warm_up(self) -> None:
        """One inference on a grey crop."""
        self.embed(np.full((1, CROP_HEIGHT, CROP_WIDTH, 3), 128, np.uint8))

    def temperature(self) -> float | None:
        """Of the chip, °C; None if it does not say: whatever a sensor does, it is no reason to stop."""
        try:
            self._chip = self._chip or self._hailo.Device()  # kept: opening it anew each time costs a firmware query
            return float(self._chip.control.get_chip_temperature().ts0_temperature)
        except Exception:  # HailoRT raises what it does not export, and also what it forgot to wrap
            return None

    def close(self) -> None:
        """Give the device back; closing twice is harmless."""
        with self._said("close"), self._held:
            if self._chip is not None:
                self._chip.release()
                self._chip = None

    def _run(self, images: NDArray[np.uint8], deadline: float) -> None:
        """One job of as many frames as there are slots at most; the slots hold the answers then."""
        slots = self._slots[: len(images)]
        for slot, image in zip(slots, images, strict=True):
            slot.load(image)
        failures: list[BaseException] = []

        def done(completion_info: Any) -> None:  # on a thread of HailoRT's, which an exception would kill
            if completion_info.exception is not None:
                failures.append(completion_info.exception)

        try:
            with self._said("run"):
                self._configured.wait_for_async_ready(timeout_ms=_left_ms(deadline), frames_count=len(slots))
                job = self._configured.run_async([slot.bindings for slot in slots], done)
                job.wait(_left_ms(deadline))
                if failures:
                    raise failures[0]
        except EmbedTimeout:
            self._slots = self._new_slots()  # the lost job may still write into the old ones; HailoRT keeps them alive
            raise

    def _new_slots(self) -> list[_Slot]:
        """As many as HailoRT takes into its queue: waiting for room for more would always time out."""
        return [_Slot(self._configured, self._model) for _ in range(max(1, self._configured.get_async_queue_size()))]

    @contextmanager
    def _said(self, stage: Stage) -> Iterator[None]:
        """HailoRT's exceptions as ours, in a sentence."""
        try:
            yield
        except (EngineError, ModelError):
            raise
        except Exception as error:
            if stage == "run" and is_timeout(error):
                raise EmbedTimeout(f"model {self.path.name}: no answer within {self._timeout_s:g} s") from error
            raise explain(error, stage, self.path, self._hailo) from error


class _Slot:
    """Room for one frame: an input, an output, and the bindings that show them to HailoRT."""

    def __init__(self, configured: Any, model: Any) -> None:
        self.input = np.empty(tuple(model.input().shape), np.uint8)
        self.output = np.empty(tuple(model.output().shape), np.float32)
        self.bindings = configured.create_bindings(output_buffers={model.output().name: self.output})

    def load(self, image: NDArray[np.uint8]) -> None:
        """Take a frame, uint8 [height, width, 3].

        Both buffers are bound anew for every job: HailoRT 4.18 leaves the output bound to memory of its own that it
        has freed (its bindings are shallow copies), and what was bound once would never be written again.
        """
        np.copyto(self.input, checked(image, self.input.shape, np.uint8), casting="no")
        self.bindings.input().set_buffer(checked(self.input, self.input.shape, np.uint8))
        self.bindings.output().set_buffer(checked(self.output, self.output.shape, np.float32))


def checked(buffer: NDArray[Any], shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
    """A buffer that is safe to hand over: HailoRT compares the number of bytes, and nothing else.

    Raises ValueError for another shape or type, and for memory that is not C-contiguous or not writable.
    """
    flags = buffer.flags
    if buffer.shape != shape or buffer.dtype != dtype or not flags.c_contiguous or not flags.writeable:
        order = f"{'' if flags.c_contiguous else 'not '}contiguous, {'' if flags.writeable else 'not '}writable"
        raise ValueError(
            f"a buffer for the Hailo is {np.dtype(dtype)} {list(shape)}, contiguous and writable, "
            f"not {buffer.dtype} {list(buffer.shape)}, {order}"
        )
    return buffer


@contextmanager
def _lock() -> Iterator[None]:
    """The right to use the device; EngineError names who has it."""
    address = Address(default_run_dir())
    address.prepare()
    try:
        lock = FileLock(address.run_dir / "hailo.lock", "the Hailo-8")
    except AlreadyRunning as error:
        raise EngineError(taken([error.holder])) from None
    try:
        yield
    finally:
        lock.release()


def _bindings() -> Any:
    """HailoRT's Python package; EngineError if it cannot be imported, for whatever reason."""
    os.environ.setdefault("HAILORT_LOGGER_PATH", "NONE")  # or it writes a log into the working directory
    try:
        import hailo_platform
    except Exception as error:  # a missing library is MissingPyHRTLib, which is no ImportError
        raise EngineError(cannot_import(error)) from error
    return hailo_platform


def _form(path: Path, model: Any) -> tuple[tuple[int, int], int]:
    """(height, width) of the input and the length of the output; ModelError for a network of another form."""
    inputs, outputs = ([list(stream.shape) for stream in streams] for streams in (model.inputs, model.outputs))
    if len(inputs) == len(outputs) == 1 and len(inputs[0]) == 3 and inputs[0][2] == 3:
        *ones, dim = outputs[0]
        if all(side == 1 for side in ones) and dim > 1:
            return (inputs[0][0], inputs[0][1]), dim
    raise ModelError(
        f"model {path} takes {inputs} and gives {outputs}; the contract is one input [height, width, 3] and one output "
        "[dim]: compile what sleevesight train hailo writes"
    )


def _left_ms(deadline: float) -> int:
    return max(1, round(1000 * (deadline - time.monotonic())))
