"""What a process does that is started with a wrong configuration."""

from pathlib import Path

import pytest

from actors import run
from actors.config import Config
from actors.run import REFUSED, WATCHDOG, main, make
from bus.fake import FakeBus


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "c.toml"
    path.write_text("[matcher]\ncatalogue = 'x'\n")
    return path


def test_an_actor_refuses_a_wrong_file(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With half of a configuration it would do something else than what was asked."""
    assert main("matcher", wrong) == REFUSED
    assert "unknown key 'catalogue' in [matcher]: did you mean 'catalog'?" in capsys.readouterr().err


def test_the_watchdog_goes_on_without_it(
    wrong: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would be given up like all others, and nobody would lift them when the file is right again."""
    started: list[tuple[str, Config]] = []
    monkeypatch.setattr("actors.log.configure", lambda _config: None)  # it is for a process of its own
    monkeypatch.setattr(run, "run", lambda name, config: started.append((name, config)))
    assert main(WATCHDOG, wrong) == 0
    assert started == [(WATCHDOG, Config())]
    assert "going on with the defaults" in capsys.readouterr().err


def test_a_name_that_is_none_is_answered_with_those_that_are() -> None:
    """A typing error in a unit file."""
    with pytest.raises(ValueError, match=r"no actor 'matchr'.* watchdog and sink\.NAME"):
        make("matchr", FakeBus(), Config())
