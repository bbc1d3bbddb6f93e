"""Writes ONNX files: batch normalisation is folded, and a file is compared with PyTorch before it replaces another."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_linear_bn_eval

from training.encoder import Encoder
from training.half import halve

PARITY = 1e-4
"""By how much a number of a unit embedding may differ from PyTorch's."""
PARITY_HALF = 2e-3
"""The same for weights with 16 bits, of which 11 are digits."""


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


def embedder_form(size: tuple[int, int], *, half: bool = False) -> Form:
    """The file of an embedder for pictures of `size` (h, w), with a dynamic batch, as `catalog.embedding` wants it."""
    batch = {"image": {0: "n"}, "embedding": {0: "n"}}
    return Form("embedding", batch, ((1, *size, 3), (5, *size, 3)), PARITY_HALF if half else PARITY, unit=True)


def write(model: nn.Module, form: Form, out: Path, *, half: bool = False) -> None:
    """Write a model for uint8 pictures [n, h, w, 3] as ONNX, its weights stored with 16 bits if wanted.

    Raises ExportError, and leaves what was there, when the file and PyTorch differ by more than the form allows.
    """
    fresh = out.with_suffix(".new")
    model = folded(model.eval().cpu())
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
        if half:
            halve(fresh)
        worst = max(_difference(model, fresh, shape, form.unit) for shape in form.tried)
        if not worst <= form.tolerance:
            raise ExportError(
                f"{out}: the exported file differs from PyTorch by {worst:.2g}, more than {form.tolerance}"
            )
        fresh.replace(out)
    finally:
        fresh.unlink(missing_ok=True)


def folded(model: nn.Module) -> nn.Module:
    """A copy in which batch normalisations behind matrices are part of these.

    The exporter does it behind convolutions alone, and accelerators have no normalisation of plain vectors.
    """
    model = copy.deepcopy(model)
    for chain in [module for module in model.modules() if isinstance(module, nn.Sequential)]:
        for number in reversed(range(len(chain) - 1)):
            linear, norm = chain[number], chain[number + 1]
            if isinstance(linear, nn.Linear) and isinstance(norm, nn.BatchNorm1d):
                chain[number] = fuse_linear_bn_eval(linear, norm)
                del chain[number + 1]
    return model


@torch.no_grad()
def _difference(model: nn.Module, file: Path, shape: tuple[int, int, int, int], unit: bool) -> float:
    """The largest difference in a number between PyTorch and the file, on noise."""
    session = ort.InferenceSession(file.read_bytes(), providers=["CPUExecutionProvider"])
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    given, wanted = session.run(None, {"image": noise})[0], model(torch.from_numpy(noise)).numpy()
    return float(np.abs(_unit(given) - _unit(wanted) if unit else given - wanted).max())


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def picture_size(file: Path) -> tuple[int, int]:
    """Height and width of the pictures that an exported embedder takes. ExportError for another file."""
    try:
        takes = onnx.load(file, load_external_data=False).graph.input[0].type.tensor_type
    except (OSError, DecodeError, IndexError) as error:
        raise ExportError(f"{file} is no ONNX file of an embedder ({error})") from error
    sides = [axis.dim_value for axis in takes.shape.dim]
    if takes.elem_type != onnx.TensorProto.UINT8 or len(sides) != 4 or sides[3] != 3 or not all(sides[1:3]):
        raise ExportError(f"{file} does not take uint8 pictures [n, h, w, 3]: it was not written by `train export`")
    return sides[1], sides[2]
