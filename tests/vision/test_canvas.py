"""What the network is shown of a frame."""

import numpy as np
import pytest

from vision.detector.canvas import LONGEST_PX, MULTIPLE, canvas
from vision.detector.pyramid import Pyramid


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (342, 245), (360, 640), (1520, 1520), (1520, 2028), (3000, 100)])
def test_any_frame_fits(shape: tuple[int, int]) -> None:
    """A side that cannot be halved six times breaks the network's way back up."""
    image, _, scale = canvas(Pyramid(np.full((*shape, 3), 200, np.uint8)))
    assert image.shape[0] % MULTIPLE == image.shape[1] % MULTIPLE == 0
    assert max(image.shape[:2]) <= LONGEST_PX
    assert scale.min() >= 1.0 or max(shape) <= LONGEST_PX


def test_a_small_frame_is_not_enlarged() -> None:
    """There is nothing to be seen that was not there before, and it costs more."""
    image, _, scale = canvas(Pyramid(np.full((100, 150, 3), 200, np.uint8)))
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
    image, _, scale = canvas(Pyramid(frame))
    weight = image[..., 0].astype(float)
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    centre = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
    assert (centre + 0.5) * scale - 0.5 == pytest.approx([x, y], abs=0.6)


@pytest.mark.parametrize("size", [(1520, 1520), (1080, 1920), (360, 640), (100, 150)])
def test_a_part_shows_what_the_whole_shows_there(size: tuple[int, int]) -> None:
    """Cells that lie elsewhere in a part would move every card a little whenever a hand comes near another."""
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    whole, _, factors = canvas(Pyramid(frame))
    corners = np.array([[0.3, 0.4], [0.5, 0.45]]) * size[::-1]
    part, (left, top), again = canvas(Pyramid(frame), corners.astype(np.float32))
    assert again.tolist() == factors.tolist()
    assert part.shape[0] % MULTIPLE == part.shape[1] % MULTIPLE == left % 8 == top % 8 == 0
    assert np.array_equal(part, whole[int(top) :, int(left) :][: part.shape[0], : part.shape[1]])
    shown = np.array([[left, top], [left + part.shape[1], top + part.shape[0]]])
    assert (shown[0] <= corners[0] / factors).all()
    assert (shown[1] >= corners[1] / factors).all()
    assert part.size < whole.size or max(size) < 400


def test_a_part_may_lie_outside() -> None:
    """A card that a hand pushes over the edge of the frame still has corners, out there."""
    part, origin, _ = canvas(Pyramid(np.zeros((1520, 1520, 3), np.uint8)), np.float32([[1400, -90], [1700, 60]]))
    assert part.shape == (64, 64, 3)
    assert origin.tolist() == [320, 0]


def test_fine_texture_is_averaged() -> None:
    """Skipping pixels turns a checked cloth into stripes that are not there."""
    frame = np.zeros((1536, 1536, 3), np.uint8)
    frame[::2, ::2] = frame[1::2, 1::2] = 255
    image, *_ = canvas(Pyramid(frame))
    assert np.ptp(image[:384, :384]) <= 4
