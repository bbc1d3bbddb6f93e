"""The Raspberry Pi AI camera through picamera2, which is imported here and nowhere else (docs/imx500.md)."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import time
import traceback
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from actors.sections import Imx500Config
from actors.sources.base import Pixels, SourceError
from actors.sources.onchip import Shot
from bus.log import get_logger
from vision.onchip import Layout, LayoutError, card_classes
from vision.sensor import View, centred

_BUFFERS = 12
_MODE = (2028, 1520)
"""The sensor's mode at 30 frames a second; the other one, 4056 x 3040, gives 10."""
_RGB = "BGR888"
"""libcamera's name for what lies in memory as R, G, B."""
_DEFAULT_SCORE = 0.5
_INSTALL = "sudo apt install python3-picamera2 imx500-all, and an environment made with --system-site-packages"
_TELL_S = 2.0
_NETWORK_STAGE = 2
"""Of the uploads: loader, main firmware, network."""

log = get_logger("imx500")


class _Library(NamedTuple):
    IMX500: Any
    NetworkIntrinsics: Any
    Picamera2: Any
    MappedArray: Any


def library() -> _Library:
    """picamera2, or a SourceError that says what is missing or broken and what to do."""
    try:
        import picamera2  # noqa: PLC0415 - it starts threads, and the launcher forks
        from picamera2.devices import imx500  # noqa: PLC0415

        return _Library(imx500.IMX500, imx500.NetworkIntrinsics, picamera2.Picamera2, picamera2.MappedArray)
    except Exception as error:
        reason = f"{type(error).__name__}: {_line(error)}"
        if any("hailo" in Path(frame.filename).parts[-2:] for frame in _frames(error)) or "hailo" in str(error).lower():
            raise SourceError(
                f"picamera2 cannot be loaded, because hailo_platform, which it imports, is broken ({reason}): "
                "sudo apt install --reinstall hailo-all, or remove python3-hailort where there is no Hailo"
            ) from error
        if isinstance(error, ModuleNotFoundError):
            raise SourceError(f"the source imx500 needs {error.name}, which is not here: {_INSTALL}") from None
        raise SourceError(f"picamera2 cannot be loaded ({reason}): {_INSTALL}") from error


class Imx500:
    """The camera with a network on it, open and running."""

    def __init__(self, config: Imx500Config, fps: float) -> None:
        rpk = Path(config.rpk).expanduser()
        if not config.rpk:
            raise SourceError(
                "the IMX500 needs a network: name its file, imx500:FILE.rpk or [imx500] rpk "
                "(imx500-package makes one of models/imx500.zip)"
            )
        if not rpk.is_file():
            raise SourceError(f"{rpk}: no such network for the IMX500 (imx500-all installs /usr/share/imx500-models)")
        self._library = library()
        self._fps = fps
        self.size: tuple[int, int] = (1520, 1520) if config.stream == "1520x1520" else _MODE
        self.title = f"IMX500 {config.stream} with {rpk.name}"
        self._chip = self._open_chip(rpk)
        self.layout = self._layout(config)
        self._picam2 = self._open_camera()
        self._job: Any = None
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def shoot(self, into: Pixels, timeout_s: float) -> Shot:
        """The next frame, copied; TimeoutError if there is none yet: what was asked for stays asked for."""
        self._job = self._job or self._picam2.capture_request(wait=False)
        request = self._picam2.wait(self._job, timeout_s)
        self._job = None
        try:
            metadata = request.get_metadata()
            with self._library.MappedArray(request, "main", write=False) as mapped:
                np.copyto(into, mapped.array)
        finally:
            request.release()
        return self._shot(into, metadata)

    def close(self) -> None:
        """Stop and release the camera."""
        self._picam2.cancel_all_and_flush()
        self._picam2.close()

    def _shot(self, pixels: Pixels, metadata: dict[str, Any]) -> Shot:
        runs = self._chip.get_kpi_info(metadata)
        crop = metadata.get("ScalerCrop")
        return Shot(
            pixels=pixels,
            t_ns=int(metadata["SensorTimestamp"]),
            frame_ns=metadata["FrameDuration"] * 1e3 if metadata.get("FrameDuration") else 1e9 / self._fps,
            view=View(tuple(map(float, crop)), self.size) if crop else centred(*self.size),  # type: ignore[arg-type]
            tensors=self._chip.get_outputs(metadata),
            run_ms=sum(runs) if runs else None,
        )

    def _open_chip(self, rpk: Path) -> Any:
        """The network, handed to the driver; before the camera is opened, as the driver wants it."""
        try:
            return self._library.IMX500(str(rpk))
        except PermissionError as error:
            raise SourceError(f"no access to {error.filename}: sudo adduser $USER video, and log in again") from None
        except (RuntimeError, StopIteration) as error:
            if "dev-node" in str(error) or isinstance(error, StopIteration):
                raise SourceError(
                    "there is no IMX500: sudo apt install imx500-all, check the cable, camera_auto_detect=1 in "
                    "/boot/firmware/config.txt, reboot, and see rpicam-hello --list-cameras"
                ) from None
            raise SourceError(_line(error)) from None
        except Exception as error:
            raise SourceError(
                f"{rpk} is no network for the IMX500 ({_line(error)}): pack it with imx500-package"
            ) from error

    def _layout(self, config: Imx500Config) -> Layout:
        """How the network's intrinsics, its own or those of the configuration, say that its tensors are to be read."""
        intrinsics = self._chip.network_intrinsics
        if config.intrinsics:
            try:
                intrinsics = self._library.NetworkIntrinsics(
                    json.loads(Path(config.intrinsics).expanduser().read_text())
                )
            except Exception as error:
                raise SourceError(f"[imx500] intrinsics = {config.intrinsics}: {_line(error)}") from None
        intrinsics = intrinsics or self._library.NetworkIntrinsics()
        if intrinsics.task not in (None, "object detection", "pose estimation"):
            raise SourceError(f"{config.rpk} is a network for {intrinsics.task}: it has to find objects or keypoints")
        if intrinsics.preserve_aspect_ratio:
            log.warning("the network asks for square pixels; it is shown the whole sensor, squashed")
        labels = intrinsics.labels
        if labels and intrinsics.ignore_dash_labels:
            labels = [label for label in labels if label and label != "-"]
        own_score = (intrinsics.intrinsics or {}).get("score_threshold", _DEFAULT_SCORE)
        try:
            input_size = self._chip.get_input_size()
            classes = card_classes(labels, config.label)
        except KeyError:
            raise SourceError(
                f"{config.rpk} does not say how large its input is: pack it with imx500-package"
            ) from None
        except LayoutError as error:
            raise SourceError(f"[imx500] label: {error}") from None
        return Layout(
            input_size=input_size,
            pixels=bool(intrinsics.bbox_normalization),
            x_first=intrinsics.bbox_order == "xy",
            min_score=config.min_score or float(own_score),
            classes=classes,
        )

    def _open_camera(self) -> Any:
        try:
            return self._library.Picamera2(self._chip.camera_num)
        except (RuntimeError, IndexError) as error:
            raise SourceError(
                f"the IMX500 cannot be opened ({_line(error.__cause__ or error)}): end what else uses the camera"
            ) from error

    def _start(self) -> None:
        """Configure and start. The first start uploads the network, which takes minutes and holds the interpreter."""
        picam2 = self._picam2
        wanted = {"size": self.size, "format": _RGB}
        picam2.configure(
            picam2.create_video_configuration(
                main=dict(wanted),
                raw={"size": _MODE},
                buffer_count=_BUFFERS,
                controls={"FrameRate": self._fps},
            )
        )
        given = picam2.camera_configuration()["main"]
        if any(given[key] != value for key, value in wanted.items()):
            raise SourceError(
                f"the camera gives {given['size']} {given['format']} where {self.size} {_RGB} was asked for: "
                "update picamera2 and libcamera, or choose another [imx500] stream"
            )
        log.info("starting; the first upload of a network takes minutes", camera=self.title)
        teller = _tell_progress(self._chip)
        begun = time.monotonic()
        try:
            picam2.start(show_preview=False)
        except Exception as error:
            raise SourceError(
                f"the IMX500 cannot be started ({_line(error)}): end what else uses it, or reboot"
            ) from error
        finally:
            teller.kill()
            teller.join()
        log.info("started", seconds=round(time.monotonic() - begun, 1))


def _tell_progress(chip: Any) -> BaseProcess:
    """Log how far the upload is, from a process of its own: libcamera's start does not let go of the interpreter."""
    process = multiprocessing.get_context("fork").Process(target=_telling, args=(chip, os.getpid()), daemon=True)
    process.start()
    return process


def _telling(chip: Any, parent: int) -> None:
    told = -1
    while os.getppid() == parent:
        try:
            done, total = chip.get_fw_upload_progress(_NETWORK_STAGE)
        except Exception:  # without debugfs or the right to read it: the log says that it started, and when it has
            return
        percent = math.floor(100 * done / total) if total else 0
        if percent != told:
            told = percent
            log.info("uploading the network", percent=percent, bytes=done)
        time.sleep(_TELL_S)


def _line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    return list(traceback.extract_tb(error.__traceback__))
