"""Pages whose figures are written by a command: between the marks `<!-- NAME: begin -->` and `<!-- NAME: end -->`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def rewrite(page: Path, contents: Mapping[str, str]) -> None:
    """Put each content between the marks of its name, whole or not at all; the page keeps what stands around them.

    ValueError for a page without the marks of one of them.
    """
    text = page.read_text(encoding="utf-8")
    for name, content in contents.items():
        text = _replaced(page, text, name, content)
    partial = page.with_name(f"{page.name}.partial-{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(page)
    finally:
        partial.unlink(missing_ok=True)


def _replaced(page: Path, text: str, name: str, content: str) -> str:
    opening, closing = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, begin, rest = text.partition(opening)
    _, end, after = rest.partition(closing)
    if not begin or not end:
        raise ValueError(f"{page} has no lines {opening} and {closing}: between them the figures are written")
    return f"{before}{begin}\n\n{content}\n\n{end}{after}"
