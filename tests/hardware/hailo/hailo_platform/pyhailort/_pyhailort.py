"""The part that is C++ in the original: a chip, its queue of jobs, and the thread that calls back."""

import json
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from pathlib import Path

import numpy as np

STATUS = {
    2: "HAILO_INVALID_ARGUMENT",
    4: "HAILO_TIMEOUT",
    6: "HAILO_INVALID_OPERATION",
    26: "HAILO_INVALID_HEF",
    36: "HAILO_DRIVER_OPERATION_FAILED",
    61: "HAILO_NOT_FOUND",
    64: "HAILO_DRIVER_NOT_INSTALLED",
    74: "HAILO_OUT_OF_PHYSICAL_DEVICES",
    76: "HAILO_INVALID_DRIVER_VERSION",
    82: "HAILO_QUEUE_IS_FULL",
    87: "HAILO_DRIVER_TIMEOUT",
    93: "HAILO_HEF_NOT_COMPATIBLE_WITH_DEVICE",
}


class HailoRTStatusException(Exception):
    """A bare status: its only argument is the number."""


class SchedulingAlgorithm(Enum):
    NONE = 0
    ROUND_ROBIN = 1


class FormatType(Enum):
    AUTO = 0
    UINT8 = 1
    UINT16 = 2
    FLOAT32 = 3


DTYPES = {FormatType.AUTO: np.uint8, FormatType.UINT8: np.uint8, FormatType.FLOAT32: np.float32}


@dataclass
class Chip:
    """What is wrong with the world, and what happened to the device."""

    devices: list[str] = field(default_factory=lambda: ["0001:01:00.0"])
    architecture: str = "hailo8"
    version: str = "4.23.0"
    """Of the compiled part."""
    library_missing: bool = False
    compatibility: int = 93
    """What configuring a HEF for another chip gives: 93 from 4.21 on, 26 before."""
    scan_status: int = 0
    open_status: int = 0
    job_status: int = 0
    stuck: bool = False
    """Jobs are taken, and none is ever finished."""
    stuck_after: int = -1
    """Jobs to finish before that."""
    shallow: bool = True
    """Bindings are copied as in 4.18: a job rebinds the output to memory that is gone after it."""
    temperature: float | int = 48.5
    """Degrees; an int is a status instead."""
    owner: object = None
    scheduling: SchedulingAlgorithm = SchedulingAlgorithm.NONE
    batches: list[int] = field(default_factory=list)
    """Frames of every job."""
    threads: set[str] = field(default_factory=set)
    """Which threads called back."""
    lost: list[Callable[[], None]] = field(default_factory=list)
    """Jobs that are stuck; calling one finishes it after all."""
    opened: int = 0
    """Devices (not VDevices) that were opened."""


CHIP = Chip(**json.loads(os.environ.get("FAKE_HAILO", "{}")))
__version__ = CHIP.version


def get_status_message(status: int) -> str:
    return STATUS.get(status, "")


def fail(status: int) -> None:
    if status:
        raise HailoRTStatusException(status)


class VDeviceParams:
    def __init__(self) -> None:
        self.scheduling_algorithm = SchedulingAlgorithm.NONE
        self.group_id = "UNIQUE"

    @classmethod
    def default(cls) -> "VDeviceParams":
        return cls()


class CppDevice:
    @staticmethod
    def scan() -> list[str]:
        fail(CHIP.scan_status)
        return list(CHIP.devices)

    @classmethod
    def create(cls, device_id: str) -> "CppDevice":
        if device_id not in CHIP.devices:
            fail(61)
        CHIP.opened += 1
        return cls()

    def release(self) -> None:
        CHIP.opened -= 1

    def get_chip_temperature(self) -> "TemperatureInfo":
        if isinstance(CHIP.temperature, int):
            fail(CHIP.temperature)
        return TemperatureInfo(CHIP.temperature, CHIP.temperature + 1, 7)


@dataclass
class TemperatureInfo:
    ts0_temperature: float
    ts1_temperature: float
    sample_count: int


class CppVDevice:
    @classmethod
    def create(cls, params: VDeviceParams, _device_ids: list[str]) -> "CppVDevice":
        fail(CHIP.open_status)
        if not CHIP.devices or CHIP.owner is not None:  # the same status for both
            fail(74)
        CHIP.scheduling = params.scheduling_algorithm
        device = cls()
        CHIP.owner = device
        return device

    def release(self) -> None:
        CHIP.owner = None

    def create_infer_model_from_file(self, path: str, _name: str) -> "CppInferModel":
        try:
            hef = json.loads(Path(path).read_bytes())
        except ValueError:
            fail(26)
        return CppInferModel(hef)


class CppStream:
    """A stream of a model: its shape, and the type that the user asked for."""

    def __init__(self, name: str, shape: list[int]) -> None:
        self.name, self.shape, self.type = name, shape, FormatType.AUTO

    def frame_bytes(self) -> int:
        return int(np.prod(self.shape)) * np.dtype(DTYPES[self.type]).itemsize


class CppInferModel:
    def __init__(self, hef: dict) -> None:
        self.hef, self.batch = hef, 0
        self.inputs = [CppStream(f"net/input_layer{place + 1}", shape) for place, shape in enumerate(hef["inputs"])]
        self.outputs = [CppStream(f"net/fc{place + 1}", shape) for place, shape in enumerate(hef["outputs"])]

    def configure(self) -> "CppConfigured":
        if self.hef["architecture"] != CHIP.architecture:
            fail(CHIP.compatibility)
        return CppConfigured(self)


class CppBound:
    """A stream of bindings: memory, and how many bytes of it; nobody looks at its type."""

    def __init__(self, stream: CppStream) -> None:
        self.stream = stream
        self.memory: np.ndarray | None = None

    def set_buffer(self, buffer: np.ndarray) -> None:
        if not buffer.flags.writeable:
            raise ValueError("array is not writeable")  # pybind11's mutable_data()
        if buffer.nbytes != self.stream.frame_bytes():
            fail(2)
        self.memory = buffer


class CppBindings:
    def __init__(self, model: CppInferModel) -> None:
        self.inputs = {stream.name: CppBound(stream) for stream in model.inputs}
        self.outputs = {stream.name: CppBound(stream) for stream in model.outputs}


class CppConfigured:
    def __init__(self, model: CppInferModel) -> None:
        self._network = network(model.hef)
        self.queue_size = int(model.hef["queue"])
        self._model = model
        self._waiting = 0
        self._changed = threading.Condition()
        self._done: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._call_back, name="hailort", daemon=True)
        self._thread.start()

    def create_bindings(self) -> CppBindings:
        return CppBindings(self._model)

    def wait_for_async_ready(self, timeout: timedelta, frames: int) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting + frames <= self.queue_size, timeout.total_seconds()):
                fail(4)

    def run_async(self, bindings: list[CppBindings], callback: Callable[[int], None]) -> "CppJob":
        if self._waiting + len(bindings) > self.queue_size:
            fail(82)
        if any(bound.memory is None for one in bindings for bound in (*one.inputs.values(), *one.outputs.values())):
            fail(6)
        CHIP.batches.append(len(bindings))
        self._waiting += len(bindings)
        name = self._model.outputs[0].name
        frames = [next(iter(one.inputs.values())).memory for one in bindings]
        targets = [one.outputs[name].memory for one in bindings]
        if CHIP.shallow:
            for one in bindings:
                one.outputs[name].memory = np.empty_like(one.outputs[name].memory)
        job = CppJob()

        def finish() -> None:
            for frame, target in zip(frames, targets, strict=True):
                row = self._network(_as(frame, np.uint8, self._model.inputs[0].shape)).astype(np.float32)
                target.reshape(-1).view(np.uint8)[:] = row.view(np.uint8)
            with self._changed:
                self._waiting -= len(bindings)
                self._changed.notify_all()
            CHIP.threads.add(threading.current_thread().name)
            callback(CHIP.job_status)
            job.done.set()

        stuck = CHIP.stuck or len(CHIP.batches) > CHIP.stuck_after >= 0
        CHIP.lost.append(finish) if stuck else self._done.put(finish)
        return job

    def shutdown(self) -> None:
        self._done.put(None)
        self._thread.join()

    def _call_back(self) -> None:
        while (finish := self._done.get()) is not None:
            finish()


class CppJob:
    def __init__(self) -> None:
        self.done = threading.Event()

    def wait(self, timeout: timedelta) -> None:
        if not self.done.wait(timeout.total_seconds()):
            fail(4)


def _as(memory: np.ndarray, dtype: type, shape: list[int]) -> np.ndarray:
    """The bytes of a buffer as the chip reads them, whatever its owner meant."""
    return memory.reshape(-1).view(dtype).reshape(shape)


def network(hef: dict) -> Callable[[np.ndarray], np.ndarray]:
    """What the chip computes of one frame: an ONNX file's network, or a small one of random but fixed weights."""
    if hef["network"]:
        import onnxruntime as ort

        session = ort.InferenceSession(hef["network"], providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        return lambda frame: session.run(None, {name: frame[None]})[0][0]
    shape, (*_, dim) = hef["inputs"][0], hef["outputs"][0]
    weights = np.random.default_rng(0).standard_normal((dim, int(np.prod(shape)))).astype(np.float32)
    return lambda frame: weights @ (frame.reshape(-1).astype(np.float32) - 127)


def write_hef(
    path: Path,
    *,
    shape: tuple[int, ...] = (16, 12, 3),
    dim: int = 8,
    network: Path | None = None,
    architecture: str = "hailo8",
    queue: int = 4,
    inputs: list[list[int]] | None = None,
    outputs: list[list[int]] | None = None,
) -> Path:
    """A file that this stand-in takes for a HEF."""
    hef = {
        "architecture": architecture,
        "inputs": inputs or [list(shape)],
        "outputs": outputs or [[dim]],
        "network": str(network or ""),
        "queue": queue,
    }
    path.write_text(json.dumps(hef))
    return path
