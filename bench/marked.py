"""Pages whose figures are written by a command: between the marks `<!-- NAME: begin -->` and `<!-- NAME: end -->`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from catalog.whole import write_whole


def rewrite(page: Path, contents: Mapping[str, str]) -> None:
    """Put each content between the marks of its name, whole or not at all; the page keeps what stands around them.

    ValueError for a page without the marks of one of them.
    """
    text = page.read_text(encoding="utf-8")
    for name, content in contents.items():
        text = _replaced(page, text, name, content)
    write_whole(page, text.encode())


def require(page: Path, names: Iterable[str]) -> None:
    """Raise what `rewrite` would, before anything has been measured for it."""
    text = page.read_text(encoding="utf-8")
    for name in names:
        _replaced(page, text, name, "")


def _replaced(page: Path, text: str, name: str, content: str) -> str:
    opening, closing = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, begin, rest = text.partition(opening)
    _, end, after = rest.partition(closing)
    if not begin or not end:
        raise ValueError(f"{page} has no lines {opening} and {closing}: between them the figures are written")
    return f"{before}{begin}\n\n{content}\n\n{end}{after}"
