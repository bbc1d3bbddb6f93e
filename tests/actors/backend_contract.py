"""What every embedding engine must do, as tests: an engine passes by inheriting `BackendContract`.

class TestHailo(BackendContract):
    @pytest.fixture
    def backend(self): return HailoEmbedder(...)
"""

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from catalog.embedding import normalise

TOLERANCE = 1e-4
"""Largest difference of cosines between the same crop in different batches."""


def crop(seed: int) -> NDArray[np.uint8]:
    """A made-up card, uint8 RGB [358, 256, 3]."""
    small = np.random.default_rng(seed).integers(0, 256, (14, 10, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(small, (256, 358), interpolation=cv2.INTER_CUBIC), np.uint8)


def crops(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Made-up cards, uint8 RGB [count, 358, 256, 3]."""
    return np.stack([crop(seed + number) for number in range(count)])


class BackendContract:
    """Inherit and give the fixture `backend`: the engine under test, with a model."""

    @pytest.mark.parametrize("count", [1, 2, 5, 9])
    def test_any_batch_gives_one_row_per_crop(self, backend: Any, count: int) -> None:
        """Prevents an engine that was compiled for one batch size and drops or repeats the rest."""
        vectors = backend.embed(crops(count))
        assert vectors.shape == (count, backend.dim)
        assert vectors.dtype == np.float32
        assert vectors.flags.c_contiguous
        assert np.isfinite(vectors).all()

    def test_no_crops_give_no_rows(self, backend: Any) -> None:
        """Prevents a crash, or a wait for the device, when a batch turns out to be empty."""
        vectors = backend.embed(np.empty((0, 358, 256, 3), np.uint8))
        assert (vectors.shape, vectors.dtype) == ((0, backend.dim), np.float32)

    def test_a_crop_embeds_the_same_in_any_company(self, backend: Any) -> None:
        """Prevents rows that are exchanged within a batch, and results that depend on the neighbours."""
        batch = crops(5)
        together = normalise(backend.embed(batch))
        alone = normalise(np.concatenate([backend.embed(one[None]) for one in batch]))
        assert np.abs(1 - (together * alone).sum(axis=1)).max() < TOLERANCE

    def test_the_same_crop_gives_the_same_bytes(self, backend: Any) -> None:
        """Prevents an engine that changes its answer from run to run: references would not match themselves."""
        batch = crops(3)
        first = backend.embed(batch)
        for _ in range(5):
            assert backend.embed(batch).tobytes() == first.tobytes()

    def test_results_are_not_overwritten_by_the_next_call(self, backend: Any) -> None:
        """Prevents that an engine hands out its own output buffer."""
        first = backend.embed(crops(2))
        kept = first.copy()
        backend.embed(crops(2, seed=70))
        assert np.array_equal(first, kept)

    def test_different_pictures_give_different_directions(self, backend: Any) -> None:
        """Prevents a collapsed model or a buffer that was never filled, for which every card is the same."""
        cosines = normalise(vectors := backend.embed(crops(6))) @ normalise(vectors).T
        assert cosines[~np.eye(6, dtype=bool)].max() < 0.98

    def test_views_and_read_only_crops_are_taken_and_left_alone(self, backend: Any) -> None:
        """Prevents that half turns (negative strides) or crops in a message's memory (read-only) are misread."""
        batch = crops(2)
        turned = batch[:, ::-1, ::-1]
        assert np.array_equal(backend.embed(turned), backend.embed(turned.copy()))
        frozen = np.frombuffer(batch.tobytes(), np.uint8).reshape(batch.shape)
        assert np.array_equal(backend.embed(frozen), backend.embed(batch))
        assert np.array_equal(batch, crops(2))

    @pytest.mark.parametrize(
        "wrong",
        [
            np.zeros((1, 358, 256, 3), np.float32),
            np.zeros((358, 256, 3), np.uint8),
            np.zeros((1, 256, 358, 3), np.uint8),
            np.zeros((1, 358, 256, 4), np.uint8),
            np.zeros((1, 3, 358, 256), np.uint8),
        ],
    )
    def test_anything_but_canonical_crops_is_refused(self, backend: Any, wrong: NDArray[Any]) -> None:
        """Prevents that a buffer of the right size and the wrong meaning is embedded (engines check bytes at most)."""
        with pytest.raises(ValueError, match="crops are uint8 RGB"):
            backend.embed(wrong)

    def test_the_model_says_who_it_is(self, backend: Any) -> None:
        """Prevents a catalogue that cannot be tied to its model."""
        assert len(backend.model_hash) == 64
        assert int(backend.model_hash, 16) >= 0
        assert backend.dim > 0
        assert backend.name
