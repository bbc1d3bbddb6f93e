"""The machine as the checks see it: files below a root, commands, and this user. Tests hand in one of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it printed; a code below 0 is the signal that ended it."""

    code: int
    out: str
    err: str = ""


Runner = Callable[[Sequence[str]], Ran | None]
"""Runs a command: None where there is no such command, or it never ends."""


def run_command(words: Sequence[str]) -> Ran | None:
    """A command of this machine, with its output."""
    if shutil.which(words[0]) is None:
        return None
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_PATIENCE_S, check=False, errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Ran(done.returncode, done.stdout, done.stderr)


def usable(path: Path) -> bool:
    """Whether this user may read and write it."""
    return os.access(path, os.R_OK | os.W_OK)


def free_mb(path: Path) -> int:
    """What this user may still write there, MB."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize // 1_000_000


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Machine:
    """Paths are the machine's own ("/dev/hailo0"), whatever the root."""

    root: Path = Path("/")
    run: Runner = run_command
    usable: Callable[[Path], bool] = usable
    free_mb: Callable[[Path], int] = free_mb
    cores: int = cores()
    uid: int = os.getuid()
    python: str = sys.executable
    boottime: bool = hasattr(time, "CLOCK_BOOTTIME")

    def at(self, path: str | Path) -> Path:
        """Where a path of the machine lies."""
        return self.root / str(path).lstrip("/")

    def text(self, path: str | Path) -> str:
        """What a file says, without the white space and zeros around it; empty if it cannot be read."""
        try:
            return self.at(path).read_text(encoding="utf-8", errors="replace").strip("\0 \n")
        except OSError:
            return ""

    def exists(self, path: str | Path) -> bool:
        """Whether there is something."""
        return self.at(path).exists()

    def find(self, pattern: str) -> list[str]:
        """The machine's paths of a pattern, in order."""
        return sorted(f"/{path.relative_to(self.root)}" for path in self.root.glob(pattern.lstrip("/")))

    @property
    def pi(self) -> str:
        """The board's name if it is a Raspberry Pi, or nothing."""
        board = self.text("/proc/device-tree/model")
        return board if "Raspberry Pi" in board else ""

    def holders(self, device: str) -> list[str] | None:
        """Who has a device open, as `name (process id)`; None if nobody was seen and not everybody may be looked at."""
        found, hidden = [], False
        for process in self._processes():
            try:
                held = any(str(fd.readlink()) == device for fd in (process / "fd").iterdir() if fd.is_symlink())
            except PermissionError:
                hidden = True
                continue
            except OSError:  # it ended meanwhile
                continue
            if held:
                found.append(f"{self.command(int(process.name))} (process {process.name})")
        return found if found or not hidden else None

    def command(self, process: int) -> str:
        """What a process is, short: an actor's name, or its program's."""
        words = self.text(f"/proc/{process}/cmdline").split("\0")
        if "run" in words[:-1] and any(word.endswith(("sleevesight", "cli.main")) for word in words):
            return words[words.index("run") + 1]
        return self.text(f"/proc/{process}/comm") or Path(words[0]).name or "unknown"

    def _processes(self) -> Iterator[Path]:
        return (path for path in sorted(self.at("/proc").glob("[0-9]*")) if path.name.isdecimal())
