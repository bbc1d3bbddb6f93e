"""The journal of a run: an answer a line, so that a run that was cut off goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_HEAD = "identify"
"""Key of the first line, with the number of the format."""
_FORMAT = 1


class Journal:
    """Answers in a file, one JSON object a line, each whole also when the process is killed.

    The first line says what was asked (`asked`: anything that JSON holds); a journal of another question is refused
    with ValueError, and so is a file that is no journal. What is cut off at its end is done again.
    """

    def __init__(self, path: Path, asked: dict[str, Any]) -> None:
        self.path = path
        self.done: dict[str, dict[str, Any]] = {}
        """Answers by file."""
        head = {_HEAD: _FORMAT, **asked}
        begun = path.exists() and path.stat().st_size > 0
        whole = self._read(head) if begun else 0
        self._file = path.open("ab", buffering=0)
        if begun:
            self._file.truncate(whole)
        else:
            self._write(head)

    def answered(self, file: Path) -> bool:
        """Whether a file has its answer, and is still the file that it was then. Errors are tried again."""
        answer = self.done.get(str(file))
        return answer is not None and "error" not in answer and answer["stamp"] == stamp(file)

    def add(self, file: Path, answer: dict[str, Any]) -> None:
        """Write down an answer."""
        self.done[str(file)] = answer = {**answer, "stamp": stamp(file)}
        self._write(answer)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")

    def _read(self, head: dict[str, Any]) -> int:
        """Take in what is there; the number of bytes that are whole lines."""
        lines = self._lines()
        first = next(lines, None)
        if first is None or _HEAD not in first[1]:
            raise ValueError(f"{self.path} is no journal of identify: name another file with --out")
        if first[1] != head:
            other = ", ".join(sorted(key for key in {*head, *first[1]} if head.get(key) != first[1].get(key)))
            raise ValueError(f"{self.path} was begun with another {other}: ask for the same, or name another file")
        whole = first[0]
        for end, answer in lines:
            whole = end
            self.done[answer["file"]] = answer
        return whole

    def _lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Where each line ends, and what it says, up to the first that is not whole."""
        end = 0
        with self.path.open("rb") as file:
            for line in file:
                end += len(line)
                try:
                    value = json.loads(line) if line.endswith(b"\n") else None
                except ValueError:
                    return
                if not isinstance(value, dict) or not ("file" in value or _HEAD in value):
                    return
                yield end, value


def stamp(file: Path) -> list[int]:
    """Size and time of a file, by which a changed one is told; empty if there is none."""
    try:
        found = file.stat()
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns]
