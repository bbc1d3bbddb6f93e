"""The command itself: exit codes, pipes, and nothing on standard output that does not belong there."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from command import Command, Shop, in_a_shell, tree

from cli import inspect
from cli.main import build_parser, main

COMMANDS = (
    ["catalog", "build"], ["catalog", "verify"], ["catalog", "info"], ["identify"], ["replay"], ["up"], ["run"],
    ["config", "show"], ["config", "check"], ["sinks"], ["topics"], ["tail"],
    ["record"], ["bench", "actor"], ["doctor"],
)  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` is the documentation that everybody finds."""
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    assert f"usage: sleevesight {' '.join(words)}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["catalog"],
        ["identfy"],
        ["identify", "x.jpg"],
        ["identify", "--catalog", "c"],
        ["identify", "x.jpg", "--catalog", "c", "--top", "0"],
        ["identify", "x.jpg", "--catalog", "c", "--top", "many"],
        ["replay", "x.mp4", "--mode", "fast"],
        ["tail", "results", "--count", "-1"],
        ["record"],
        ["record", "--out", "x.mcap", "--seconds", "0"],
        ["record", "--out", "x.mcap", "--frames", "gif"],
        ["bench", "actor", "matcher"],
    ],
    ids=" ".join,
)
def test_wrong_arguments_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, the usage and the reason, nothing on standard output."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert out == ""
    assert "error: " in err.splitlines()[-1]


def test_the_parser_starts_at_once() -> None:
    """A command that loads ONNX Runtime to print its help feels broken: everything heavy is imported when needed."""
    code = "import sys; from cli.main import build_parser; build_parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "cv2", "onnxruntime", "usearch", "zmq", "rich", "structlog"} & set(loaded)
    assert build_parser().prog == "sleevesight"


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ValueError("what is wrong\n  and what to do"), 2, "sleevesight: what is wrong and what to do"),
        (RuntimeError(""), 2, "sleevesight: RuntimeError"),
        (PermissionError(13, "Permission denied", "/x"), 2, "sleevesight: /x: Permission denied"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors_for_people_are_one_line(
    error: BaseException, code: int, line: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback for what a user can put right."""

    def fail(_: object) -> int:
        raise error

    monkeypatch.setattr(inspect, "sinks", fail)
    ran = command("sinks")
    assert (ran.code, ran.out, ran.err.strip()) == (code, "", line)


def test_our_own_mistakes_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug that is shortened to one line cannot be found."""

    def fail(_: object) -> int:
        raise KeyError("a bug")

    monkeypatch.setattr(inspect, "sinks", fail)
    with pytest.raises(KeyError):
        main(["sinks"])


def test_a_reader_that_has_seen_enough() -> None:
    """`sleevesight config show | head -1` is no error."""
    with subprocess.Popen(
        [sys.executable, "-m", "cli.main", "config", "show"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_refusal_in_a_shell() -> None:
    """The exit code reaches the shell, also through `python -m`."""
    assert "is no catalogue" in in_a_shell("catalog", "info", "none").refusal()


def test_nobody_is_told(shop: Shop, tmp_path: Path) -> None:
    """It works offline: an engine that prepares reports for its maker leaves its notes in these folders."""
    folders = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"), str(tmp_path))
    assert in_a_shell("catalog", "verify", shop.catalogue, **folders).code == 0
    assert tree(tmp_path) == {}


def test_no_progress_bar_in_a_pipe(shop: Shop, tmp_path: Path) -> None:
    """Cron jobs and CI logs keep what is written there for ever."""
    images = sorted(shop.pictures.glob("*.jpg"))
    built = in_a_shell(
        "catalog", "build", "--images", shop.pictures, "--metadata", shop.metadata, "--out", tmp_path / "c"
    )
    assert (built.code, built.err) == (0, "")
    named = in_a_shell("identify", "--json", "--cropped", "--catalog", tmp_path / "c", *images)
    assert (named.code, named.err) == (0, "")
    assert "\x1b" not in built.out + named.out
    assert [json.loads(line)["file"] for line in named.out.splitlines()] == [str(image) for image in images]


def test_a_progress_bar_on_a_terminal_leaves_the_output_alone(shop: Shop, tmp_path: Path) -> None:
    """The bar goes to standard error, so that `--json > file` holds JSON and nothing else."""
    ours, theirs = pty.openpty()
    command = ["catalog", "build", "--images", shop.pictures, "--out", tmp_path / "c", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "cli.main", *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # Linux says so when the other end has closed
            pass
        assert process.stdout is not None
        assert json.loads(process.stdout.read())["cards"] == 12
    os.close(ours)
    assert b"\x1b[" in shown
    assert b"embedding" in shown
