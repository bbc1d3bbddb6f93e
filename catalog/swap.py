"""Replace a folder whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """A folder beside `out` to write into, which takes its place when the block ends without an error.

    A folder cannot be replaced in one step, so for an instant there is none; never is there half of one.
    """
    partial = out.with_name(f"{out.name}.partial-{os.getpid()}")
    old = out.with_name(f"{out.name}.old-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        _sync(partial)
        if out.exists():
            out.rename(old)
        partial.rename(out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        if old.exists() and not out.exists():
            old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def recover(out: Path) -> None:
    """Undo what a killed replacement left: the old folder goes back if there is no new one, the rest is removed.

    Only for who knows that no other process is replacing it.
    """
    old = [folder for folder in leftovers(out) if folder.name.startswith(f"{out.name}.old-")]
    if old and not out.exists():
        old.pop().rename(out)
    for folder in leftovers(out):
        shutil.rmtree(folder, ignore_errors=True)


def leftovers(path: Path) -> list[Path]:
    """Folders beside `path` that an interrupted replacement left behind."""
    return sorted(p for kind in ("partial", "old") for p in path.parent.glob(f"{path.name}.{kind}-*"))


def _sync(folder: Path) -> None:
    for file in folder.iterdir():
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
