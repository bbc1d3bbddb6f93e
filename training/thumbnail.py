"""The thumbnail descriptor: an untrained baseline that looks at a card as a small, blurred picture.

`python -m training.thumbnail` writes `models/thumbnail.onnx`. Nothing in it was learnt, so it can be shipped with
anything; it stands in until a trained model does better. The steps, all inside the graph:

1. leave out 4 pixels of edge, where a corner error shows the table; average blocks of 4 x 4 pixels;
2. per colour channel: mean off, divided by the deviation, which cancels the light's strength and colour;
3. turn R, G, B into brightness and two colour differences;
4. keep the lowest frequencies of each (DCT), lifted by frequency^0.75, because pictures hold little of the high ones;
5. scale each of the three parts to a fixed length, and add one small constant.

The constant gives a flat picture a direction of its own, far from every card, where it would have none at all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

HEIGHT, WIDTH = 128, 96
DIM = 256
MODEL = Path(__file__).parents[1] / "models" / "thumbnail.onnx"

_EDGE = 4
_BLOCK = 4
_ROWS, _COLUMNS = (HEIGHT - 2 * _EDGE) // _BLOCK, (WIDTH - 2 * _EDGE) // _BLOCK
_FREQUENCIES = (16, 12)
_KEPT = (159, 48, 48)
_SHARES = (1.0, 0.6, 0.6)
_LIFT = 0.75
_FLOOR = 0.02
"""Added to deviations and lengths: the contrast of sensor noise must not be blown up to that of a picture."""
_CONSTANT = 0.05
_TO_OPPONENT = np.array([[0.299, 0.587, 0.114], [1.0, -1.0, 0.0], [0.5, 0.5, -1.0]])


def build() -> onnx.ModelProto:
    """The model; the same bytes on every machine."""
    graph = helper.make_graph(
        _nodes(),
        "thumbnail",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", HEIGHT, WIDTH, 3])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", DIM])],
        initializer=[numpy_helper.from_array(value, name) for name, value in _constants().items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    """Write the model file."""
    MODEL.write_bytes(build().SerializeToString())
    print(f"{MODEL}: {MODEL.stat().st_size} bytes")


def _node(kind: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, inputs.split(), outputs.split(), name=outputs.split(maxsplit=1)[0], **attributes)


def _nodes() -> list[onnx.NodeProto]:
    return [
        _node("Slice", "image begin end axes", "inner"),
        _node("Cast", "inner", "float", to=TensorProto.FLOAT),
        _node("Transpose", "float", "planes", perm=[0, 3, 1, 2]),
        _node("AveragePool", "planes", "blocks", kernel_shape=[_BLOCK, _BLOCK], strides=[_BLOCK, _BLOCK]),
        _node("Mul", "blocks per_white", "colours"),
        _node("ReduceMean", "colours", "mean", axes=[2, 3], keepdims=1),
        _node("Sub", "colours mean", "centred"),
        _node("Mul", "centred centred", "squares"),
        _node("ReduceMean", "squares", "variance", axes=[2, 3], keepdims=1),
        _node("Sqrt", "variance", "deviation"),
        _node("Add", "deviation floor", "contrast"),
        _node("Div", "centred contrast", "even"),
        _node("Conv", "even opponent", "opponents"),
        _node("MatMul", "dct_rows opponents", "half"),
        _node("MatMul", "half dct_columns", "spectrum"),
        _node("Mul", "spectrum lift", "lifted"),
        _node("Flatten", "lifted", "flat"),
        _node("Gather", "flat kept", "low", axis=1),
        _node("Split", "low lengths", "part0 part1 part2", axis=1),
        *(step for part in range(3) for step in _scaled(part)),
        _node("Concat", "scaled0 scaled1 scaled2", "picture", axis=1),
        _node("Pad", "picture pads constant", "embedding"),
    ]


def _scaled(part: int) -> list[onnx.NodeProto]:
    return [
        _node("ReduceL2", f"part{part}", f"length{part}", axes=[1], keepdims=1),
        _node("Add", f"length{part} floor", f"divisor{part}"),
        _node("Div", f"part{part} divisor{part}", f"direction{part}"),
        _node("Mul", f"direction{part} share{part}", f"scaled{part}"),
    ]


def _constants() -> dict[str, NDArray[Any]]:
    rows, columns = np.arange(_FREQUENCIES[0])[:, None], np.arange(_FREQUENCIES[1])[None]
    # A card is 1.4 times as high as wide, so a column frequency is that much finer than the same row frequency.
    frequency = np.sqrt(rows**2 + (1.4 * columns) ** 2)
    order = np.argsort(frequency, axis=None, kind="stable")[1:]
    floats = {
        "per_white": np.array(1 / 255),
        "floor": np.array(_FLOOR),
        "constant": np.array(_CONSTANT),
        "opponent": _TO_OPPONENT[:, :, None, None],
        "dct_rows": _dct(_ROWS, _FREQUENCIES[0]),
        "dct_columns": _dct(_COLUMNS, _FREQUENCIES[1]).T,
        "lift": frequency**_LIFT,
        **{f"share{part}": np.array(share) for part, share in enumerate(_SHARES)},
    }
    whole = {
        "begin": np.array([_EDGE, _EDGE]),
        "end": np.array([HEIGHT - _EDGE, WIDTH - _EDGE]),
        "axes": np.array([1, 2]),
        "kept": np.concatenate([part * frequency.size + order[:kept] for part, kept in enumerate(_KEPT)]),
        "lengths": np.array(_KEPT),
        "pads": np.array([0, 0, 0, 1]),
    }
    # Rounded, so that the last bit of a machine's cosine does not change the file.
    constants = {name: np.round(value, 6).astype("<f4") for name, value in floats.items()}
    return constants | {name: value.astype("<i8") for name, value in whole.items()}


def _dct(size: int, kept: int) -> NDArray[np.float64]:
    """The first rows of the orthonormal DCT-II, [kept, size]."""
    angles = np.pi * np.arange(kept)[:, None] * (np.arange(size) + 0.5) / size
    matrix = np.cos(angles) * np.sqrt(2 / size)
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix, np.float64)


if __name__ == "__main__":
    main()
