"""Writes a detector network's ONNX file: `python -m training.detector.export NETWORK --state RUN/state.pt --out FILE`.

The averaged weights are taken, BatchNorm is folded into the convolutions, and the file is compared with PyTorch before
it replaces the one that was there. `--int8` then gives it 8-bit weights and activations, whose ranges are measured on
made pictures (of the cards and grounds of `--cards` and `--grounds`, as in training), and hands its first layer four
pixels as one (`training.space_to_depth`).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from training.detector.network import CardNet, CloseUpNet
from training.detector.train import TASKS, examples, found
from training.export import Form as FileForm
from training.export import write
from training.quantise import export_small
from training.run import bare
from training.space_to_depth import rewrite
from vision.detector.closeup import HEIGHT, WIDTH

_SEEN = 400
"""Pictures on which the ranges of 8 bits are measured."""
_TOLERANCE = 1e-3
"""Pixels and logits that the two may differ by."""


class _Cells(nn.Module):
    """The finder with its outputs in one tensor, in the order of `vision.detector.decode`."""

    def __init__(self) -> None:
        super().__init__()
        self.network = CardNet()

    def forward(self, image: Tensor) -> Tensor:
        return torch.cat(tuple(self.network(image)), dim=1)


@dataclass(frozen=True, slots=True)
class Form:
    """A network and what its file looks like."""

    make: Callable[[], nn.Module]
    file: FileForm


FORMS = {
    "finder": Form(
        _Cells,
        FileForm(
            "output",
            {"image": {1: "height", 2: "width"}, "output": {2: "rows", 3: "columns"}},
            ((1, 320, 320, 3), (1, 384, 384, 3), (1, 256, 384, 3)),
            _TOLERANCE,
        ),
    ),
    "closeup": Form(
        CloseUpNet,
        FileForm(
            "output",
            {"image": {0: "n"}, "output": {0: "n"}},
            ((1, HEIGHT, WIDTH, 3), (5, HEIGHT, WIDTH, 3)),
            _TOLERANCE,
        ),
    ),
}


def load(form: Form, state: Path) -> tuple[nn.Module, int]:
    """The network with the averaged weights of a training state, and its step. ValueError for a file that is none."""
    model = form.make()
    try:
        saved = torch.load(state, weights_only=True, map_location="cpu")
        getattr(model, "network", model).load_state_dict(bare(saved["average"]))
    except (OSError, KeyError, RuntimeError) as error:
        raise ValueError(
            f"{state} is no state of this network ({str(error).splitlines()[0]}); train it anew"
        ) from error
    return model.eval(), int(saved["step"])


def export(form: Form, model: nn.Module, out: Path) -> None:
    """Write the ONNX file: uint8 RGB pictures in, float32 out; normalisation is inside. Errors as of `write`."""
    write(model, form.file, out)


def main() -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=FORMS)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--int8", action="store_true", help="8-bit weights and activations")
    parser.add_argument("--cards", type=Path, help="folder of card pictures, to measure ranges on")
    parser.add_argument("--grounds", type=Path, help="folder of pictures without cards")
    options = parser.parse_args()
    form = FORMS[options.network]
    model, step = load(form, options.state)
    if options.int8:
        made = examples(TASKS[options.network], found(options.cards), found(options.grounds), _SEEN)
        export_small(model, form.file, (one["image"][None] for one in made), options.out)
        rewrite(options.out)
    else:
        export(form, model, options.out)
    print(f"{options.out}: {options.out.stat().st_size} bytes, step {step}")


if __name__ == "__main__":
    main()
