"""From the camera's tensors to confirmed cards, through the real processes and the real picamera2."""

import sys
from collections.abc import Callable
from pathlib import Path

import pi
import pytest
from on_pi import FPS, table
from running import System, configuration

from actors.config import updated

INTRINSICS = {"task": "pose estimation", "cpu": {"bbox_normalization": True, "bbox_order": "xy"}}


@pytest.mark.skipif(bool(pi.missing()), reason=f"not installed: {pi.missing()} (make develop)")
@pytest.mark.parametrize("answers", ["boxes", "corners", "places"])
def test_cards_are_confirmed(launch: Callable[..., System], short: Path, catalogue: Path, answers: str) -> None:
    """Mapped wrongly, squashed, mirrored or a frame off, a crop shows no card that the catalogue knows."""
    rpk = pi.network(short / "cards.rpk", *((None, (512, 384)) if answers == "places" else (INTRINSICS,)))
    config = updated(configuration(short / "run", catalogue, f"imx500:{rpk}"), "capture", ring_mb=40, fps=FPS)
    system = launch(config, program=[sys.executable, str(Path(__file__).with_name("on_pi.py")), answers])
    system.wait_ready()
    shown = {card.card_id for card in table().frame(0).truth}
    system.ear.until(lambda: {visit.card_id for visit in system.ear.confirmed()} >= shown, "all cards are confirmed")
    assert {visit.card_id for visit in system.ear.confirmed()} == shown
    what = f"{'cards' if answers == 'corners' else answers}, 2 frames late"
    system.ear.until(  # for a moment a heartbeat may say that there is no frame
        lambda: (beat := system.ear.life("capture")) is not None and beat.detail.endswith(what),
        f"capture says {what}",
    )
    code, _ = system.stop()
    assert code == 0
