"""picamera2 from PyPI without a Pi: its own code, over a libcamera and a kernel that are made up here.

`install()` puts the stubs in place; from then on `import picamera2` is the real library. `network(…)` writes an .rpk
that it reads, and `metadata(…)` is what libcamera says of a frame with these tensors.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import json
import os
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pi_libcamera
from numpy.typing import NDArray

CAMERA = pi_libcamera.MANAGER.cameras[0]
STUBS = ("prctl", "pykms", "pidng", "pidng.core", "pidng.camdefs", "OpenEXR", "Imath", "av", "piexif", "simplejpeg")
"""What picamera2 imports and a test cannot have, or need not: displays, processes, files of pictures."""
SYSFS = "/sys/class/video4linux/v4l-subdev2/device"
LINKS = {
    SYSFS: "../../devices/10-001a",
    f"{SYSFS}/driver/module": "../../module/imx500",
    f"{SYSFS}/of_node": f"../../firmware/devicetree{CAMERA.id}",
}


def missing() -> str:
    """What is not installed of the library and its pure-Python needs; empty: nothing."""
    needs = ("picamera2", "videodev2", "libarchive", "tqdm", "jsonschema", "PIL")
    return ", ".join(name for name in needs if importlib.util.find_spec(name) is None)


def install() -> None:
    """Put the stubs where picamera2 looks for the machine."""
    if "picamera2" in sys.modules:
        return
    sys.modules["libcamera"] = pi_libcamera
    for name in STUBS:
        sys.modules.setdefault(name, MagicMock())
    import picamera2
    from picamera2.allocators import dmaallocator
    from picamera2.devices.imx500 import imx500

    def asked(self: Any, *args: Any, **more: Any) -> Any:
        CAMERA.wanted.release()
        return capture_request(self, *args, **more)

    capture_request, picamera2.Picamera2.capture_request = picamera2.Picamera2.capture_request, asked
    dmaallocator.DmaHeap = _Heap
    dmaallocator.fcntl = SimpleNamespace(ioctl=lambda *_: 0)
    imx500.fcntl = SimpleNamespace(ioctl=lambda *_: 0)
    imx500.open = _open
    imx500.os = _Kernel()
    imx500.IMX500._fw_progress_read = lambda _self: "2 400 1000"
    imx500.IMX500._fw_progress_chunk_read = lambda _self: "20"


class _Heap:
    """Memory for frames."""

    def alloc(self, name: str, size: int) -> Any:
        fd = os.memfd_create(name)
        os.ftruncate(fd, size)
        return SimpleNamespace(get=lambda: fd, isValid=lambda: True)

    def close(self) -> None: ...


def _open(path: str, *args: Any, **more: Any) -> Any:
    return Path(os.devnull if path.startswith("/dev/v4l") else path).open(*args, **more)


class _Kernel:
    """`os`, with an IMX500 in sysfs if `there`."""

    there = True

    def __init__(self) -> None:
        self.path = SimpleNamespace(
            exists=lambda path: self.there and path in LINKS,
            islink=lambda path: self.there and path in LINKS,
            isfile=os.path.isfile,
            abspath=os.path.abspath,
        )

    def readlink(self, path: str) -> str:
        return LINKS[path]

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


@contextlib.contextmanager
def unplugged() -> Any:
    """No camera, for a while."""
    _Kernel.there = False
    try:
        yield
    finally:
        _Kernel.there = True


INFO = """networkID=000001
apParamSize=100
networkNum=1
networkOrdinal=0
inputTensorWidth={0}
inputTensorHeight={1}
inputTensorFormat=RGB
inputTensorNorm_K03=0x0
inputTensorNorm_K13=0x0
inputTensorNorm_K23=0x0
inputTensorNorm_K00=0x0
inputTensorNorm_K22=0x0
inputTensorNorm_K02=0x0
inputTensorNorm_K20=0x0
inputTensorNorm_K11=0x0
"""


def network(
    path: Path, intrinsics: dict[str, Any] | None = None, size: tuple[int, int] = (640, 640), info: str = INFO
) -> Path:
    """An .rpk: one firmware block, then the archive that says what it is."""
    firmware = struct.pack(">4sI", b"9464", 100) + bytes(8) + bytes(100 + 60 - 16) + b"3695"
    files = {"network_info.txt": info.format(*size).encode()}
    if intrinsics is not None:
        files["network_intrinsics"] = json.dumps(intrinsics).encode()
    path.write_bytes(firmware + b"".join(map(_cpio, files, files.values())) + _cpio("TRAILER!!!", b""))
    return path


def _cpio(name: str, content: bytes) -> bytes:
    """A file of an archive in the newc format."""
    fields = (1, 0o100644, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % number for number in fields) + name.encode() + b"\0"
    return b"".join(part + bytes(-len(part) % 4) for part in (head, content))


def metadata(tensors: Sequence[NDArray[Any]] | None, run_ms: float = 58.8) -> dict[str, Any]:
    """What libcamera says of a frame: the tensors flattened column by column, and their shapes in a C struct."""
    said: dict[str, Any] = {"ScalerCrop": (0, 0, 4056, 3040)}
    if tensors is None:
        return said
    from picamera2.devices.imx500.imx500 import CnnOutputTensorInfoExported

    exported = CnnOutputTensorInfoExported()
    exported.network_name, exported.num_tensors = b"cards", len(tensors)
    for info, tensor in zip(exported.info, tensors, strict=False):
        info.tensor_data_num, info.num_dimensions = tensor.size, tensor.ndim
        for place, side in enumerate(tensor.shape):
            info.size[place] = side
    flat = np.concatenate([np.asarray(tensor, np.float32).ravel(order="F") for tensor in tensors])
    return said | {
        "CnnOutputTensor": tuple(flat.tolist()),
        "CnnOutputTensorInfo": ctypes.string_at(ctypes.byref(exported), ctypes.sizeof(exported)),
        "CnnKpiInfo": (round(run_ms * 1000 * 0.9), round(run_ms * 1000 * 0.1)),
    }


def boxes(*rows: tuple[float, float, float, float], of: int = 10, score: float = 0.9) -> list[NDArray[np.float32]]:
    """Tensors of a detector: x, y, x, y, a score and class 0 for each box, and rows of nothing after them."""
    tensors = [np.zeros((of, 4), np.float32), np.zeros(of, np.float32), np.zeros(of, np.float32)]
    for number, row in enumerate(rows):
        tensors[0][number], tensors[1][number] = row, score
    return tensors
