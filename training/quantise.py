"""A model file with 8-bit weights and activations: a third of the size and, on most CPUs, half of the time.

`sleevesight train export RUN --out FILE --int8`, and the same option of `python -m training.detector.export`. Whether
it may take the place of the full one is for `sleevesight bench gate` and `bench.detection` to say.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn

from training.export import Form, write

_HEAVY = {"Conv", "Gemm", "MatMul"}
_TYPES = ["Conv", "Add", "Relu", "AveragePool", "Resize", "Concat", "Gemm"]


def export_small(model: nn.Module, form: Form, batches: Iterable[NDArray[np.uint8]], out: Path) -> None:
    """Write a PyTorch model with 8 bits; what was at `out` stays until that is done. Errors as of `export.write`."""
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "full.onnx"
        write(model, form, full)
        quantise(full, batches, out)


def quantise(model: Path, batches: Iterable[NDArray[np.uint8]], out: Path) -> None:
    """Write `model`, calibrated with `batches` of its one input, to `out` with 8 bits.

    The last layers keep their digits: they are little of the work and all of the answer. Weights use 7 bits: CPUs
    without VNNI add pairs of products in 16 bits, which 8 would overflow (ONNX Runtime's guide to quantisation,
    "reduce_range").
    """
    fresh = out.with_suffix(".new")
    with tempfile.TemporaryDirectory() as folder:
        folded = Path(folder) / "folded.onnx"
        quant_pre_process(str(model), str(folded), skip_symbolic_shape=True)
        graph = onnx.load(folded).graph
        quantize_static(
            str(folded),
            str(fresh),
            _Batches(graph.input[0].name, batches),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=_TYPES,
            nodes_to_exclude=_last(graph),
        )
    straight(fresh)
    fresh.replace(out)


def straight(path: Path) -> None:
    """Let the first layer of an 8-bit model read the picture's bytes, where its 8 bits are these very bytes.

    Normalised to floats and rounded back, 0..255 come out as they went in if the ranges were measured on pictures that
    are black and white somewhere; the way there and back took a third of the embedder's time. Otherwise it stays.
    """
    model = onnx.load(path)
    graph = model.graph
    way = _to_first_bytes(graph)
    if not _changes_nothing(way[1:], {one.name: numpy_helper.to_array(one) for one in graph.initializer}):
        return
    before, after = way[-1].output[0], way[0].output[0]
    for node in way[1:]:
        graph.node.remove(node)
    for node in graph.node:
        node.input[:] = [after if name == before else name for name in node.input]
    used = {name for node in graph.node for name in node.input}
    for unused in [one for one in graph.initializer if one.name not in used]:
        graph.initializer.remove(unused)
    onnx.save(model, path)


_NORMALISING: dict[str, Callable[..., NDArray[Any]]] = {"Cast": lambda x: x, "Sub": np.subtract, "Div": np.divide}


def _changes_nothing(way: list[onnx.NodeProto], known: dict[str, NDArray[Any]]) -> bool:
    """Whether every byte is what it was after a normalisation that ends in 8 bits."""
    levels = np.arange(256, dtype=np.float32)
    for node in way[:-1]:
        constants = [known[name] for name in node.input if name in known]
        if node.op_type not in _NORMALISING or any(np.ptp(constant) for constant in constants):
            return False
        levels = _NORMALISING[node.op_type](levels, *(constant.ravel()[0] for constant in constants))
    scale, zero = (known[name] for name in way[-1].input[1:3])
    return bool(np.array_equal(np.rint(levels / scale) + zero, np.arange(256)))


def _to_first_bytes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes from the one that takes the picture to the first that makes 8 bits of it; each feeds the next alone."""
    way: list[onnx.NodeProto] = []
    at = graph.input[0].name
    while not way or way[-1].op_type != "QuantizeLinear":
        (node,) = (one for one in graph.node if at in one.input)
        way.append(node)
        at = node.output[0]
    return way


def _last(graph: onnx.GraphProto) -> list[str]:
    """The nodes between the outputs and the last layers with weights, these among them."""
    makers = {output: node for node in graph.node for output in node.output}
    found: dict[str, None] = {}
    waiting = [one.name for one in graph.output]
    while waiting:
        node = makers.get(waiting.pop())
        if node is not None and node.name not in found:
            found[node.name] = None
            waiting += [] if node.op_type in _HEAVY else list(node.input)
    return list(found)


class _Batches(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, name: str, batches: Iterable[NDArray[np.uint8]]) -> None:
        self._fed = ({name: batch} for batch in batches)

    def get_next(self) -> dict[str, Any] | None:
        return next(self._fed, None)
