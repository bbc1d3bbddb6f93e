"""The card detector's networks on ONNX Runtime."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actors.backends import MODELS
from actors.backends.model_file import read_model
from actors.backends.session import describe, open_session
from actors.sections import CaptureConfig
from catalog.embedding import ModelError
from vision.detect import CloseUps, Detector, DetectorSettings, Network, Networks
from vision.detector.canvas import LONGEST_PX
from vision.detector.closeup import HEIGHT, OUTPUTS, WIDTH
from vision.detector.decode import CHANNELS

FINDER, CLOSE_UP = "finder.onnx", "closeup.onnx"
_AT_ONCE = 3
"""Close-ups in one inference: more take no less time for each, and more memory."""
Shape = tuple[int | None, ...]


class OnnxNetwork:
    """An ONNX file of uint8 pictures in and float32 out. ModelError for a file that is missing, or another model.

    Shapes as the file must have them; None is any, decided at run time.
    """

    def __init__(self, path: Path, takes: Shape, gives: Shape, threads: int = 1) -> None:
        self._session = open_session(path, read_model(path), threads)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        wanted = [("tensor(uint8)", takes)], [("tensor(float)", gives)]
        if tuple([(one.type, _shape(one.shape)) for one in ports] for ports in (inputs, outputs)) != wanted:
            raise ModelError(
                f"detector {path} takes {describe(inputs)} and gives {describe(outputs)}; it has to take uint8 "
                f"{_text(takes)} and give float32 {_text(gives)}: export it with python -m training.detector.export"
            )
        self._input = inputs[0].name

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the network says of pictures uint8 RGB [n, h, w, 3]."""
        return np.asarray(self._session.run(None, {self._input: images})[0], np.float32)


def _shape(shape: list[int | str]) -> Shape:
    return tuple(side if isinstance(side, int) else None for side in shape)


def _text(shape: Shape) -> str:
    return "[" + ", ".join("any" if side is None else str(side) for side in shape) + "]"


def detector_folder(config: CaptureConfig) -> Path:
    """The folder of the detector's models in the configuration, or the one that ships."""
    return Path(config.detector).expanduser() if config.detector else MODELS


def open_detector(folder: Path = MODELS, settings: DetectorSettings | None = None, threads: int = 1) -> Detector:
    """The detector whose two models lie in a folder, warm: its first frame takes no longer than the next.

    Of two threads and more, one looks at the cards that were there while the others look for new ones.
    """
    find = OnnxNetwork(folder / FINDER, (1, None, None, 3), (1, CHANNELS, None, None), max(1, threads - 1))
    find(np.zeros((1, LONGEST_PX, LONGEST_PX, 3), np.uint8))
    networks = Networks(lambda canvas: find(canvas[None])[0], _open_look(folder))
    beside = ThreadPoolExecutor(1, thread_name_prefix="glance") if threads > 1 else None
    return Detector(networks, settings, beside)


def open_close_ups(folder: Path = MODELS) -> CloseUps:
    """The second half of it, warm: for boxes that a camera has found."""
    return CloseUps(_open_look(folder))


def _open_look(folder: Path) -> Network:
    look = OnnxNetwork(folder / CLOSE_UP, (None, HEIGHT, WIDTH, 3), (None, OUTPUTS))
    look(np.zeros((_AT_ONCE, HEIGHT, WIDTH, 3), np.uint8))

    def look_in_parts(cut: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.concatenate([look(cut[start : start + _AT_ONCE]) for start in range(0, len(cut), _AT_ONCE)])

    return look_in_parts
