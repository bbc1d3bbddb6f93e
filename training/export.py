"""Writes ONNX files: batch normalisation is folded, and a file is compared with PyTorch before it replaces another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.encoder import Encoder

PARITY = 1e-4
"""By how much a number of a unit embedding may differ from PyTorch's."""


class ExportError(RuntimeError):
    """A file that would not do what the network does."""


class FromBytes(nn.Module):
    """A network for RGB of 0..1 [n, 3, h, w] behind the contract of a model file: uint8 RGB [n, h, w, 3]."""

    def __init__(self, network: Encoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """[n, h, w, 3] to [n, dim], not normalised."""
        embedded: Tensor = self.network(image.permute(0, 3, 1, 2).float() / 255)
        return embedded


@dataclass(frozen=True, slots=True)
class Form:
    """What a file looks like from outside, and how it is tried.

    `axes` are the open ones of its input "image" and its output; `tried` the shapes of noise that it is compared with
    PyTorch on; `tolerance` by how much a number may differ, of unit vectors where `unit`.
    """

    output: str
    axes: dict[str, dict[int, str]]
    tried: tuple[tuple[int, int, int, int], ...]
    tolerance: float
    unit: bool = False


def export(network: Encoder, size: tuple[int, int], out: Path, tolerance: float = PARITY) -> None:
    """Write an embedder (for pictures of `size`, h and w) as ONNX with a dynamic batch; errors as of `write`."""
    write(FromBytes(network).eval().cpu(), embedder_form(size, tolerance), out)


def embedder_form(size: tuple[int, int], tolerance: float = PARITY) -> Form:
    """An embedder's file, as `catalog.embedding` wants it."""
    batch = {"image": {0: "n"}, "embedding": {0: "n"}}
    return Form("embedding", batch, ((1, *size, 3), (5, *size, 3)), tolerance, unit=True)


def write(model: nn.Module, form: Form, out: Path) -> None:
    """Write a model for uint8 pictures [n, h, w, 3] as ONNX.

    Raises ExportError, and leaves what was there, when the file and PyTorch differ by more than the form allows.
    """
    fresh = out.with_suffix(".new")
    try:
        torch.onnx.export(
            model,
            (torch.zeros(form.tried[0], dtype=torch.uint8),),
            str(fresh),
            input_names=["image"],
            output_names=[form.output],
            dynamic_axes=form.axes,
            opset_version=17,
            dynamo=False,
        )
        worst = max(_difference(model, fresh, shape, form.unit) for shape in form.tried)
        if not worst <= form.tolerance:
            raise ExportError(
                f"{out}: the exported file differs from PyTorch by {worst:.2g}, more than {form.tolerance}"
            )
        fresh.replace(out)
    finally:
        fresh.unlink(missing_ok=True)


@torch.no_grad()
def _difference(model: nn.Module, file: Path, shape: tuple[int, int, int, int], unit: bool) -> float:
    """The largest difference in a number between PyTorch and the file, on noise."""
    session = ort.InferenceSession(file.read_bytes(), providers=["CPUExecutionProvider"])
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    given, wanted = session.run(None, {"image": noise})[0], model(torch.from_numpy(noise)).numpy()
    return float(np.abs(_unit(given) - _unit(wanted) if unit else given - wanted).max())


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
