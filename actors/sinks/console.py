"""The console sink: a line for every visit of a card."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from actors.config import Config
from actors.events import Beginning
from bus.messages import Results, Visit

Part = tuple[str, str]
"""A piece of a line and its style."""


class ConsoleSink:
    """Colours on a terminal, plain lines in a pipe."""

    def __init__(self, config: Config) -> None:
        del config
        self._coloured = sys.stdout.isatty()
        self._beginning = Beginning()
        self._count = 0

    def results(self, results: Results) -> None:
        """Print the cards that were confirmed with this frame, and what has left without being in the catalogue."""
        start_ns = self._beginning.of(results)
        for visit in results.visits:
            if visit.event == "confirmed" or visit.card_id is None:
                self._print(self._line(visit, (visit.t_ns - start_ns) / 1e9))

    def _line(self, visit: Visit, seconds: float) -> Iterable[Part]:
        yield f"{seconds:8.2f} s  ", ""
        if visit.card_id is None:
            yield "?     not in the catalogue", "yellow"
            return
        self._count += 1
        yield f"{self._count:<5} ", "dim"
        yield visit.name or visit.card_id, "bold green"
        place = " ".join(part for part in (visit.set_name, visit.number) if part)
        yield f"  {place}  " if place else "  ", ""
        yield visit.card_id, "cyan"
        if len(visit.group) > 1:
            more = len(visit.group) - 1
            yield f"  or {more} more printing{'s' if more > 1 else ''} of the same picture", "dim"
        if visit.distance is not None and visit.gap is not None:
            yield f"  distance {visit.distance:.3f} gap {visit.gap:.3f}", "dim"

    def _print(self, parts: Iterable[Part]) -> None:
        if not self._coloured:
            print("".join(text for text, _ in parts), flush=True)
            return
        from rich.console import Console
        from rich.text import Text

        Console(highlight=False, soft_wrap=True).print(Text.assemble(*parts))

    def close(self) -> None:
        """Nothing is held."""
