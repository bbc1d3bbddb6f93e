"""What a user may choose."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

MISSING = "not installed: pip install 'sleevesight[bench]'"
"""What the row of a library says that cannot be imported."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """`quick`: few rounds and small sizes, to see that it works.

    `dim`: of the search; None is the shipped model's. `rows`: of the search's catalogue; None is all three sizes.
    `cache`: the folder of what takes long to make, an index or a stream; it is made where it is missing.
    """

    quick: bool = False
    dim: int | None = None
    rows: int | None = None
    cache: Path = Path("build/micro")


def say(text: str) -> None:
    """What is being done, to whoever watches on a terminal."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)
