"""Secrets come from files that not everybody may read, never from the configuration, which is shown and recorded."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_LONGEST = 4096


def read_secret(file: str, key: str) -> str:
    """The one line of a file. ValueError names the setting `key` and the remedy, and never what is in the file."""
    with _opened(file, key) as opened:
        content = opened.read(_LONGEST + 1)
    secret = content.decode(errors="replace").rstrip("\r\n")
    if not secret or len(content) > _LONGEST or "\n" in secret or "�" in secret:
        raise ValueError(f"{key} = {file} must hold the secret alone: one line of text")
    return secret


def check_private(file: str, key: str) -> Path:
    """The path of a secret that a library will read itself. ValueError if it cannot be read, or everybody can."""
    with _opened(file, key):
        return Path(file).expanduser()


@contextlib.contextmanager
def _opened(file: str, key: str) -> Iterator[BinaryIO]:
    try:
        with Path(file).expanduser().open("rb") as opened:
            if os.fstat(opened.fileno()).st_mode & stat.S_IRWXO:
                raise ValueError(f"{key} = {file} is open to every user of this machine: chmod o= {file}")
            yield opened
    except OSError as error:
        raise ValueError(f"{key} = {file}: {error.strerror}; name a file that this user can read") from None
