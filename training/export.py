"""Writes the embedder's ONNX file from a run: `sleevesight train export RUN --out FILE`.

The averaged weights of the run's best state are taken, batch normalisation is folded, and the file is compared with
PyTorch before it replaces the one that was there.
"""

from __future__ import annotations

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


def export(network: Encoder, size: tuple[int, int], out: Path, tolerance: float = PARITY) -> None:
    """Write `network` (for pictures of `size`, h and w) as ONNX with a dynamic batch.

    Raises ExportError, and leaves what was there, when unit embeddings of noise differ by more than `tolerance`.
    """
    model = FromBytes(network).eval().cpu()
    fresh = out.with_suffix(".new")
    torch.onnx.export(
        model,
        (torch.zeros((1, *size, 3), dtype=torch.uint8),),
        str(fresh),
        input_names=["image"],
        output_names=["embedding"],
        dynamic_axes={"image": {0: "n"}, "embedding": {0: "n"}},
        opset_version=17,
        dynamo=False,
    )
    try:
        worst = max(difference(model, fresh, (count, *size, 3)) for count in (1, 5))
        if not worst <= tolerance:
            raise ExportError(f"{out}: the exported file differs from PyTorch by {worst:.2g}, more than {tolerance}")
    except BaseException:
        fresh.unlink()
        raise
    fresh.replace(out)


@torch.no_grad()
def difference(model: nn.Module, file: Path, shape: tuple[int, int, int, int]) -> float:
    """The largest difference in a number of a unit embedding between PyTorch and the file, on noise."""
    session = ort.InferenceSession(file.read_bytes(), providers=["CPUExecutionProvider"])
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    given = session.run(None, {"image": noise})[0]
    wanted = model(torch.from_numpy(noise)).numpy()
    return float(np.abs(_unit(given) - _unit(wanted)).max())


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
