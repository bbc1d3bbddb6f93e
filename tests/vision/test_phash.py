"""The perceptual hash."""

import cv2
import numpy as np
import pytest

from vision.phash import agreement, hamming, perceptual_hash, perceptual_hashes


def draw(seed):
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)
    return cv2.resize(small, (256, 358), interpolation=cv2.INTER_CUBIC)


def test_the_hash_survives_light_blur_and_compression_and_tells_pictures_apart():
    """Prevents a change of the hash that makes every camera crop a stranger."""
    for seed in range(5):
        card = draw(seed)
        seen = cv2.GaussianBlur(np.clip(card * 0.8 + 10, 0, 255).astype(np.uint8), (0, 0), 2)
        seen = cv2.imdecode(cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR)
        assert hamming(perceptual_hash(card), perceptual_hash(seen)) < 40
        assert hamming(perceptual_hash(card), perceptual_hash(draw(seed + 50))) > 150


def test_stored_hashes_stay_valid():
    """Prevents a silent change of the hash, after which every catalogue on disk disagrees with its queries."""
    xs, ys = np.meshgrid(np.arange(256), np.arange(358))
    card = np.stack([(xs * 3 + ys) % 256, (xs * ys // 40) % 256, (ys * 2) % 256], axis=-1).astype(np.uint8)
    stored = bytes.fromhex(
        "f3def79ee784ee3cc971d34af631aee6cdd159a6db49d2d6b5ada55aabb5aaa8"
        "800007ff3dd02b077e7831e1738f671866736cec4cd949b6db6d5a5a529456a9"
    )
    # Rounding in another OpenCV may turn single bits, not more.
    assert hamming(perceptual_hash(card), np.frombuffer(stored, np.uint8)) <= 6


def test_a_batch_is_its_crops_one_by_one():
    """Prevents that references, hashed in batches, differ from single queries."""
    crops = np.stack([draw(seed) for seed in range(3)])
    assert np.array_equal(perceptual_hashes(crops), np.stack([perceptual_hash(crop) for crop in crops]))
    assert perceptual_hashes(crops[:0]).shape == (0, 64)


def test_a_view_hashes_like_its_copy():
    """Prevents that a half turn, which is a view with negative strides, hashes otherwise or fails."""
    card = draw(1)
    assert np.array_equal(perceptual_hash(card[::-1, ::-1]), perceptual_hash(card[::-1, ::-1].copy()))


def test_hamming_counts_bits_and_agreement_runs_from_one_to_minus_one():
    """Prevents a weight that means something else than a share of the cosine."""
    zero, one = np.zeros(64, np.uint8), np.full(64, 255, np.uint8)
    half = np.where(np.arange(64) % 2, 255, 0).astype(np.uint8)
    distances = hamming(np.stack([zero, half, one]), zero)
    assert distances.tolist() == [0, 256, 512]
    assert agreement(distances).tolist() == [1.0, 0.0, -1.0]


@pytest.mark.parametrize("crop", [np.zeros((358, 256), np.uint8), np.zeros((358, 256, 3), np.float32)])
def test_what_is_no_crop_is_refused(crop):
    """Prevents the hash of a grey or scaled picture, which no query would match."""
    with pytest.raises(ValueError, match="uint8 RGB"):
        perceptual_hash(crop)
