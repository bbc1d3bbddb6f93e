"""libcamera as far as picamera2 uses it, with one IMX500 that films what the test says; `pi.install` puts it in place.

The arithmetic of `Rectangle` and `Size` is that of libcamera's geometry.cpp, in whole numbers.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Film = Callable[[int], tuple[NDArray[np.uint8], dict[str, Any]]]


@dataclass
class Point:
    x: int
    y: int

    def __neg__(self) -> Point:
        return Point(-self.x, -self.y)


@dataclass(frozen=True)
class Size:
    width: int
    height: int


class Rectangle:
    def __init__(self, x: int, y: int, width: int, height: int) -> None:
        self.x, self.y, self.width, self.height = int(x), int(y), int(width), int(height)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rectangle) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    @property
    def size(self) -> Size:
        return Size(self.width, self.height)

    @property
    def topLeft(self) -> Point:
        return Point(self.x, self.y)

    def scaled_by(self, by: Size, of: Size) -> Rectangle:
        return Rectangle(
            self.x * by.width // of.width,
            self.y * by.height // of.height,
            self.width * by.width // of.width,
            self.height * by.height // of.height,
        )

    def bounded_to(self, bound: Rectangle) -> Rectangle:
        left, top = max(self.x, bound.x), max(self.y, bound.y)
        right = min(self.x + self.width, bound.x + bound.width)
        bottom = min(self.y + self.height, bound.y + bound.height)
        return Rectangle(left, top, max(right - left, 0), max(bottom - top, 0))

    def translated_by(self, by: Point) -> Rectangle:
        return Rectangle(self.x + by.x, self.y + by.y, self.width, self.height)


class Transform:
    def __init__(self, other: Any = None, hflip: int = 0, vflip: int = 0, transpose: int = 0) -> None:
        of = other or SimpleNamespace(hflip=hflip, vflip=vflip, transpose=transpose)
        self.hflip, self.vflip, self.transpose = bool(of.hflip), bool(of.vflip), bool(of.transpose)

    def __str__(self) -> str:
        return "<libcamera.Transform>"


class Orientation(Enum):
    Rotate0, Rotate0Mirror, Rotate180, Rotate180Mirror, Rotate90, Rotate90Mirror, Rotate270, Rotate270Mirror = range(8)


class ColorSpace:
    YcbcrEncoding = Enum("YcbcrEncoding", "Null Rec601")
    Range = Enum("Range", "Full Limited")

    def __init__(self, other: Any = "?") -> None:
        self.primaries = getattr(other, "primaries", other)
        self.transferFunction = self.primaries
        self.ycbcrEncoding, self.range = ColorSpace.YcbcrEncoding.Rec601, ColorSpace.Range.Full

    def __hash__(self) -> int:
        return hash(self.primaries)

    def __str__(self) -> str:
        return "<libcamera.ColorSpace>"

    @staticmethod
    def Sycc() -> ColorSpace:
        return ColorSpace("sycc")

    @staticmethod
    def Smpte170m() -> ColorSpace:
        return ColorSpace("smpte170m")

    @staticmethod
    def Rec709() -> ColorSpace:
        return ColorSpace("rec709")

    @staticmethod
    def Raw() -> ColorSpace:
        return ColorSpace("raw")


_libcamera = SimpleNamespace(ColorSpace=ColorSpace, Transform=Transform)
StreamRole = Enum("StreamRole", "StillCapture Raw VideoRecording Viewfinder")
ControlType = Enum("ControlType", "Rectangle Size Other")


@dataclass(frozen=True)
class ControlId:
    name: str
    type: Any = ControlType.Other


NAMES = ("ExposureTime", "ExposureTimeMode", "AnalogueGain", "AnalogueGainMode", "FrameDurationLimits")
controls = SimpleNamespace(
    **{name: ControlId(name) for name in NAMES},
    draft=SimpleNamespace(NoiseReductionModeEnum=Enum("NoiseReductionModeEnum", "Minimal HighQuality Fast")),
)
properties = SimpleNamespace()


class FrameMetadata:
    Status = Enum("Status", "Success Error")


class FrameBuffer:
    class Plane:
        fd = offset = length = 0

    def __init__(self, planes: list[Any]) -> None:
        self.planes = planes
        self.metadata = SimpleNamespace(status=FrameMetadata.Status.Success)


@dataclass(frozen=True)
class PixelFormat:
    name: str

    def __str__(self) -> str:
        return self.name


class SensorConfiguration:
    bit_depth = 0
    output_size = Size(0, 0)


@dataclass(eq=False)
class StreamConfiguration:
    size: Size = Size(640, 480)
    pixel_format: PixelFormat = PixelFormat("XBGR8888")
    buffer_count: int = 4
    stride: int = 0
    frame_size: int = 0
    color_space: Any = None
    stream: object = field(default_factory=object)
    formats: Any = None

    def lay_out(self) -> None:
        bytes_each = {"BGR888": 3, "RGB888": 3, "XBGR8888": 4}.get(self.pixel_format.name, 2)
        self.stride = -(-self.size.width * bytes_each // 64) * 64  # as the Pi 5's ISP aligns it
        self.frame_size = self.stride * self.size.height


class CameraConfiguration:
    Status = Enum("Status", "Valid Adjusted Invalid")

    def __init__(self, streams: list[StreamConfiguration]) -> None:
        self.streams = streams
        self.orientation, self.sensor_config = Orientation.Rotate0, None

    def at(self, index: int) -> StreamConfiguration:
        return self.streams[index]

    def __iter__(self) -> Iterator[StreamConfiguration]:
        return iter(self.streams)

    def validate(self) -> Any:
        for stream in self.streams:
            stream.lay_out()
        return CameraConfiguration.Status.Valid


class Request:
    Status = Enum("Status", "Pending Complete Cancelled")

    def __init__(self, cookie: int) -> None:
        self.cookie = cookie
        self.buffers: dict[object, FrameBuffer] = {}
        self.metadata: dict[ControlId, Any] = {}
        self.status = Request.Status.Pending

    def add_buffer(self, stream: object, buffer: FrameBuffer) -> None:
        self.buffers[stream] = buffer

    def reuse(self) -> None:
        self.status = Request.Status.Pending

    def set_control(self, *_: object) -> None:
        """Whatever is wished: the film goes on."""


_AGO_NS = 500_000_000
"""A first frame is as old as this: those that are wanted quickly are not from the future."""


def _now_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Camera:
    """Films `film` as long as it does not `stall`: a frame for each that is `wanted`, so that tests depend on no clock.

    `live`: as time goes by, at `fps`, and what there was no time for is left out.
    """

    id = "/base/axi/pcie@120000/rp1/i2c@88000/imx500@1a"

    def __init__(self) -> None:
        self.film: Film = lambda _index: (np.zeros((1, 1, 3), np.uint8), {})
        self.fps = 40.0
        self.live = False
        self.wanted = threading.Semaphore(0)
        self.stall = threading.Event()
        self.starts = 0
        self.failure: Exception | None = None
        self.properties = {ControlId("Model"): "imx500", ControlId("ColorFilterArrangement"): 0}
        self.controls = {
            ControlId(name): SimpleNamespace(min=0, max=100, default=1) for name in (*NAMES, "NoiseReductionMode")
        }
        self._queue: list[Request] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def acquire(self) -> None:
        if self.failure:
            raise self.failure

    def release(self) -> None: ...

    def generate_configuration(self, roles: list[Any]) -> CameraConfiguration:
        modes = [Size(2028, 1520), Size(4056, 3040)]
        formats = SimpleNamespace(pixel_formats=[PixelFormat("SRGGB10_CSI2P")], sizes=lambda _format: modes)
        return CameraConfiguration([StreamConfiguration(formats=formats) for _ in roles])

    def configure(self, config: CameraConfiguration) -> int:
        self.main = config.at(0)
        return 0

    def create_request(self, cookie: int) -> Request:
        return Request(cookie)

    def queue_request(self, request: Request) -> None:
        with self._lock:
            self._queue.append(request)

    def start(self, _controls: object) -> None:
        self.starts += 1
        self._queue.clear()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._over,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        assert self._thread is not None
        self._thread.join()

    def _run(self, over: threading.Event) -> None:
        """Frame n is exposed n frame times after the first."""
        period_ns = 1e9 / self.fps
        begun_ns, number = _now_ns() - _AGO_NS, 0
        while not over.is_set():
            due = int((_now_ns() - begun_ns) / period_ns) if self.live else number + 1
            if self.stall.is_set() or due <= number or not (self.live or self.wanted.acquire(timeout=0.01)):
                over.wait(0.001)
                continue
            number = due
            with self._lock:
                request = self._queue.pop(0) if self._queue else None
            if request is not None:
                self._shoot(request, number, round(begun_ns + number * period_ns))

    def _shoot(self, request: Request, number: int, t_ns: int) -> None:
        pixels, metadata = self.film(number)
        self._fill(request.buffers[self.main.stream], pixels)
        known = {"SensorTimestamp": t_ns, "FrameDuration": 1e6 / self.fps}
        request.metadata = {ControlId(name): value for name, value in (known | metadata).items()}
        request.status = Request.Status.Complete
        MANAGER.finish(request)

    def _fill(self, buffer: FrameBuffer, pixels: NDArray[np.uint8]) -> None:
        height, width = pixels.shape[:2]
        with mmap.mmap(buffer.planes[0].fd, self.main.frame_size) as memory:
            rows = np.frombuffer(memory, np.uint8).reshape(self.main.size.height, self.main.stride)
            rows[:height, : width * 3] = pixels.reshape(height, -1)
            del rows


class CameraManager:
    def __init__(self) -> None:
        self.cameras = [Camera()]
        self.event_fd, self._wake = os.pipe()
        os.set_blocking(self.event_fd, False)
        self._ready: list[Request] = []
        self._lock = threading.Lock()

    @staticmethod
    def singleton() -> CameraManager:
        return MANAGER

    def finish(self, request: Request) -> None:
        with self._lock:
            self._ready.append(request)
        os.write(self._wake, b"\0")

    def get_ready_requests(self) -> list[Request]:
        with contextlib.suppress(BlockingIOError):
            os.read(self.event_fd, 4096)
        with self._lock:
            ready, self._ready = self._ready, []
        return ready


MANAGER = CameraManager()
