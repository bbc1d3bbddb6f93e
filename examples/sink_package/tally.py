"""Counts every card that is confirmed and writes `tally.csv` when the stream ends, or when Ctrl-C stops it."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for the type checker alone: the sink is handed both
    from actors.config import Config
    from bus.messages import Results


class Tally:
    """A sink: made once, fed with every frame, closed at the end. `TALLY` names another file than `tally.csv`."""

    def __init__(self, config: Config) -> None:
        """Open what is needed. ValueError or OSError end the sink with that one line; nobody else is harmed."""
        del config
        self._path = Path(os.environ.get("TALLY", "tally.csv"))
        if not self._path.parent.is_dir():
            raise ValueError(f"TALLY={self._path}: there is no folder {self._path.parent}; make it first")
        self._seen: Counter[tuple[str, str]] = Counter()

    def results(self, results: Results) -> None:
        """One frame. A visit is one physical presence of a card: it is confirmed once."""
        for visit in results.visits:
            if visit.event == "confirmed" and visit.card_id is not None:
                self._seen[visit.card_id, visit.name or ""] += 1

    def close(self) -> None:
        """The stream has ended, or the system is being stopped: write beside, and rename."""
        part = self._path.with_suffix(".part")
        with part.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["card_id", "name", "count"])
            rows.writerows([*card, count] for card, count in self._seen.most_common())
        part.replace(self._path)
