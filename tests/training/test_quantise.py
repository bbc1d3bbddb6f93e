"""Eight bits: a smaller file that says what the full one says."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

import training.quantise
from actors.backends.onnx import OnnxEmbedder
from training.augment.pipeline import Augmentation
from training.data.generated import generated
from training.export import FromBytes, embedder_form, write
from training.hailo.prepare import crops
from training.metric.network import CardEncoder
from training.quantise import quantise

SIZE = (64, 48)


def batches() -> list[np.ndarray]:
    shown = crops(generated(30, SIZE).images, Augmentation(), 32)
    shown[0, 0, :2] = [[0], [255]]
    return np.array_split(shown, 4)


def operations(file: Path) -> set[str]:
    return {node.op_type for node in onnx.load(file).graph.node}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("int8")
    torch.manual_seed(0)
    encoder = CardEncoder(SIZE, (16, 32), (1, 2), 8)
    encoder.train()
    for _ in range(3):  # statistics for the batch normalisation, as a trained network has
        encoder(generated(20, SIZE).images.float() / 255)
    full, small = folder / "full.onnx", folder / "small.onnx"
    write(FromBytes(encoder), embedder_form(SIZE), full)
    quantise(full, batches(), small)
    return full, small


def test_it_is_smaller_and_keeps_the_contract(files: tuple[Path, Path]) -> None:
    """Uint8 pictures and a dynamic batch in, float vectors out: nobody else has to know."""
    full, small = files
    assert small.stat().st_size < 0.6 * full.stat().st_size
    one, other = OnnxEmbedder(full), OnnxEmbedder(small)
    assert (other.dim, other.height, other.width) == (one.dim, one.height, one.width)
    assert len(other.embed(np.zeros((3, 358, 256, 3), np.uint8))) == 3


def test_it_sees_what_the_full_one_sees(files: tuple[Path, Path]) -> None:
    """Calibrated with something else than crops, the ranges would cut the vectors off."""
    shown = crops(generated(20, (358, 256), 1).images, Augmentation(), 40)
    vectors = [OnnxEmbedder(file).embed(shown) for file in files]
    one, other = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in vectors)
    assert (one * other).sum(axis=1).min() > 0.97


def test_weights_have_seven_bits(files: tuple[Path, Path]) -> None:
    """With eight, CPUs without VNNI overflow, and only on those would anybody see it."""
    weights = [
        onnx.numpy_helper.to_array(one)
        for one in onnx.load(files[1]).graph.initializer
        if one.data_type == onnx.TensorProto.INT8 and len(one.dims) == 4
    ]
    assert len(weights) >= 6
    assert max(int(np.abs(one.astype(int)).max()) for one in weights) <= 64


def test_bytes_go_straight_to_the_first_layer(files: tuple[Path, Path], tmp_path: Path, monkeypatch) -> None:
    """Normalising them takes as long as several layers; without it every answer must be the same to the last digit."""
    roundabout = tmp_path / "roundabout.onnx"
    monkeypatch.setattr(training.quantise, "straight", lambda _: None)
    quantise(files[0], batches(), roundabout)
    assert {"Cast", "Div"} <= operations(roundabout)
    assert not {"Cast", "Sub", "Div"} & operations(files[1])
    shown = crops(generated(20, (358, 256), 1).images, Augmentation(), 40)
    assert np.array_equal(*(OnnxEmbedder(file).embed(shown) for file in (files[1], roundabout)))


def test_bytes_that_would_be_clipped_are_not(files: tuple[Path, Path], tmp_path: Path) -> None:
    """Ranges measured on grey pictures stand for other values than the bytes do: the way must stay as it is."""
    grey = tmp_path / "grey.onnx"
    quantise(files[0], [np.clip(batch, 60, 180) for batch in batches()], grey)
    assert "Cast" in operations(grey)
