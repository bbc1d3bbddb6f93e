from __future__ import annotations

import pytest

from synth.__main__ import main


def test_cards_are_written(tmp_path):
    """The README's first command."""
    assert main(["--count", "4", "--out", str(tmp_path)]) == 0
    assert len(list(tmp_path.glob("*.jpg"))) == 4


def test_a_scene_is_written(tmp_path):
    """The command of docs/scenes.md."""
    assert main(["--scene", "empty", "--size", "64", "--out", str(tmp_path)]) == 0
    assert len(list(tmp_path.glob("*.jpg"))) == 120


@pytest.mark.parametrize(
    "arguments", [["--count", "0", "--out", "x"], ["--count", "3"], ["--scene", "demo", "--size", "1", "--out", "x"]]
)
def test_mistakes_end_with_one_line(arguments, capsys, tmp_path, monkeypatch):
    """A stack trace tells a user nothing."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err
