"""Gives the finder 8 bits as the IMX500 computes with them: the file for its converter, and the same for ONNX Runtime.

    python -m training.imx500.quantise --state RUN/state.pt --cards CARDS --grounds GROUNDS --out FOLDER

in the environment of deploy/imx500/requirements.txt, whose Model Compression Toolkit wants an older PyTorch than ours.
FOLDER/imx500_mctq.onnx is what `imxconv-pt` converts; FOLDER/imx500.onnx takes uint8 RGB [1, 384, 512, 3] and computes
on any machine what the chip computes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import model_compression_toolkit as mct
import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from training.detector.export import FORMS, load
from training.detector.network import CardNet
from training.detector.train import TASKS, examples, found
from training.imx500.network import HEIGHT, LEVELS, WIDTH, ChipNet

CONVERTED, PLAIN = "imx500_mctq.onnx", "imx500.onnx"
OUTPUTS = ("maps", "shape", "scale")
_SEEN, _AT_ONCE = 256, 8
_OFF = 0.05
"""Mean difference between the toolkit's network and the file, in standard deviations. On most pictures there is none;
on some a number that lies halfway between two steps of 8 bits is rounded the other way, and all that follow from it."""
Batches = Callable[[], Iterator[list[NDArray[np.float32]]]]


def quantised(network: ChipNet, batches: Batches) -> torch.nn.Module:
    """The network with weights and activations of 8 bits, as the toolkit knows them of this chip."""
    chip = mct.get_target_platform_capabilities("pytorch", "imx500")
    made: torch.nn.Module
    made, _ = mct.ptq.pytorch_post_training_quantization(network, batches, target_platform_capabilities=chip)
    return made.eval()


def written(network: torch.nn.Module, batches: Batches, out: Path) -> None:
    """Both files in `out`. RuntimeError if the second does not say what the quantised network says."""
    out.mkdir(parents=True, exist_ok=True)
    kinds = mct.exporter.QuantizationFormat
    for file, kind in ((CONVERTED, kinds.MCTQ), (PLAIN, kinds.FAKELY_QUANT)):
        mct.exporter.pytorch_export_model(network, str(out / file), batches, quantization_format=kind)
    onnx.save(from_bytes(onnx.load(out / PLAIN)), out / PLAIN)
    for picture in next(batches())[0]:
        _compare(network, picture[None], out / PLAIN)


def from_bytes(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network for uint8 RGB [1, 384, 512, 3], its outputs by their names."""
    graph = model.graph
    inner = graph.input[0].name
    graph.initializer.append(numpy_helper.from_array(np.float32(1 / LEVELS), "level"))
    before = [
        helper.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["bytes"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["bytes", "level"], [inner]),
    ]
    nodes = list(graph.node)
    names = dict(zip((port.name for port in graph.output), OUTPUTS, strict=True))
    for node in nodes:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    shapes = {"maps": 4, "shape": 8, "scale": 1}
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:]
    graph.node.extend([*before, *nodes])
    graph.input.append(helper.make_tensor_value_info("image", TensorProto.UINT8, (1, HEIGHT, WIDTH, 3)))
    graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, shapes[name], HEIGHT // 8, WIDTH // 8))
        for name in OUTPUTS
    )
    onnx.checker.check_model(model)
    return model


def _compare(network: torch.nn.Module, picture: NDArray[np.float32], file: Path) -> None:
    device = next(network.parameters()).device
    with torch.no_grad():
        wanted = [one.cpu().numpy() for one in network(torch.from_numpy(picture).to(device))]
    plainly = ort.SessionOptions()  # as it stands: what is fused rounds elsewhere, and the chip does not
    plainly.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(file.read_bytes(), plainly, providers=["CPUExecutionProvider"])
    image = np.round(picture * LEVELS).astype(np.uint8).transpose(0, 2, 3, 1)
    for name, want, got in zip(OUTPUTS, wanted, session.run(list(OUTPUTS), {"image": image}), strict=True):
        off = float(np.abs(want - got).mean() / want.std())
        print(f"{name}: the toolkit and ONNX Runtime differ by {off:.4f} standard deviations")
        if off > _OFF:
            raise RuntimeError(f"{file} does not say what the quantised network says: {name} is {off:.2f} off")


def pictures(cards: list[Path], grounds: list[Path]) -> NDArray[np.uint8]:
    """Made pictures as the chip sees them, uint8 RGB [n, 384, 512, 3]: ranges are measured on them."""
    task = TASKS["finder"]
    made = [one["image"] for one in examples(task, cards, grounds, _SEEN, side=WIDTH)]
    top = (WIDTH - HEIGHT) // 2
    return np.stack(made)[:, top : top + HEIGHT]


def main() -> None:
    """Read the command line, quantise and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True, help="of a training of the finder")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cards", type=Path, help="folder of card pictures, to measure ranges on")
    parser.add_argument("--grounds", type=Path, help="folder of pictures without cards")
    options = parser.parse_args()
    finder, step = load(FORMS["finder"], options.state)
    assert isinstance(finder.network, CardNet)
    seen = pictures(found(options.cards), found(options.grounds)).transpose(0, 3, 1, 2).astype(np.float32) / LEVELS

    def batches() -> Iterator[list[NDArray[np.float32]]]:
        for start in range(0, len(seen), _AT_ONCE):
            yield [seen[start : start + _AT_ONCE]]

    written(quantised(ChipNet(finder.network), batches), batches, options.out)
    print(f"{options.out / CONVERTED} and {options.out / PLAIN}, of step {step}")


if __name__ == "__main__":
    main()
