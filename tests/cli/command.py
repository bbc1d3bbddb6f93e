"""Runs the command the way a shell does, in this process or in one of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.main import main
from synth.cards import CardSpec


@dataclass(frozen=True)
class Ran:
    """What a command left behind on its two outputs, and its exit code."""

    code: int
    out: str
    err: str

    def refusal(self) -> str:
        """The one line of a refusal, without the name of the program; anything else fails the test."""
        assert self.code == 2, self
        assert self.out == "", self
        lines = self.err.splitlines()
        assert len(lines) == 1, self
        assert lines[0].startswith("sleevesight: "), self
        return lines[0].removeprefix("sleevesight: ")


@dataclass(frozen=True)
class Shop:
    """What the commands are tried on. Nobody writes into it."""

    pictures: Path
    metadata: Path
    catalogue: Path
    photo: Path
    specs: Sequence[CardSpec]


class Command:
    """`command("catalog", "info", path)`: in this process, with its output captured."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Ran:
        self._capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = self._capsys.readouterr()
        return Ran(code, out, err)


def in_a_shell(*arguments: object, cwd: Path | None = None, **environment: str) -> Ran:
    """In a process of its own, with both outputs into pipes, and without what the commands set in this one."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "OPENCV_"))}
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *map(str, arguments)],
        capture_output=True,
        cwd=cwd,
        env={**own, **environment},
        timeout=60,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder, to see whether a command left something behind."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }
