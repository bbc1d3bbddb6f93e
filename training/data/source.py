"""Where the cards of a run come from, as its TOML file says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from training.data.generated import generated
from training.data.pictures import Pictures, joined, parted, read_pictures

_FEWEST = 60


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which cards are learnt from. Without `cards`, a folder, all are generated."""

    cards: Path | None = None
    labels: Path | None = None
    """CSV with the columns file, id, set and group; default: cards.csv in the folder."""
    held_out: tuple[str, ...] = ()
    """Sets that are validated on and never learnt from."""
    generated: int = 1000
    """Generated cards that are learnt from besides."""

    def read(self, size: tuple[int, int]) -> tuple[Pictures, Pictures]:
        """Pictures to learn from and pictures held out, at `size` (h, w). Generated ones are held out as a deck."""
        if self.cards is None:
            return generated(self.generated, size, 0), generated(max(_FEWEST, self.generated // 10), size, 1)
        learnt, held_out = parted(
            read_pictures(self.cards, self.labels or self.cards / "cards.csv", size), self.held_out
        )
        return (joined(learnt, generated(self.generated, size)) if self.generated else learnt), held_out


def digest(pictures: Pictures) -> str:
    """SHA-256 over pictures, classes and ids: what a run has learnt from."""
    total = hashlib.sha256(pictures.images.cpu().numpy().tobytes())
    total.update(pictures.classes.cpu().numpy().tobytes())
    total.update("\n".join(pictures.ids).encode())
    return total.hexdigest()
