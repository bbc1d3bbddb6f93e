"""Small made-up cards and an embedder without a model, for tests of the catalogue."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from public import Public, cards_of
from sync_desk import Desk

from catalog.build import build
from catalog.embedding import model_input

Image = NDArray[np.uint8]
CSV_HEAD = "file,id,name,set,number"


class TinyEmbedder:
    """A model without a file: the colours of 8 x 6 blocks less their mean."""

    name = "tiny"
    model_hash = "ab" * 32
    dim = 144

    def embed(self, crops: Image) -> NDArray[np.float32]:
        blocks = model_input(crops, 8, 6).reshape(len(crops), -1).astype(np.float32)
        return blocks - blocks.mean(axis=1, keepdims=True) if len(crops) else blocks


def draw(seed: int) -> Image:
    """A picture uint8 RGB [358, 256, 3] of coloured ellipses; another seed gives quite another one."""
    rng = np.random.default_rng(seed)
    image = np.full((358, 256, 3), rng.integers(60, 200, 3), np.uint8)
    for _ in range(25):
        centre = (int(rng.integers(256)), int(rng.integers(358)))
        axes = (int(rng.integers(10, 60)), int(rng.integers(10, 60)))
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        cv2.ellipse(image, centre, axes, float(rng.integers(180)), 0, 360, colour, -1)
    return image


def save(path: Path, image: Image) -> Path:
    """Write a picture, PNG or JPEG by its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image[..., ::-1])
    return path


@pytest.fixture
def embedder() -> TinyEmbedder:
    return TinyEmbedder()


@pytest.fixture
def picture() -> Callable[[int], Image]:
    return draw


@pytest.fixture
def save_picture() -> Callable[[Path, Image], Path]:
    return save


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Eight cards, made-0 to made-7, of which made-7 shows the picture of made-0 again."""
    folder = tmp_path / "images"
    for number in range(8):
        save(folder / f"made-{number}.png", draw(number % 7))
    lines = [f"made-{n}.png,made-{n},Card {n % 7},made,{n}" for n in range(8)]
    (folder / "cards.csv").write_text("\n".join([CSV_HEAD, *lines]))
    return folder


@pytest.fixture
def folder(images: Path, tmp_path: Path, embedder: TinyEmbedder) -> Path:
    """The catalogue of `images`."""
    out = tmp_path / "catalogue"
    build(images, [images / "cards.csv"], out, embedder)
    return out


@pytest.fixture(scope="module")
def specs():
    return cards_of(6)


@pytest.fixture
def public():
    server = Public()
    yield server
    server.close()


@pytest.fixture
def desk(public, tmp_path, embedder):
    return Desk(public, tmp_path / "synced", embedder)


@pytest.fixture
def paths(public, specs):
    """The set `a` of three cards, `b` of two."""
    return public.add_set("a", specs[:3]) + public.add_set("b", specs[3:5])
