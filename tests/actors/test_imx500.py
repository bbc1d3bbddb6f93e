"""The IMX500 over the real picamera2, whose machine is made up (`pi`): our idea of the library cannot drift from it."""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from actors.config import Config, updated
from actors.sections import Imx500Config
from actors.sources import open_source
from actors.sources.base import NothingYet, Source, SourceError, SourceFrame
from actors.sources.imx500 import Imx500, _telling, library
from actors.sources.onchip import Shot
from bus.clock import SystemClock
from vision.onchip import what
from vision.sensor import View, centred

pytestmark = [
    pytest.mark.skipif(bool(pi.missing()), reason=f"not installed: {pi.missing()} (make develop)"),
    pytest.mark.xdist_group("imx500"),
]

DETECTOR = {
    "task": "object detection",
    "cpu": {"bbox_normalization": True, "bbox_order": "xy"},
    "classes": {"labels": ["card"]},
}
RED, BLUE = 200, 7


@pytest.fixture(autouse=True, scope="module")
def real_library() -> None:
    pi.install()


@pytest.fixture
def rpk(tmp_path: Path) -> Path:
    return pi.network(tmp_path / "cards.rpk", DETECTOR)


@pytest.fixture
def opened(rpk: Path) -> Iterator[Callable[..., Source]]:
    """Open the source on a camera that films a flat picture; its answers are about frames two before."""
    sources = []

    def start(film: Any = None, **options: Any) -> Source:
        pi.CAMERA.film = film or moving
        sources.append(open_source(config(rpk, **options), SystemClock()))
        return sources[-1]

    yield start
    pi.CAMERA.stall.clear()
    pi.CAMERA.failure = None
    for source in sources:
        source.close()


def config(rpk: Path, **options: Any) -> Config:
    return updated(updated(Config(), "capture", source=f"imx500:{rpk}", fps=40.0), "imx500", **options)


def moving(number: int) -> tuple[np.ndarray, dict[str, Any]]:
    """Frame `number` says its number; every second one brings the card of two frames ago, at 2 px of it for each."""
    pixels = np.full((1520, 2028, 3), (number % 256, 90, BLUE), np.uint8)
    then = (number - 2) % 256
    return pixels, pi.metadata(pi.boxes((2 * then, 100, 2 * then + 63, 188)) if number % 2 == 0 else None, run_ms=45)


def read(source: Source) -> SourceFrame:
    for _ in range(100):
        try:
            frame = source.read()
        except NothingYet:
            continue
        assert frame is not None
        return frame
    raise AssertionError("no frame")


def shot(metadata: dict[str, Any], size: tuple[int, int] = (2028, 1520)) -> Shot:
    """What our camera makes of the metadata, by the library's own methods."""
    camera = object.__new__(Imx500)
    camera._chip, camera._fps, camera.size = chip(), 30.0, size
    return camera._shot(np.zeros((1, 1, 3), np.uint8), {"SensorTimestamp": 5, **metadata})


def chip() -> Any:
    """An IMX500 of the library as its constructor leaves it with the default region of interest."""
    made = object.__new__(library().IMX500)
    made._IMX500__cfg = {"input_tensor_size": (640, 640)}
    made.device_fd = None
    return made


# The library's own words.


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.floats(0, 640, width=32)] * 4), min_size=1, max_size=10))
def test_tensors_come_out_as_they_went_in(rows: list[tuple[float, float, float, float]]) -> None:
    """The chip's memory runs down the columns; read along the rows, boxes would be a mixture of all boxes."""
    tensors = pi.boxes(*rows)
    seen = shot(pi.metadata(tensors)).tensors
    assert seen is not None
    for got, made in zip(seen, tensors, strict=True):
        assert np.array_equal(got, made)


def test_keypoints_come_out_as_they_went_in() -> None:
    """Twelve numbers in a row."""
    corners = np.arange(120, dtype=np.float32).reshape(10, 12)
    seen = shot(pi.metadata([*pi.boxes(), corners])).tensors
    assert seen is not None
    assert what(seen) == "corners"
    assert np.array_equal(seen[3], corners)


def test_no_tensor_is_none() -> None:
    """Not an empty list: a frame without an answer must not end a track."""
    assert shot(pi.metadata(None)).tensors is None
    assert shot(pi.metadata(None)).run_ms is None


def test_the_time_that_the_network_takes() -> None:
    """Both parts of it, in milliseconds: they come in microseconds."""
    assert shot(pi.metadata(pi.boxes(), run_ms=58.8)).run_ms == pytest.approx(58.8)


@settings(deadline=None)
@given(
    st.tuples(*[st.integers(0, 640)] * 4).filter(lambda box: box[0] < box[2] and box[1] < box[3]),
    st.sampled_from([(2028, 1520), (1520, 1520)]),
)
def test_our_mapping_is_the_librarys(box: tuple[int, int, int, int], size: tuple[int, int]) -> None:
    """At the default region both agree to a pixel or two of rounding, where the box lies in the stream."""
    left, top, right, bottom = np.array(box) / 640
    view = centred(*size)
    metadata = {"ScalerCrop": tuple(round(side) for side in view.crop)}

    class Picam2:
        def camera_configuration(self) -> dict[str, Any]:
            return {"main": {"size": size}, "raw": {"size": (2028, 1520)}}

    theirs = chip().convert_inference_coords((top, left, bottom, right), metadata, Picam2())
    (x, y), (x2, y2) = view.to_stream(np.array([[left, top], [right, bottom]])) + 0.5
    ours = np.clip([x, x2], 0, size[0]), np.clip([y, y2], 0, size[1])
    if theirs[2] and theirs[3]:
        assert (theirs[0], theirs[0] + theirs[2]) == pytest.approx(tuple(ours[0]), abs=2.5)
        assert (theirs[1], theirs[1] + theirs[3]) == pytest.approx(tuple(ours[1]), abs=2.5)


def test_the_crop_is_the_one_that_the_camera_reports() -> None:
    """Should it ever be another than we think, the boxes follow it."""
    assert shot({"ScalerCrop": (508, 0, 3040, 3040)}, (1520, 1520)).view == centred(1520, 1520)
    assert shot({"ScalerCrop": (8, 4, 1000, 750)}).view == View((8, 4, 1000, 750), (2028, 1520))
    assert shot({}).view == centred(2028, 1520)


# Networks and their intrinsics.


def layout(path: Path, **options: Any) -> Any:
    """What our camera reads from a network, without opening it."""
    camera = object.__new__(Imx500)
    camera._library = library()
    camera._chip = camera._open_chip(path)
    return camera._layout(Imx500Config(rpk=str(path), **options))


def test_intrinsics_say_how_to_read_the_tensors(tmp_path: Path) -> None:
    """The archive at the end of the .rpk, unpacked by the library."""
    intrinsics = DETECTOR | {
        "score_threshold": 0.3,
        "classes": {"labels": ["-", "hand", "card"], "ignore_undefined": True},
    }
    read = layout(pi.network(tmp_path / "a.rpk", intrinsics, (416, 320)))
    assert (read.input_size, read.pixels, read.x_first, read.min_score) == ((416, 320), True, True, 0.3)
    assert read.classes == {1}, "the dash is no class"
    assert layout(tmp_path / "a.rpk", min_score=0.6).min_score == 0.6


def test_a_network_without_intrinsics(tmp_path: Path) -> None:
    """Then network_intrinsics is None, which has no attributes."""
    read = layout(pi.network(tmp_path / "a.rpk"))
    assert (read.pixels, read.x_first, read.min_score, read.classes) == (False, False, 0.5, None)


def test_intrinsics_from_a_file(tmp_path: Path) -> None:
    """For a network that was packed without, or with wrong ones."""
    path = pi.network(tmp_path / "a.rpk", DETECTOR | {"cpu": {"bbox_order": "yx"}})
    (tmp_path / "own.json").write_text(json.dumps(DETECTOR))
    read = layout(path, intrinsics=str(tmp_path / "own.json"))
    assert (read.pixels, read.x_first) == (True, True)


@pytest.mark.parametrize("text", ["{", '{"task": "cooking"}', '{"cpu": {"bbox_order": "zx"}}', None])
def test_intrinsics_that_are_wrong(tmp_path: Path, text: str | None) -> None:
    """One line that names the key and the file; the library's schema decides."""
    path = pi.network(tmp_path / "a.rpk")
    if text is not None:
        (tmp_path / "own.json").write_text(text)
    with pytest.raises(SourceError, match=r"^\[imx500\] intrinsics = .*own.json: [^\n]+$"):
        layout(path, intrinsics=str(tmp_path / "own.json"))


@pytest.mark.parametrize(
    ("intrinsics", "info", "message"),
    [
        ({"task": "classification"}, pi.INFO, "is a network for classification: it has to find objects or keypoints"),
        ({"classes": {"labels": ["hand", "cup"]}}, pi.INFO, r"^\[imx500\] label: the network's labels \(hand, cup\)"),
        ({"task": "cooking"}, pi.INFO, r"a.rpk is no network for the IMX500 \('cooking' is not one of"),
        (None, "nonsense", "a.rpk is no network for the IMX500"),
    ],
)
def test_networks_that_are_refused(tmp_path: Path, intrinsics: Any, info: str, message: str) -> None:
    """Before the minutes of its upload, not after."""
    with pytest.raises(SourceError, match=message):
        layout(pi.network(tmp_path / "a.rpk", intrinsics, info=info))


def test_a_file_that_is_no_network(tmp_path: Path) -> None:
    """The wrong file, or half of a download."""
    (tmp_path / "a.rpk").write_bytes(b"x" * 4000)
    with pytest.raises(SourceError, match=r"a.rpk (is no network for|does not say how large)[^\n]*imx500-package"):
        layout(tmp_path / "a.rpk")


# Things that are not there.


def test_no_network_is_named() -> None:
    """There is none that knows cards but one's own."""
    with pytest.raises(SourceError, match=r"needs a network: name its file, imx500:FILE.rpk or \[imx500\] rpk"):
        open_source(updated(Config(), "capture", source="imx500"), SystemClock())


def test_a_network_that_is_not_there(tmp_path: Path) -> None:
    """A typing error in the path."""
    with pytest.raises(SourceError, match=r"none.rpk: no such network"):
        open_source(config(tmp_path / "none.rpk"), SystemClock())


def test_no_camera(rpk: Path) -> None:
    """The commonest reasons and what to do, in one line."""
    with pi.unplugged(), pytest.raises(SourceError, match=r"^there is no IMX500: sudo apt install imx500-all, check"):
        open_source(config(rpk), SystemClock())


def test_a_camera_that_is_busy(rpk: Path) -> None:
    """rpicam-hello is still running in another window."""
    pi.CAMERA.failure = RuntimeError("Failed to acquire camera: Device or resource busy")
    try:
        with pytest.raises(SourceError, match=r"cannot be opened \(.*resource busy\): end what else uses the camera"):
            open_source(config(rpk), SystemClock())
    finally:
        pi.CAMERA.failure = None


@pytest.mark.parametrize(
    ("broken", "error", "message"),
    [
        (
            "picamera2",
            ModuleNotFoundError("No module named 'picamera2'", name="picamera2"),
            "needs picamera2, which is not",
        ),
        (
            "libcamera",
            ModuleNotFoundError("No module named 'libcamera'", name="libcamera"),
            "needs libcamera, which is not",
        ),
        ("numpy", ValueError("numpy.dtype size changed"), r"cannot be loaded \(ValueError: numpy.dtype size changed"),
        ("hailo", ImportError("libhailort.so.4.20.0: no such file"), "hailo_platform, which it imports, is broken"),
        ("hailo", RuntimeError("driver version mismatch of hailo"), "hailo_platform, which it imports, is broken"),
    ],
)
def test_a_library_that_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch, broken: str, error: Exception, message: str
) -> None:
    """A line with the package to install; above all where the accelerator's library breaks the camera's."""

    class Finder:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "picamera2":
                raise error

    for name in [name for name in sys.modules if name.split(".")[0] == "picamera2"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(SourceError, match=message) as raised:
        library()
    assert "\n" not in str(raised.value)


# Frames.


def test_frames_are_rgb_and_carry_the_boxes_of_their_own(opened: Callable[..., Source]) -> None:
    """The whole way through the library: formats, strides, requests, tensors; and two frames back in time."""
    source = opened()
    assert source.title == "IMX500 2028x1520 with cards.rpk: boxes, 2 frames late"
    read(source)  # before it, nothing was kept that an answer could go to
    for _ in range(8):
        frame = read(source)
        number = int(frame.pixels[0, 0, 0])
        assert (frame.pixels == (number, 90, BLUE)).all(), "red first"
        if number % 2:
            assert frame.detections is None
        else:
            assert frame.detections is not None
            assert frame.detections[0].quad[0, 0] == pytest.approx(2 * number / 640 * 2028 - 0.5, abs=0.01)


def test_the_square_stream(opened: Callable[..., Source]) -> None:
    """Asked for at its own size, so that the camera crops and not we."""

    def film(_number: int) -> Any:
        said = pi.metadata(pi.boxes((320, 100, 400, 300), (0, 100, 60, 300)))
        return np.zeros((1520, 1520, 3), np.uint8), said | {"ScalerCrop": (508, 0, 3040, 3040)}

    source = opened(film, stream="1520x1520", box_age=0)
    frame = next(frame for frame in iter(lambda: read(source), None) if frame.detections)
    assert frame.pixels.shape == (1520, 1520, 3)
    assert frame.detections is not None
    assert len(frame.detections) == 1, "the other one lies beyond its edge"
    assert frame.detections[0].quad[0] == pytest.approx((1014 - 254 - 0.5, 100 / 640 * 1520 - 0.5), abs=0.6)


def test_no_request_is_kept(opened: Callable[..., Source]) -> None:
    """Twelve buffers that are not given back are the last twelve frames."""
    source = opened()
    for _ in range(30):
        read(source)


def test_the_time_is_that_of_the_exposure(opened: Callable[..., Source]) -> None:
    """On the bus's own clock."""
    source, clock = opened(), SystemClock()
    frames = [read(source).t_ns for _ in range(5)]
    assert frames == sorted(frames)
    assert 0 < clock.now_ns() - frames[-1] < 2_000_000_000


def test_a_stalled_camera_is_opened_anew(opened: Callable[..., Source], monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's own stop and start, from another thread, while reading goes on."""
    source = opened(stall_s=0.1)
    read(source)
    begun, start = pi.CAMERA.starts, pi.CAMERA.start
    monkeypatch.setattr(pi.CAMERA, "start", lambda controls: (pi.CAMERA.stall.clear(), start(controls)))
    pi.CAMERA.stall.set()
    while pi.CAMERA.starts == begun:
        with contextlib.suppress(NothingYet):
            source.read()
    assert read(source).pixels[0, 0, 2] == BLUE
    assert pi.CAMERA.starts == begun + 1


def test_the_upload_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Minutes without a word look like a hang, and are ended by hand. Each step once."""
    monkeypatch.setattr("actors.sources.imx500._TELL_S", 0.0)
    blocks = iter(["1 0 10", "2 0 1000", "2 400 1000", "2 400 1000", "2 990 1000"])
    uploading = chip()
    uploading.fw_progress = 1
    uploading._fw_progress_read = lambda: next(blocks)
    with capture_logs() as said:
        _telling(uploading, os.getppid())
    assert [line["percent"] for line in said] == [0, 2, 42, 100]


def test_a_format_that_is_not_given_is_refused(opened: Callable[..., Source], monkeypatch: pytest.MonkeyPatch) -> None:
    """Blue cards are other cards."""
    monkeypatch.setattr(
        library().Picamera2, "camera_configuration", lambda _: {"main": {"size": (8, 6), "format": "XY"}}
    )
    with pytest.raises(SourceError, match=r"gives \(8, 6\) XY where \(2028, 1520\) BGR888 was asked for: update"):
        opened()
