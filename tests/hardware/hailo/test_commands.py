"""The commands that take a model take a HEF."""

from pathlib import Path
from typing import Any

import pytest

from actors.backends import MODELS
from cli.main import main
from synth.cards import write

NETWORK = MODELS / "embedder_hailo.onnx"


@pytest.fixture
def hef(fake: Any, tmp_path: Path) -> Path:
    return Path(fake.write_hef(tmp_path / "net.hef", network=NETWORK, shape=(224, 160, 3), dim=256))


def test_build_identify_and_gate(hef: Path, fake: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Prevents that references and photos need a second command on the Pi, or that one leaves the device taken."""
    cards, out = tmp_path / "cards", str(tmp_path / "catalog")
    write(cards, 6)
    picture = str(next(iter(sorted(cards.glob("*.png")) or sorted(cards.glob("*.jpg")))))
    model = ["--model", str(hef)]
    assert (
        main(["catalog", "build", "--images", str(cards), "--metadata", str(cards / "cards.csv"), "--out", out, *model])
        == 0
    )
    assert fake.CHIP.owner is None
    assert main(["identify", picture, "--cropped", "--catalog", out, *model]) == 0
    assert Path(picture).stem in capsys.readouterr().out
    assert main(["bench", "gate", "--model", str(NETWORK), "--candidate", str(hef), "--images", str(cards)]) == 0
    assert "accepted" in capsys.readouterr().out
    assert fake.CHIP.owner is None


def test_a_catalogue_of_another_model_is_refused(hef: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Prevents that the CPU's vectors are asked for with the chip's, which are others."""
    cards, out = tmp_path / "cards", str(tmp_path / "catalog")
    write(cards, 3)
    assert main(["catalog", "build", "--images", str(cards), "--metadata", str(cards / "cards.csv"), "--out", out]) == 0
    capsys.readouterr()
    assert main(["identify", str(cards / "x.png"), "--catalog", out, "--model", str(hef)]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "model" in said[0], said
