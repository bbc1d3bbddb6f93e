"""A model file with 8-bit weights and activations: a third of the size and, on most CPUs, half of the time.

`sleevesight train export RUN --out FILE --int8`, and the same option of `python -m training.detector.export`. Whether
it may take the place of the full one is for `sleevesight bench gate` and `bench.detection` to say.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
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
    fresh.replace(out)


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
