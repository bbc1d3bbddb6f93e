"""Still pictures: the same recognition as the live one, card by card, in the order in which a page is read."""

import hashlib
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from actor_fakes import PixelEmbedder, mosaic

from actors.backends.detector import open_detector
from actors.still import Identifier
from catalog.build import build
from catalog.decide import Thresholds
from catalog.match import Matcher
from catalog.store import Catalogue
from vision.detection import Detection
from vision.quad import as_quad
from vision.rectify import Image, half_turn

CARDS = 6
WIDTH, HEIGHT = 128, 179
"""Of a card in the pictures of this test: half the canonical crop."""


def card(seed: int) -> Image:
    return mosaic(seed, 358, 256, tiles=6)


@pytest.fixture(scope="module")
def identifier(tmp_path_factory: pytest.TempPathFactory) -> Identifier:
    folder = tmp_path_factory.mktemp("still")
    pictures = folder / "pictures"
    pictures.mkdir()
    for seed in range(CARDS):
        cv2.imwrite(str(pictures / f"card-{seed}.png"), cv2.cvtColor(card(seed), cv2.COLOR_RGB2BGR))
    embedder = PixelEmbedder(hashlib.sha256(b"m").hexdigest())
    build(pictures, [], folder / "catalogue", embedder)
    return Identifier(open_detector(), embedder, Matcher(Catalogue.load(folder / "catalogue")), Thresholds(), top=3)


class Page:
    """Cards at places of a grey picture, and a detector that sees exactly those."""

    def __init__(self) -> None:
        self.pixels = np.full((700, 700, 3), 80, np.uint8)
        self.found: list[Detection] = []

    def put(self, picture: Image, x: int, y: int) -> None:
        small = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        self.pixels[y : y + HEIGHT, x : x + WIDTH] = small
        left, top = x - 0.5, y - 0.5
        quad = [[left, top], [left + WIDTH, top], [left + WIDTH, top + HEIGHT], [left, top + HEIGHT]]
        self.found.append(Detection(as_quad(quad), 0.9))


@pytest.fixture
def page(identifier: Identifier, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    page = Page()
    monkeypatch.setattr(identifier, "_detect", lambda _: page.found)
    yield page


def names(identifier: Identifier, page: Page) -> list[str]:
    return [one.match.candidates[0].card_id for one in identifier.identify(page.pixels)]


def test_cards_come_row_by_row(identifier: Identifier, page: Page) -> None:
    """A binder page is read like a book, also when it lies a little askew; the detector's order is none."""
    page.put(card(5), 400, 330)
    page.put(card(1), 200, 38)
    page.put(card(3), 10, 300)
    page.put(card(2), 400, 60)
    page.put(card(0), 10, 20)
    page.put(card(4), 200, 315)
    assert names(identifier, page) == [f"card-{number}" for number in range(6)]


def test_a_card_upside_down_is_turned(identifier: Identifier, page: Page) -> None:
    """Its quad begins at its own top-left corner, which is at the bottom right of the picture."""
    page.put(half_turn(card(2)), 100, 100)
    (one,) = identifier.identify(page.pixels)
    assert (one.match.candidates[0].card_id, one.match.turn, one.status) == ("card-2", 2, "confirmed")
    assert one.quad[0].tolist() == [99.5 + WIDTH, 99.5 + HEIGHT]


def test_a_stranger_is_unknown(identifier: Identifier, page: Page) -> None:
    """And says what comes nearest, for a person to judge."""
    page.put(card(1000), 100, 100)
    (one,) = identifier.identify(page.pixels)
    assert one.status == "unknown"
    assert len(one.match.candidates) == 3


def test_no_card_is_no_error(identifier: Identifier, page: Page) -> None:
    """A picture of a table."""
    assert identifier.identify(page.pixels) == []


def test_a_cropped_picture_is_the_whole_card(identifier: Identifier, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model must see the very reference: without its outermost half pixel, every pixel would be another."""
    seen: list[Image] = []
    embed = identifier._embedder.embed
    monkeypatch.setattr(identifier._embedder, "embed", lambda crops: seen.extend(crops) or embed(crops))
    (one,) = identifier.identify(card(4), cropped=True)
    assert np.array_equal(seen[0], card(4))
    assert one.match.candidates[0].card_id == "card-4"
    assert one.match.distance == pytest.approx(0, abs=1e-3)
    assert one.quad.tolist() == [[-0.5, -0.5], [255.5, -0.5], [255.5, 357.5], [-0.5, 357.5]]


@pytest.mark.parametrize("size", [(800, 570), (120, 86), (358, 256)])
def test_a_cropped_picture_may_have_any_size(identifier: Identifier, size: tuple[int, int]) -> None:
    """Scans are large, thumbnails small."""
    scan = cv2.resize(card(1), size[::-1], interpolation=cv2.INTER_AREA)
    (one,) = identifier.identify(np.asarray(scan, np.uint8), cropped=True)
    assert (one.match.candidates[0].card_id, one.status) == ("card-1", "confirmed")


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (300, 7)])
def test_a_speck_is_no_card(identifier: Identifier, size: tuple[int, int]) -> None:
    """There is nothing to see in it, and enlarging it would invent something."""
    with pytest.raises(ValueError, match=f"a picture of {size[1]}x{size[0]} px shows no card"):
        identifier.identify(np.zeros((*size, 3), np.uint8), cropped=True)


@pytest.mark.parametrize("size", [(1, 1), (2, 500), (8, 8)])
def test_a_speck_is_looked_at_all_the_same(identifier: Identifier, size: tuple[int, int]) -> None:
    """A tiny picture among a thousand photos must not end the run: the real detector finds nothing in it."""
    assert identifier.identify(np.zeros((*size, 3), np.uint8)) == []
