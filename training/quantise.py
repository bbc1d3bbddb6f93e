"""A model file with 8-bit weights and activations: a third of the size and, on most CPUs, half of the time.

`sleevesight train export RUN --out FILE --int8`. Whether it may take the place of the full one is for
`sleevesight bench gate` to say.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

CROPS = 256
"""Crops by which the range of every activation is measured."""
_AT_A_TIME = 8
_TYPES = ["Conv", "Add", "Relu", "AveragePool"]
"""The last, flattened layer keeps its digits: it is a fiftieth of the work and all of the answer."""


def quantise(model: Path, crops: NDArray[np.uint8], out: Path) -> None:
    """Write `model`, calibrated with `crops` uint8 RGB [n, h, w, 3], to `out` with 8 bits.

    Weights use 7 of them: CPUs without VNNI add pairs of products in 16 bits, which 8 would overflow (ONNX Runtime's
    guide to quantisation, "reduce_range").
    """
    fresh = out.with_suffix(".new")
    with tempfile.TemporaryDirectory() as folder:
        folded = Path(folder) / "folded.onnx"
        quant_pre_process(str(model), str(folded))
        (name,) = (one.name for one in onnx.load(folded).graph.input)
        quantize_static(
            str(folded),
            str(fresh),
            _Crops(name, crops),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=_TYPES,
        )
    fresh.replace(out)


class _Crops(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, name: str, crops: NDArray[np.uint8]) -> None:
        self._batches: Iterator[dict[str, Any]] = (
            {name: crops[start : start + _AT_A_TIME]} for start in range(0, len(crops), _AT_A_TIME)
        )

    def get_next(self) -> dict[str, Any] | None:
        return next(self._batches, None)
