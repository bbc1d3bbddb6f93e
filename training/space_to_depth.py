"""A model file whose first convolution is handed four neighbouring pixels as one: the same numbers, sooner.

ONNX Runtime's 8-bit convolution gathers its input tap by tap, and a pixel is three bytes: a quarter of the finder's
time went into copying these. Four pixels of a row are one of twelve bytes without being moved, and the layer then gives
two neighbouring outputs as one of twice as many channels: "space to depth" (TResNet, Ridnik et al. 2020), along rows.

`python -m training.space_to_depth FILE...` does it to files that are there; the detector's export to its own.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from training.export import ExportError

PIXELS = 4
"""As one. With two nothing is won, with eight the products with zero take what the copies save."""
_TRIED = (64, 128)
"""Height and width of the noise that both are tried on, where the file leaves them open."""


def rewrite(path: Path) -> None:
    """Rewrite a file of an 8-bit model for pictures uint8 [n, h, w, 3], whose width then has to be a multiple of 4.

    Raises ExportError, and leaves the file as it is, if its first layer is none of RGB with stride 2, or if the new one
    answered otherwise in a single bit.
    """
    fresh = path.with_suffix(".new")
    try:
        model = onnx.load(path)
        _rewrite(model)
        onnx.save(model, fresh)
        shape = _shape(model.graph)
        noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        if not np.array_equal(_answer(path, noise), _answer(fresh, noise)):
            raise ValueError("it would answer otherwise")
        fresh.replace(path)
    except (OSError, DecodeError, ValueError, LookupError) as error:
        raise ExportError(f"{path}: its first layer cannot be handed four pixels as one ({error})") from error
    finally:
        fresh.unlink(missing_ok=True)


def _rewrite(model: onnx.ModelProto) -> None:
    graph = model.graph
    constants = {one.name: one for one in graph.initializer}
    feeds = {name: node for node in graph.node for name in node.input}
    makers = {name: node for node in graph.node for name in node.output}
    planes = feeds[graph.input[0].name]
    conv = feeds[feeds[planes.output[0]].output[0]]
    if (planes.op_type, conv.op_type) != ("Transpose", "Conv"):
        raise ValueError(f"it begins with {planes.op_type} and {conv.op_type}, not with 8-bit pixels and a convolution")
    weights, bias = makers[conv.input[1]], makers[conv.input[2]]
    kernel = numpy_helper.to_array(constants[weights.input[0]])
    options = {one.name: helper.get_attribute_value(one) for one in conv.attribute}
    if kernel.shape[1:] != (3, 3, 3) or options["strides"] != [2, 2] or options["pads"] != [1, 1, 1, 1]:
        raise ValueError(f"a kernel {list(kernel.shape)}, strides {options['strides']}, pads {options['pads']}")

    _set(constants, weights.input[0], wide(kernel))
    for name in (*weights.input[1:], *bias.input):
        values = numpy_helper.to_array(constants[name])
        if values.shape == kernel.shape[:1]:
            _set(constants, name, np.tile(values, PIXELS // 2))
    options |= {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 1, 1, 0]}
    del conv.attribute[:]
    conv.attribute.extend(helper.make_attribute(name, value) for name, value in options.items())

    activation = feeds[conv.output[0]]
    rounding = feeds[activation.output[0]] if activation.op_type == "Relu" else activation
    if rounding.op_type != "QuantizeLinear":
        raise ValueError(f"{rounding.op_type} follows it, not 8 bits")
    after = rounding.output[0]
    rounding.output[0] = f"{after}/wide"
    planes.input[0] = "image/wide"
    _insert(graph, 0, _reshaped(graph, graph.input[0].name, "image/wide", 3 * PIXELS))
    apart = [
        helper.make_node("Transpose", [f"{after}/wide"], [f"{after}/rows"], perm=[0, 2, 3, 1]),
        _reshaped(graph, f"{after}/rows", f"{after}/apart", len(kernel)),
        helper.make_node("Transpose", [f"{after}/apart"], [after], perm=[0, 3, 1, 2]),
    ]
    _insert(graph, list(graph.node).index(rounding) + 1, *apart)
    del graph.value_info[:]  # shapes that are not true any more
    onnx.checker.check_model(model)


def wide(kernel: NDArray[Any]) -> NDArray[Any]:
    """A kernel [c, 3, 3, 3] of stride 2 and pad 1 as one of rows of `PIXELS` pixels, [2 c, 3 * PIXELS, 3, 2].

    Of its two columns one is for the pixels before, of which no more than the last counts.
    """
    outputs, colours, rows, columns = kernel.shape
    taps = np.zeros((PIXELS // 2, outputs, 2, PIXELS, colours, rows), kernel.dtype)
    for output in range(PIXELS // 2):
        for column in range(columns):
            block, pixel = divmod(PIXELS + 2 * output + column - 1, PIXELS)
            taps[output, :, block, pixel] = kernel[..., column]
    return np.ascontiguousarray(
        taps.transpose(0, 1, 3, 4, 5, 2).reshape(PIXELS // 2 * outputs, PIXELS * colours, rows, 2)
    )


def _set(constants: dict[str, onnx.TensorProto], name: str, values: NDArray[Any]) -> None:
    constants[name].CopyFrom(numpy_helper.from_array(values, name))


def _insert(graph: onnx.GraphProto, at: int, *nodes: onnx.NodeProto) -> None:
    every = [*list(graph.node)[:at], *nodes, *list(graph.node)[at:]]
    del graph.node[:]
    graph.node.extend(every)


def _reshaped(graph: onnx.GraphProto, before: str, after: str, channels: int) -> onnx.NodeProto:
    """[n, h, w, c] with other channels, and a width to match."""
    shape = numpy_helper.from_array(np.array([0, 0, -1, channels], np.int64), f"{after}/shape")
    graph.initializer.append(shape)
    return helper.make_node("Reshape", [before, shape.name], [after])


def _shape(graph: onnx.GraphProto) -> tuple[int, ...]:
    """Of a picture for the model."""
    sides = [axis.dim_value for axis in graph.input[0].type.tensor_type.shape.dim]
    return tuple(side or open_ for side, open_ in zip(sides, (1, *_TRIED, 3), strict=True))


def _answer(path: Path, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    session = ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"image": images})[0], np.float32)


def main() -> None:
    """Rewrite the files named on the command line."""
    for name in sys.argv[1:]:
        try:
            rewrite(Path(name))
        except ExportError as error:
            sys.exit(f"sleevesight: {error}")
        print(f"{name}: its first layer takes {PIXELS} pixels as one")


if __name__ == "__main__":
    main()
