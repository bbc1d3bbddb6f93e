"""What the network is shown of a frame."""

import numpy as np
import pytest

from vision.detector.canvas import LONGEST_PX, MULTIPLE, canvas
from vision.detector.pyramid import Pyramid


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (342, 245), (360, 640), (1520, 1520), (1520, 2028), (3000, 100)])
def test_any_frame_fits(shape: tuple[int, int]) -> None:
    """A side that cannot be halved six times breaks the network's way back up."""
    image, scale = canvas(Pyramid(np.full((*shape, 3), 200, np.uint8)))
    assert image.shape[0] % MULTIPLE == image.shape[1] % MULTIPLE == 0
    assert max(image.shape[:2]) <= LONGEST_PX
    assert scale.min() >= 1.0 or max(shape) <= LONGEST_PX


def test_a_small_frame_is_not_enlarged() -> None:
    """There is nothing to be seen that was not there before, and it costs more."""
    image, scale = canvas(Pyramid(np.full((100, 150, 3), 200, np.uint8)))
    assert scale.tolist() == [1.0, 1.0]
    assert (image[:100, :150] == 200).all()
    assert not image[100:].any()
    assert not image[:, 150:].any()


@pytest.mark.parametrize("size", [(1520, 1520), (1080, 1920), (720, 1280), (600, 800)])
def test_a_place_in_the_canvas_is_a_place_in_the_frame(size: tuple[int, int]) -> None:
    """Half a pixel lost here is three of the frame, and corners are wanted to a few."""
    frame = np.zeros((*size, 3), np.uint8)
    y, x = round(size[0] * 0.6), round(size[1] * 0.3)
    frame[y - 20 : y + 21, x - 20 : x + 21] = 255
    image, scale = canvas(Pyramid(frame))
    weight = image[..., 0].astype(float)
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    centre = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
    assert (centre + 0.5) * scale - 0.5 == pytest.approx([x, y], abs=0.6)


def test_fine_texture_is_averaged() -> None:
    """Skipping pixels turns a checked cloth into stripes that are not there."""
    frame = np.zeros((1536, 1536, 3), np.uint8)
    frame[::2, ::2] = frame[1::2, 1::2] = 255
    image, _ = canvas(Pyramid(frame))
    assert np.ptp(image[:384, :384]) <= 4
