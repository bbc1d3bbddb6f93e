"""What the Hailo Dataflow Compiler is given: ONNX of one picture without normalisation, real-looking crops, a script.

    sleevesight train hailo models/embedder_hailo.onnx --out FOLDER

writes embedder.onnx (float32 [1, 3, h, w], normalised on the chip), calibration.npy (uint8 RGB [n, h, w, 3]) and
embedder.alls. The crops show the cards that were given: they are for the compiler and not for passing on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.utils import Extractor
from torch import Generator, Tensor

from catalog.pictures import find_pictures
from training.augment.pipeline import Augmentation
from training.config import ConfigError
from training.data.generated import generated
from training.data.pictures import read_small
from training.encoder import Normalisation
from training.export import PARITY, ExportError, picture_size

NETWORK, CALIBRATION, SCRIPT = "embedder.onnx", "calibration.npy", "embedder.alls"
FEWEST = 1024
"""Crops below which the compiler lowers its optimisation level."""
_AT_A_TIME = 64


def prepare(model: Path, shown: NDArray[np.uint8], out: Path) -> None:
    """Write the three files for an embedder's ONNX file into `out`; `shown`: crops, uint8 RGB [n, h, w, 3].

    Raises ConfigError for fewer crops than the compiler needs and for a file with 8 bits, and ExportError when what is
    written would not say what the file says.
    """
    if len(shown) < FEWEST:
        raise ConfigError(f"the compiler needs {FEWEST} crops or more, not {len(shown)}")
    whole = onnx.load(model)
    if any(node.op_type == "DequantizeLinear" for node in whole.graph.node):
        raise ConfigError(f"{model} has 8 bits already: give the file that was exported with 32 or 16")
    network, normalisation = split(whole, picture_size(model))
    _compare(whole, network, normalisation, shown[:8], model)
    out.mkdir(parents=True, exist_ok=True)
    onnx.save(network, out / NETWORK)
    np.save(out / CALIBRATION, shown)
    residual = any(node.op_type == "Add" for node in network.graph.node)
    (out / SCRIPT).write_text(script(normalisation, residual), encoding="utf-8")


def split(whole: onnx.ModelProto, size: tuple[int, int]) -> tuple[onnx.ModelProto, Normalisation]:
    """An embedder without what comes before its first convolution, for one picture of `size`, and what that does.

    What comes before is the normalisation, whatever its nodes are called: it is read off what it makes of black and of
    white.
    """
    graph = whole.graph
    cut = next(node for node in graph.node if node.op_type == "Conv").input[0]
    extractor = Extractor(onnx.shape_inference.infer_shapes(whole))
    before = extractor.extract_model([graph.input[0].name], [cut])
    black, white = (_run(before, np.full((1, *size, 3), value, np.uint8))[0, :, 0, 0] for value in (0, 255))
    std = 1 / (white - black)
    normalisation = Normalisation(_three(-black * std), _three(std))

    network = extractor.extract_model([cut], [graph.output[0].name])
    _widen(network.graph)
    for port, name, shape in (
        (network.graph.input[0], "image", (1, 3, *size)),
        (network.graph.output[0], "embedding", None),
    ):
        for node in network.graph.node:
            node.input[:] = [name if one == port.name else one for one in node.input]
            node.output[:] = [name if one == port.name else one for one in node.output]
        port.name = name
        axes = port.type.tensor_type.shape.dim
        for axis, side in zip(axes, shape or (1, axes[1].dim_value), strict=True):
            axis.dim_value = side
    del network.graph.value_info[:]  # says that the batch is open
    return onnx.shape_inference.infer_shapes(network), normalisation


def cards_below(folder: Path | None, size: tuple[int, int], count: int = FEWEST) -> Tensor:
    """Pictures uint8 [n, 3, h, w]: up to `count` of those below a folder, spread over all of it, or generated ones.

    MetadataError or DataError for a folder without pictures and for one that cannot be read.
    """
    if folder is None:
        return generated(count, size).images
    files = find_pictures(folder).files
    spread = sorted({round(at) for at in np.linspace(0, len(files) - 1, count)})
    return torch.from_numpy(np.stack([read_small(files[at], size) for at in spread]))


def crops(cards: Tensor, augmentation: Augmentation, count: int) -> NDArray[np.uint8]:
    """Pictures uint8 [n, 3, h, w] as the camera shows them, uint8 RGB [count, h, w, 3], raw: what the chip is given."""
    generator = Generator().manual_seed(0)
    rows = torch.randint(len(cards), (count,), generator=generator)
    made = [
        augmentation(cards[part].float() / 255, generator).mul(255).round().byte().permute(0, 2, 3, 1)
        for part in torch.split(rows, _AT_A_TIME)
    ]
    return np.asarray(torch.cat(made).contiguous().numpy(), np.uint8)


def script(normalisation: Normalisation, residual: bool) -> str:
    """The model script: normalisation on the chip, and 16 bits where 8 lose most."""
    mean, std = ([round(255 * value, 3) for value in values] for values in normalisation)
    lines = [
        f"normalization1 = normalization({mean}, {std})",
        "model_optimization_config(calibration, batch_size=8, calibset_size=1024)",
        "model_optimization_flavor(optimization_level=2, compression_level=0)",
    ]
    if residual:
        lines.append("quantization_param({ew_add*}, precision_mode=a16_w16)")
    return "\n".join(lines) + "\n"


def _three(values: NDArray[np.floating[Any]]) -> tuple[float, float, float]:
    red, green, blue = (round(float(value), 6) for value in values)
    return red, green, blue


def _widen(graph: onnx.GraphProto) -> None:
    """Weights that are stored with 16 bits, with 32: the compiler quantises them itself."""
    casts = {node.input[0]: node for node in graph.node if node.op_type == "Cast"}
    for weight in graph.initializer:
        if weight.data_type == onnx.TensorProto.FLOAT16:
            node = casts[weight.name]
            wide = numpy_helper.to_array(weight).astype(np.float32)
            weight.CopyFrom(numpy_helper.from_array(wide, node.output[0]))
            graph.node.remove(node)


def _compare(
    whole: onnx.ModelProto,
    network: onnx.ModelProto,
    normalisation: Normalisation,
    shown: NDArray[np.uint8],
    model: Path,
) -> None:
    mean, std = (np.array(values, np.float32)[:, None, None] for values in normalisation)
    for crop in shown:
        wanted = _run(whole, crop[None])
        given = _run(network, ((crop.transpose(2, 0, 1) / np.float32(255) - mean) / std)[None])
        worst = float(np.abs(given - wanted).max() / np.linalg.norm(wanted))
        if not worst <= PARITY:
            raise ExportError(f"{model} without its normalisation differs by {worst:.2g}, more than {PARITY}")


def _run(model: onnx.ModelProto, images: NDArray[np.generic]) -> NDArray[np.float32]:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: images})[0], np.float32)
