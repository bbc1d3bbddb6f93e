"""Generated cards on disk, a catalogue of them built with the shipped model, and a photo of two."""

import signal
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import structlog
from command import Command, Shop

from cli.main import main
from synth.cards import deck, draw, write

CARDS = 12


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


@pytest.fixture
def quiet() -> Iterator[None]:
    """`up` sets signal handlers and `configure` the logs of this very process."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    pictures, catalogue, photo = folder / "pictures", folder / "catalogue", folder / "photo.png"
    write(pictures, CARDS)
    metadata = pictures / "cards.csv"
    arguments = ["--images", str(pictures), "--metadata", str(metadata), "--out", str(catalogue)]
    assert main(["catalog", "build", *arguments]) == 0
    specs = [spec for spec in deck(CARDS) if spec.reprint_of is None]
    cv2.imwrite(str(photo), _photo([draw(specs[3]), draw(specs[5])]))
    return Shop(pictures, metadata, catalogue, photo, specs)


def _photo(cards: list[np.ndarray]) -> np.ndarray:
    """Cards side by side on a dark cloth, the second one upside down, as OpenCV writes it."""
    cloth = np.random.default_rng(3).normal((40, 62, 46), 3, (520, 860, 3)).clip(0, 255).astype(np.uint8)
    for place, card in enumerate(cards):
        large = cv2.resize(card, (280, 392), interpolation=cv2.INTER_CUBIC)
        mask = np.zeros(large.shape[:2], np.uint8)
        cv2.rectangle(mask, (12, 0), (267, 391), 255, -1)
        cv2.rectangle(mask, (0, 12), (279, 379), 255, -1)
        for x, y in ((12, 12), (267, 12), (12, 379), (267, 379)):
            cv2.circle(mask, (x, y), 12, 255, -1)
        large = large[::-1, ::-1] if place % 2 else large
        there = cloth[64 : 64 + 392, 90 + 400 * place : 370 + 400 * place]
        there[mask > 0] = large[mask > 0]
    return np.asarray(cv2.cvtColor(cv2.GaussianBlur(cloth, (3, 3), 0), cv2.COLOR_RGB2BGR))
