"""Cards, a catalogue and a tape, made once; they cost a second or two."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from running import CARDS, System, configuration
from tape import Tape

from actors.backends import open_backend
from actors.config import Config
from actors.sections import EmbedderConfig
from catalog.build import build
from synth.cards import deck, draw, write
from synth.scene import scenario

FPS = 15.0
SECONDS = 110


@pytest.fixture(scope="session")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of generated card pictures with their table."""
    folder = tmp_path_factory.mktemp("cards")
    write(folder, CARDS)
    return folder


@pytest.fixture(scope="session")
def catalogue(cards: Path) -> Path:
    """The catalogue of all of them."""
    cv2.setNumThreads(1)
    out = cards.with_name("catalog")
    build(cards, [cards / "cards.csv"], out, open_backend(EmbedderConfig(timeout_ms=60_000)))
    return out


@pytest.fixture(scope="session")
def tape() -> Tape:
    """What the recording shows."""
    return Tape([(spec.id, draw(spec)) for spec in deck(CARDS)])


@pytest.fixture(scope="session")
def recording(tape: Tape, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tape as a file that plays longer than any test takes."""
    path = tmp_path_factory.mktemp("tape") / "tape.mcap"
    tape.write(path, round(SECONDS * FPS), FPS)
    return path


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A temporary folder with a short name: sockets lie in it, whose paths hold 108 bytes."""
    return tmp_path_factory.mktemp("s")


@pytest.fixture(scope="module")
def config(catalogue: Path, recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The tape against the catalogue, in a run directory of this module's own."""
    return configuration(tmp_path_factory.mktemp("m") / "run", catalogue, f"recording:{recording}")


@pytest.fixture(scope="module")
def system(config: Config) -> Iterator[System]:
    """One running system for the tests of a module."""
    system = System(config)
    try:
        system.wait_ready()
        yield system
    finally:
        system.close()


@pytest.fixture
def launch() -> Iterator[Callable[..., System]]:
    """Start systems of a test's own, which are gone after it."""
    started: list[System] = []

    def start(config: Config, **more: Any) -> System:
        started.append(System(config, **more))
        return started[-1]

    yield start
    for system in started:
        system.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two dozen frames of five cards that lie still, as pictures: for everything that runs a stream to its end."""
    folder = tmp_path_factory.mktemp("pictures")
    cards = [(spec.id, draw(spec)) for spec in deck(CARDS)]
    scene = scenario("still", cards, 3, (640, 640))
    for number in range(24):
        cv2.imwrite(str(folder / f"{number:03d}.png"), cv2.cvtColor(scene.frame(number).image, cv2.COLOR_RGB2BGR))
    return folder
