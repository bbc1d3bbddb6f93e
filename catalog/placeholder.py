"""Pictures that show no card: flat ones, and one that stands for many ("image coming soon", a card back)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

_DHASH_BYTES = 32
_FEW_STEPS = 16
"""Of 256 brightness steps of a picture; a card has about half of them."""


def flat_rows(hashes: NDArray[np.uint8]) -> list[int]:
    """Rows of hashes uint8 [n, 64] whose picture is flat or empty."""
    steps = np.unpackbits(hashes[:, :_DHASH_BYTES], axis=1).sum(axis=1)
    return [int(row) for row in np.flatnonzero(steps < _FEW_STEPS)]


def shared_groups(groups: Sequence[Sequence[str]], names: Mapping[str, str]) -> list[Sequence[str]]:
    """The reprint groups (card ids) whose one picture stands for cards of different names (by id)."""
    return [group for group in groups if _differ({names[card_id] for card_id in group})]


def _differ(names: set[str]) -> bool:
    """Whether these are several cards: "Basic Fire Energy" is "Fire Energy", "Boss's Orders (Cyrus)" one of those."""
    words = [set(re.findall(r"\w+", name.casefold())) for name in names]
    shortest = min(words, key=len)
    return not all(shortest <= others for others in words)
