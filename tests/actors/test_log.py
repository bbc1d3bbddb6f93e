"""Logs: a machine can read them in a service, a person on a terminal, and nothing is lost of a failure."""

import json
import sys
from collections.abc import Iterator

import pytest
import structlog

from actors.log import configure
from actors.sections import LogConfig


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """structlog's settings are those of the whole process."""
    yield
    structlog.reset_defaults()


def test_one_json_object_a_line_in_a_service(capsys: pytest.CaptureFixture[str]) -> None:
    """journald and log shippers split at line ends; standard output belongs to the sinks."""
    configure(LogConfig())
    structlog.get_logger("x").info("frame ring", slots=4, name="Flabébé")
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    entry = json.loads(line)
    assert out == ""
    assert (entry["event"], entry["level"], entry["slots"], entry["name"]) == ("frame ring", "info", 4, "Flabébé")
    assert entry["timestamp"].endswith("Z")


def test_a_failure_keeps_its_stack(capsys: pytest.CaptureFixture[str]) -> None:
    """The one line of a service's log that somebody will need must say where it happened."""
    configure(LogConfig(format="json"))
    try:
        raise ValueError("the lens cap is on")
    except ValueError:
        structlog.get_logger("x").exception("failed at work")
    (line,) = capsys.readouterr().err.splitlines()
    assert "test_a_failure_keeps_its_stack" in json.loads(line)["exception"]
    assert "the lens cap is on" in json.loads(line)["exception"]


def test_text_has_no_escape_codes_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """Asked for as text, a log file is still a file."""
    configure(LogConfig(format="text"))
    structlog.get_logger("x").warning("actor died", actor="matcher")
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "actor died" in err
    assert "actor=matcher" in err


def test_a_terminal_gets_text(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON is for machines."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    configure(LogConfig())
    structlog.get_logger("x").info("ready", actor="matcher")
    err = capsys.readouterr().err
    assert not err.startswith("{")
    assert "ready" in err


@pytest.mark.parametrize(("level", "shown"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_what_is_below_the_level_is_not_shown(level: str, shown: int, capsys: pytest.CaptureFixture[str]) -> None:
    """A replay in CI says only what went wrong."""
    configure(LogConfig(level=level))  # type: ignore[arg-type]
    log = structlog.get_logger("x")
    for say in (log.debug, log.info, log.warning, log.error):
        say("a line")
    assert len(capsys.readouterr().err.splitlines()) == shown


def test_a_line_is_written_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven processes share a terminal: a line whose end came in a second piece ran into the next one's."""
    pieces: list[str] = []

    class Terminal:
        def write(self, text: str) -> None:
            pieces.append(text)

        def flush(self) -> None:
            pass

        def isatty(self) -> bool:
            return False

    monkeypatch.setattr(sys, "stderr", Terminal())
    configure(LogConfig())
    structlog.get_logger("x").info("ready")
    assert len(pieces) == 1
    assert pieces[0].endswith("}\n")
