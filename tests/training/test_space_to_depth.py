"""Four pixels handed to the first layer as one: another form of the same network."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch.nn import functional

from actors.backends import MODELS
from training.detector.export import FORMS
from training.export import ExportError, write
from training.quantise import quantise
from training.space_to_depth import rewrite, wide


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A close-up network of 8 bits as it comes from the quantisation."""
    folder = tmp_path_factory.mktemp("wide")
    full, small = folder / "full.onnx", folder / "small.onnx"
    torch.manual_seed(0)
    form = FORMS["closeup"]
    write(form.make(), form.file, full)
    rng = np.random.default_rng(0)
    quantise(full, (rng.integers(0, 256, (2, 128, 96, 3), np.uint8) for _ in range(3)), small)
    return small


def kernel_shape(path: Path) -> list[int]:
    """Height and width of the first convolution's kernel."""
    first = next(node for node in onnx.load(path).graph.node if node.op_type == "Conv")
    return next(list(one.ints) for one in first.attribute if one.name == "kernel_shape")


def answer(path: Path, images: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return session.run(None, {"image": images})[0]


def test_the_wide_kernel_is_the_same_convolution() -> None:
    """Shifted by a pixel, every corner would be: at the left edge, between two fours, and at the right one."""
    kernel, image = torch.randn(5, 3, 3, 3), torch.randn(2, 3, 8, 16)
    wanted = functional.conv2d(image, kernel, stride=2, padding=1)
    fours = image.permute(0, 2, 3, 1).reshape(2, 8, 4, 12).permute(0, 3, 1, 2)
    given = functional.conv2d(
        functional.pad(fours, (1, 0, 1, 1)), torch.from_numpy(wide(kernel.numpy())), stride=(2, 1)
    )
    apart = given.permute(0, 2, 3, 1).reshape(2, 4, 8, 5).permute(0, 3, 1, 2)
    torch.testing.assert_close(apart, wanted)


def test_every_bit_of_the_answer_stays(plain: Path, tmp_path: Path) -> None:
    """A network that was graded in one form ships in the other."""
    other = Path(shutil.copy(plain, tmp_path / "wide.onnx"))
    rewrite(other)
    images = np.random.default_rng(3).integers(0, 256, (3, 128, 96, 3), np.uint8)
    np.testing.assert_array_equal(answer(other, images), answer(plain, images))
    assert kernel_shape(other) == [3, 2]


@pytest.mark.parametrize("name", ["finder", "closeup"])
def test_what_ships_has_the_form(name: str) -> None:
    """The slower form gives the same answers, and nobody would notice."""
    assert kernel_shape(MODELS / f"{name}.onnx") == [3, 2]


@pytest.mark.parametrize("other", ["rewritten", "kernel of four", "floats", "nothing"])
def test_what_has_another_first_layer_stays_as_it_is(other: str, plain: Path, tmp_path: Path) -> None:
    """Half a rewriting is no network any more."""
    path = tmp_path / "model.onnx"
    if other == "rewritten":
        shutil.copy(plain, path)
        rewrite(path)
    elif other == "kernel of four":
        shutil.copy(MODELS / "embedder.onnx", path)
    elif other == "floats":
        shutil.copy(plain.with_name("full.onnx"), path)
    else:
        path.write_bytes(b"nothing")
    before = path.read_bytes()
    with pytest.raises(ExportError, match=r"model\.onnx: its first layer"):
        rewrite(path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["model.onnx"]


def test_the_command_says_in_a_line_what_it_did(plain: Path, tmp_path: Path) -> None:
    """A trace of calls tells nobody which file is wrong."""
    good, bad = Path(shutil.copy(plain, tmp_path / "good.onnx")), tmp_path / "missing.onnx"
    command = [sys.executable, "-m", "training.space_to_depth", str(good), str(bad)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stdout == f"{good}: its first layer takes 4 pixels as one\n"
    assert done.stderr.count("\n") == 1 and str(bad) in done.stderr
