"""`record` and `bench actor`, where they have nothing to work on: one line, and nothing left lying about."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from command import Command, in_a_shell, tree

from bus.lock import FileLock


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The commands set signal handlers, and `configure` the logs of this very process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    structlog.reset_defaults()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "my.toml").write_text(f'[bus]\nrun_dir = "{tmp_path / "run"}"\n[log]\nlevel = "warning"\n')
    return tmp_path / "my.toml"


def test_a_recording_is_never_overwritten(config: Path, tmp_path: Path) -> None:
    """Repeating the last command of the shell must not cost the last recording."""
    (tmp_path / "table.mcap").write_bytes(b"precious")
    line = in_a_shell("record", "--out", tmp_path / "table.mcap", "--config", config).refusal()
    assert line == f"{tmp_path / 'table.mcap'} exists already: name another file, or a folder to put it in"
    assert (tmp_path / "table.mcap").read_bytes() == b"precious"


@pytest.mark.parametrize("out", ["gone/table.mcap", "gone/"])
def test_a_file_that_cannot_be_made(config: Path, tmp_path: Path, out: str) -> None:
    """Found out at once, not after the evening."""
    line = in_a_shell("record", "--out", f"{tmp_path}/{out}", "--config", config).refusal()
    assert line.startswith(f"[recorder] out = {tmp_path}/{out}: No such file or directory")
    assert [name for name in tree(tmp_path / "run") if not name.endswith(".lock")] == []


def test_a_second_recorder_of_one_system(config: Path, tmp_path: Path) -> None:
    """Its heartbeat would take the place of the first one's."""
    (tmp_path / "run").mkdir()
    lock = FileLock(tmp_path / "run" / "heartbeat.recorder.lock", "recorder")
    line = in_a_shell("record", "--out", tmp_path / "table.mcap", "--config", config).refusal()
    lock.release()
    assert line.startswith("recorder is already running (process ")
    assert not (tmp_path / "table.mcap").exists()


def test_the_sink_needs_a_file(config: Path) -> None:
    """As a sink it gets no `--out`: the line names the key."""
    line = in_a_shell("run", "sink.recorder", "--config", config).refusal()
    assert line.startswith("sink.recorder: no file is named: set [recorder] out")


@pytest.mark.parametrize(
    ("actor", "content", "message"),
    [
        (
            "macher",
            b"",
            "'macher' cannot be played from a recording: choose from selector, embedder, matcher, smoother",
        ),
        ("capture", b"", "'capture' cannot be played from a recording"),
        ("smoother", None, "{file}: No such file or directory"),
        ("smoother", b"no recording", "{file} is no recording that can be read"),
        ("matcher", b"no recording", "no catalogue is configured"),
    ],
)
def test_an_actor_that_cannot_be_played(
    command: Command, tmp_path: Path, actor: str, content: bytes | None, message: str
) -> None:
    """A wrong name, a wrong file, a missing catalogue: each gets the line that helps."""
    file = tmp_path / "table.mcap"
    if content is not None:
        file.write_bytes(content)
    assert command("bench", "actor", actor, file).refusal().startswith(message.format(file=file))


def test_a_recording_without_the_messages_of_an_actor(command: Command, tmp_path: Path) -> None:
    """Zero of zero messages equal would look like success."""
    from actors.recording import RecordingWriter

    with (tmp_path / "table.mcap").open("xb") as file:
        RecordingWriter(file).finish()
    line = command("bench", "actor", "smoother", tmp_path / "table.mcap").refusal()
    assert line.startswith(f"{tmp_path / 'table.mcap'} holds nothing for the smoother")
