"""`dashboard` and `demo`, where they cannot begin: one line that names the key."""

from pathlib import Path

import pytest
from command import in_a_shell


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "my.toml").write_text(f'[bus]\nrun_dir = "{tmp_path / "run"}"\n[log]\nlevel = "warning"\n')
    return tmp_path / "my.toml"


def test_an_address_for_everybody(config: Path) -> None:
    """`--host 0.0.0.0` and nothing else would show the room to the whole network."""
    line = in_a_shell("dashboard", "--host", "0.0.0.0", "--config", config).refusal()
    assert line == "[dashboard] host = 0.0.0.0 can be reached by others: set token_file, a file with a password"


@pytest.mark.parametrize("command", ["dashboard", "demo"])
def test_a_port_that_there_is_not(command: str, config: Path, tmp_path: Path) -> None:
    """Refused before cards are made and processes started."""
    line = in_a_shell(command, "--port", "70000", "--config", config, XDG_CACHE_HOME=str(tmp_path / "cache")).refusal()
    assert line.startswith("[dashboard] port: expected `int` <= 65535")
    assert not (tmp_path / "cache").exists()
