"""A model file whose weights are stored with 16 bits: half of the size; the engine widens them when it loads them.

`sleevesight train export RUN --out FILE --precision float16`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

_FEW = 256
"""Numbers below which a tensor is not worth it: biases and the like."""


def halve(file: Path) -> None:
    """Store the large weights of an ONNX file with 16 bits, each behind a cast to the 32 that are computed with."""
    model = onnx.load(file)
    graph = model.graph
    casts = []
    for weight in graph.initializer:
        wide = numpy_helper.to_array(weight)
        if wide.dtype == np.float32 and wide.size >= _FEW:
            name = f"{weight.name}.16"
            casts.append(helper.make_node("Cast", [name], [weight.name], to=onnx.TensorProto.FLOAT))
            weight.CopyFrom(numpy_helper.from_array(wide.astype(np.float16), name))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*casts, *nodes])
    onnx.save(model, file)
