"""What the Hailo Dataflow Compiler is given: ONNX of one picture without normalisation, real-looking crops, a script.

    sleevesight train hailo RUN --out FOLDER

writes embedder.onnx (float32 [1, 3, h, w], normalised on the chip), calibration.npy (uint8 RGB [n, h, w, 3]) and
embedder.alls. The crops show the cards that the run has learnt from: they are for the compiler and not for passing on.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from training.augment.pipeline import Augmentation
from training.config import ConfigError
from training.data.pictures import Pictures
from training.encoder import Encoder

NETWORK, CALIBRATION, SCRIPT = "embedder.onnx", "calibration.npy", "embedder.alls"
FEWEST = 1024
"""Crops below which the compiler lowers its optimisation level."""
_AT_A_TIME = 64


class _Encode(nn.Module):
    def __init__(self, network: Encoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network.encode(images)


def prepare(
    network: Encoder,
    size: tuple[int, int],
    cards: Pictures,
    augmentation: Augmentation,
    out: Path,
    *,
    count: int = FEWEST,
) -> None:
    """Write the three files into `out`. ConfigError for fewer crops than the compiler needs."""
    if count < FEWEST:
        raise ConfigError(f"--count: the compiler needs {FEWEST} crops or more, not {count}")
    out.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        _Encode(network).eval(),
        (torch.zeros(1, 3, *size),),
        str(out / NETWORK),
        input_names=["image"],
        output_names=["embedding"],
        opset_version=13,
        dynamo=False,
    )
    kinds = {node.op_type for node in onnx.load(out / NETWORK).graph.node}
    np.save(out / CALIBRATION, crops(cards, augmentation, count))
    (out / SCRIPT).write_text(script(network, residual="Add" in kinds), encoding="utf-8")


def crops(cards: Pictures, augmentation: Augmentation, count: int) -> NDArray[np.uint8]:
    """Cards as the camera shows them, uint8 RGB [count, h, w, 3], raw: what the chip will be given."""
    generator = Generator().manual_seed(0)
    rows = torch.randint(len(cards), (count,), generator=generator)
    made = [
        augmentation(cards.images[part].float() / 255, generator).mul(255).round().byte().permute(0, 2, 3, 1)
        for part in torch.split(rows, _AT_A_TIME)
    ]
    return np.asarray(torch.cat(made).contiguous().numpy(), np.uint8)


def script(network: Encoder, residual: bool) -> str:
    """The model script: normalisation on the chip, and 16 bits where 8 lose most."""
    mean, std = ([round(255 * value, 3) for value in values] for values in network.normalisation)
    lines = [
        f"normalization1 = normalization({mean}, {std})",
        "model_optimization_config(calibration, batch_size=8, calibset_size=1024)",
        "model_optimization_flavor(optimization_level=2, compression_level=0)",
    ]
    if residual:
        lines.append("quantization_param({ew_add*}, precision_mode=a16_w16)")
    return "\n".join(lines) + "\n"
