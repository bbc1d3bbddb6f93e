"""The command doctor: its exit code, its three forms, and the files of a real configuration."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from command import Command, Shop

from deploy.doctor import examine
from deploy.doctor.finding import absent, ok, problem


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three checks with an end that is known."""
    findings = {"board": ok("four cores"), "clock": absent("no clock"), "ports": problem("taken", "end it")}
    checks = [examine.Check("g", name, lambda *_, found=found: found) for name, found in findings.items()]
    monkeypatch.setattr(examine.examine, "__defaults__", (tuple(checks),))


@pytest.mark.usefixtures("few")
def test_a_line_for_each_check(command: Command) -> None:
    """For grep and for a mail: no colours, no wrapping, the remedy below its problem."""
    ran = command("doctor")
    assert (ran.code, ran.err) == (1, "")
    assert [" ".join(line.split()) for line in ran.out.splitlines()] == [
        "ok g board four cores", "absent g clock no clock", "problem g ports taken", "to do end it", "1 problem",
    ]  # fmt: skip


@pytest.mark.usefixtures("few")
def test_json_for_programs(command: Command) -> None:
    """A fleet is watched by programs."""
    ran = command("doctor", "--json")
    said = json.loads(ran.out)
    assert (ran.code, said["problems"]) == (1, 1)
    assert said["checks"][2] == {"group": "g", "name": "ports", "state": "problem", "text": "taken", "remedy": "end it"}


def test_a_configuration_in_order(
    command: Command, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The catalogue was built with the very model that is configured; exit code 0."""
    (tmp_path / "my.toml").write_text(f'[matcher]\ncatalog = "{shop.catalogue}"\n')
    named = tuple(check for check in examine.CHECKS if check.group == "configuration")
    monkeypatch.setattr(examine.examine, "__defaults__", (named,))
    ran = command("doctor", "--config", tmp_path / "my.toml")
    assert (ran.code, ran.err) == (0, "")
    assert "12 cards, built with embedder" in ran.out
    assert ran.out.splitlines()[-1] == "all is well"


def test_a_catalogue_of_another_model(command: Command, shop: Shop, tmp_path: Path) -> None:
    """It would name every card by chance; the matcher refuses it, and `config check` says so before."""
    (tmp_path / "other.onnx").write_bytes(b"another")
    (tmp_path / "my.toml").write_text(
        f'[matcher]\ncatalog = "{shop.catalogue}"\n[embedder]\nmodel = "{tmp_path / "other.onnx"}"\n'
    )
    ran = command("config", "check", "--config", tmp_path / "my.toml")
    assert ran.code == 1
    assert "[matcher] catalog: catalogue" in ran.err
    assert "rebuild the catalogue with the current model" in ran.err


def test_a_wrong_configuration_is_refused(command: Command, tmp_path: Path) -> None:
    """Nothing can be said of a machine whose task is not known."""
    (tmp_path / "my.toml").write_text("[smoother]\nconfrim = 5\n")
    assert "did you mean 'confirm'?" in command("doctor", "--config", tmp_path / "my.toml").refusal()


def test_groups_and_colours_on_a_terminal() -> None:
    """The real checks of this machine, on a terminal that a person looks at."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "cli.main", "doctor"], stdout=theirs, env={**os.environ, "TERM": "xterm"}
    ):
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # Linux says so when the other end has closed
            pass
    os.close(ours)
    assert b"\x1b[" in shown
    assert all(check.name in shown.decode() for check in examine.CHECKS)
