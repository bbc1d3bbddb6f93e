"""The AI camera's network without the camera: what the chip would say of a picture, computed on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from actors.backends import MODELS
from actors.backends.detector import open_close_ups
from actors.backends.model_file import read_model
from actors.backends.session import open_session
from vision.detection import Detection
from vision.detector.pyramid import Pyramid
from vision.onchip import Layout
from vision.rectify import Image
from vision.sensor import SENSOR, centred

MODEL = MODELS / "imx500.onnx"
"""The bits of `models/imx500.zip`: deploy/imx500/README.md."""


class Chip:
    """Raises `catalog.embedding.ModelError` for a file that is no model."""

    def __init__(self, model: Path = MODEL) -> None:
        self._session: Any = open_session(model, read_model(model), 1, as_it_stands=True)
        _, height, width, _ = self._session.get_inputs()[0].shape
        self.input_size = (width, height)

    def tensors(self, sensor: Image) -> list[NDArray[np.float32]]:
        """Maps, shape and scale (`vision.detector.heads`) of a picture of the whole sensor, uint8 RGB [h, w, 3]."""
        seen = cv2.resize(sensor, self.input_size, interpolation=cv2.INTER_AREA)
        return [np.asarray(one[0], np.float32) for one in self._session.run(None, {"image": seen[None]})]


class ChipDetector:
    """Every card in a frame, as `capture` finds them with the chip's help: `ChipDetector()(frame)`."""

    def __init__(self, model: Path = MODEL, models: Path = MODELS) -> None:
        self._chip = Chip(model)
        self._close_ups = open_close_ups(models)
        self._layout = Layout(self._chip.input_size, pixels=False, x_first=True, min_score=0.5)

    def __call__(self, frame: Image) -> list[Detection]:
        """Of a frame uint8 RGB [h, w, 3] that shows the middle of what the sensor sees; the rest repeats its rim."""
        height, width = frame.shape[:2]
        view = centred(width, height)
        left, top, *_ = np.round(np.array(view.crop) * width / view.crop[2]).astype(int)
        rough = self._layout.detections(self._chip.tensors(_with_rim(frame, left, top)), view)
        return self._close_ups.near(Pyramid(frame), rough)


def _with_rim(frame: Image, left: int, top: int) -> Image:
    """The frame with so many pixels more on both sides, and above and below: the proportions of `SENSOR`."""
    assert abs((frame.shape[1] + 2 * left) / (frame.shape[0] + 2 * top) - SENSOR[0] / SENSOR[1]) < 0.01
    return np.asarray(cv2.copyMakeBorder(frame, top, top, left, left, cv2.BORDER_REPLICATE), np.uint8)
