"""The descriptor that ships until a trained model does."""

import numpy as np
import onnx

from actors.backends.onnx import OnnxEmbedder
from catalog.embedding import normalise
from training.thumbnail import DIM, MODEL, build


def test_the_committed_file_is_what_the_source_builds():
    """Prevents a model file that nobody can make again."""
    assert build().SerializeToString() == MODEL.read_bytes()


def test_the_file_is_small_and_of_an_old_enough_version():
    """Prevents a repository that swells, and a file that the oldest supported runtime cannot read."""
    model = onnx.load(MODEL)
    assert MODEL.stat().st_size < 20_000
    assert (model.ir_version, model.opset_import[0].version) == (8, 17)


def test_light_and_tint_hardly_turn_the_embedding():
    """Prevents that a lamp decides which card it is."""
    embedder = OnnxEmbedder(MODEL)
    card = np.random.default_rng(0).integers(40, 180, (6, 4, 3)).repeat(60, 0).repeat(64, 1)[:358]
    lit = card * [1.2, 1.0, 0.8] + 10
    vectors = normalise(embedder.embed(np.stack([card, lit]).astype(np.uint8)))
    assert vectors[0] @ vectors[1] > 0.99


def test_a_flat_picture_is_near_no_card():
    """Prevents that a crop of a white table has no direction, which would fail, or that of some card."""
    embedder = OnnxEmbedder(MODEL)
    flat = np.full((1, 358, 256, 3), 255, np.uint8)
    cards = np.random.default_rng(1).integers(0, 256, (5, 358, 256, 3), dtype=np.uint8)
    assert embedder.embed(flat).shape == (1, DIM)
    assert (normalise(embedder.embed(flat)) @ normalise(embedder.embed(cards)).T).max() < 0.1
