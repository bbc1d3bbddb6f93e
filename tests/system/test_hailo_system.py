"""A system that embeds on a Hailo-8: the real processes, with a stand-in for HailoRT and a chip made of software."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from running import CARDS, SLEEVESIGHT, System, configuration

from actors.backends import MODELS
from actors.config import Config, updated

FAKE = Path(__file__).parents[1] / "hardware" / "hailo"
HEF = """
import sys; from pathlib import Path
from hailo_platform.pyhailort._pyhailort import write_hef
write_hef(Path(sys.argv[1]), network=Path(sys.argv[2]), shape=(224, 160, 3), dim=256)
"""


@pytest.fixture
def hailo(cards: Path, short: Path, recording: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A system whose catalogue was built by the HEF."""
    root = Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", f"{root}:{FAKE}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    hef, out = short / "net.hef", short / "catalog"
    subprocess.run([sys.executable, "-c", HEF, hef, MODELS / "embedder_hailo.onnx"], check=True)
    (short / "net.json").write_bytes((MODELS / "embedder_hailo.json").read_bytes())
    build = ["catalog", "build", "--images", cards, "--metadata", cards / "cards.csv", "--out", out, "--model", hef]
    subprocess.run([*SLEEVESIGHT, *build], check=True)
    config = configuration(short / "run", out, f"recording:{recording}")
    return updated(config, "embedder", backend="hailo", model=str(hef), timeout_ms=300.0)


def test_cards_are_confirmed_and_the_heartbeat_has_the_temperature(
    hailo: Config, launch: Callable[..., System]
) -> None:
    """Prevents that the parts fit and the whole does not: process, lock, callback thread, loop and heartbeat."""
    system = launch(hailo)
    system.wait_ready()

    def warm() -> bool:
        beat = system.ear.life("embedder")
        return beat is not None and beat.temperature_c == 48.5

    system.ear.until(warm, "the temperature of the chip")
    assert all(visit.card_id for visit in system.ear.confirmed())
    assert len({visit.card_id for visit in system.ear.confirmed()}) <= CARDS
    assert system.stop()[0] == 0


def test_a_device_that_stops_answering_gets_a_new_process(
    hailo: Config, launch: Callable[..., System], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a system that runs on for ever beside a wedged chip: only a new process resets it."""
    monkeypatch.setenv("FAKE_HAILO", json.dumps({"stuck_after": 12}))
    system = launch(hailo)
    system.wait_ready()
    first = system.pid("embedder")
    system.ear.until(lambda: system.pid("embedder") != first, "a new embedder")
    new = system.clock.now_ns()
    system.ear.until(lambda: system.ear.confirmed(new), "cards are confirmed again")
    assert "3 inferences in a row timed out: the device needs a reset" in system.log.read_text()
