"""The list of checksums beside the pictures, which `sha256sum -c SHA256SUMS` reads, too."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TextIO

from catalog.whole import write_whole

NAME = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


class Checksums:
    """SHA-256 by file, relative to the folder. A line is on disk before its file, so that no file lacks one."""

    def __init__(self, root: Path) -> None:
        self._path = root / NAME
        self._sums = dict(_read(self._path))
        self._file: TextIO | None = None

    def get(self, name: str) -> str | None:
        """What the list says of a file; None when it does not know it."""
        return self._sums.get(name)

    def add(self, name: str, data: bytes) -> None:
        """Append a line. Of two lines for a file the last one counts, until the list is tidied."""
        self._sums[name] = hashlib.sha256(data).hexdigest()
        if self._file is None:
            self.tidy()  # a line that a kill cut off must not run into the next one
            self._file = self._path.open("a", encoding="utf-8")
        self._file.write(f"{self._sums[name]}  {name}\n")
        self._file.flush()

    def tidy(self) -> None:
        """Write the list sorted, one line for each file that is there."""
        self.close()
        there = sorted(name for name in self._sums if (self._path.parent / name).is_file())
        write_whole(self._path, "".join(f"{self._sums[name]}  {name}\n" for name in there).encode())

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _read(path: Path) -> list[tuple[str, str]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    matches = (_LINE.fullmatch(line) for line in text.splitlines())
    return [(match[2], match[1]) for match in matches if match]
