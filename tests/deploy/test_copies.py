"""The plug-in of supervisord: what is forked and what is executed, and that nothing keeps the service from starting."""

import logging
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from actors.config import Config
from actors.process import fork
from deploy import copies
from deploy.copies import rpcinterface


class Started(Exception):
    """Something was started, which in truth never returns."""


@pytest.fixture
def supervisord(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A supervisord about to start something; what is preloaded, and who becomes what, is only noted."""
    noted = SimpleNamespace(preloaded=[], became=[], executed=[])

    def become(name: str, config: Path, parent: int) -> None:
        noted.became.append((name, config, parent, dict(os.environ)))
        raise Started

    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(copies, "preload", noted.preloaded.append)
    monkeypatch.setattr(copies, "become", become)
    monkeypatch.setattr(copies, "FORKS", True)
    noted.tick, noted.process_groups = lambda: None, {}
    logger = SimpleNamespace(warn=logging.warning, critical=logging.critical)
    noted.options = SimpleNamespace(logger=logger, fork=os.fork, execve=lambda *call: noted.executed.append(call))
    return noted


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text("[sinks]\nenabled = ['jsonl']\n")
    return path


RUN = ["/opt/sleevesight/bin/sleevesight", "run", "matcher", "--config", "/etc/sleevesight/config.toml"]


def test_an_actor_becomes_a_copy_with_the_environment_that_was_meant(supervisord: Any, file: Path) -> None:
    """One that were executed would import everything again; one with supervisord's own environment lacks its socket."""
    assert hasattr(rpcinterface(supervisord, str(file)), "getAllProcessInfo"), "supervisorctl still needs its own"
    assert supervisord.preloaded[0].sinks.enabled == ["jsonl"]
    with pytest.raises(Started):
        supervisord.options.execve(RUN[0], RUN, {"SUPERVISOR_SERVER_URL": "unix:///s"})
    ((name, config, parent, environment),) = supervisord.became
    assert (name, config, parent) == ("matcher", Path("/etc/sleevesight/config.toml"), os.getppid())
    assert environment == {"SUPERVISOR_SERVER_URL": "unix:///s"}
    assert supervisord.executed == []


def test_a_copy_is_made_without_the_handlers_of_supervisord(supervisord: Any, file: Path) -> None:
    """They would swallow a stop that comes right after the start, and the actor be killed when its time is up."""
    rpcinterface(supervisord, str(file))
    assert supervisord.options.fork is fork


def test_other_programs_are_executed(supervisord: Any, file: Path) -> None:
    """Somebody may add a program of his own to the service."""
    rpcinterface(supervisord, str(file))
    supervisord.options.execve("/bin/sleep", ["/bin/sleep", "1"], {})
    assert supervisord.executed == [("/bin/sleep", ["/bin/sleep", "1"], {})]
    assert supervisord.became == []


def test_a_wrong_configuration_is_no_reason_not_to_start(
    supervisord: Any, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """supervisord would end, systemd would start it every two seconds, and the log would be full of tracebacks."""
    file.write_text("[sink]\n")
    rpcinterface(supervisord, str(file))
    assert supervisord.preloaded == [Config()]
    assert "did you mean 'sinks'?" in caplog.text
    with pytest.raises(Started):
        supervisord.options.execve(RUN[0], RUN, {})


@pytest.mark.parametrize("error", [ImportError("no libhailort.so"), OSError("bad ELF")])
def test_a_library_that_does_not_load_costs_memory_and_no_more(
    supervisord: Any, file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """After half an upgrade one actor cannot start: the others, and the one line that says why, must be there."""

    def fails(_config: Config) -> None:
        raise error

    monkeypatch.setattr(copies, "preload", fails)
    rpcinterface(supervisord, str(file))
    assert str(error) in caplog.text
    supervisord.options.execve(RUN[0], RUN, {})
    assert len(supervisord.executed) == 1


def test_where_processes_cannot_be_copied_they_are_started(
    supervisord: Any, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """macOS forbids its frameworks to a forked copy."""
    monkeypatch.setattr(copies, "FORKS", False)
    rpcinterface(supervisord, str(file))
    assert supervisord.preloaded == []
    assert supervisord.options.fork is os.fork
    supervisord.options.execve(RUN[0], RUN, {})
    assert len(supervisord.executed) == 1
