"""What a running system costs with longer vectors than the model that ships gives."""

from pathlib import Path

import numpy as np
import pytest

from actors.backends import DEFAULT_MODEL
from actors.backends.onnx import OnnxEmbedder
from bench.memory import widened


def test_a_widened_model_says_the_same_in_more_numbers(tmp_path: Path) -> None:
    """A model that fell short of it, or could not be run, would be measured as cheap."""
    crops = np.random.default_rng(0).integers(0, 255, (2, 358, 256, 3), np.uint8)
    said = OnnxEmbedder(DEFAULT_MODEL).embed(crops)
    wide = OnnxEmbedder(widened(DEFAULT_MODEL, 3 * said.shape[1], tmp_path / "wide.onnx")).embed(crops)
    np.testing.assert_array_equal(wide, np.tile(said, 3))


def test_a_length_that_does_not_go_is_refused(tmp_path: Path) -> None:
    """Measured with fewer numbers than were asked for, the budget would be kept for nothing."""
    with pytest.raises(ValueError, match=r"700 is no multiple of the 256 numbers that .*embedder\.onnx gives"):
        widened(DEFAULT_MODEL, 700, tmp_path / "wide.onnx")
    assert not list(tmp_path.iterdir())
