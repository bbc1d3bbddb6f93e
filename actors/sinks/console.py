"""The console sink: a line for every visit of a card."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from actors.config import Config
from bus.messages import Results, Visit


class ConsoleSink:
    """Colours on a terminal, plain lines in a pipe."""

    def __init__(self, config: Config) -> None:
        del config
        self._console = Console(highlight=False, soft_wrap=True)
        self._start_ns: int | None = None
        self._stream = ""
        self._count = 0

    def results(self, results: Results) -> None:
        """Print the cards that were confirmed with this frame, and what has left without being in the catalogue."""
        if self._start_ns is None or results.stream != self._stream:
            self._start_ns, self._stream = results.t_ns, results.stream
        for visit in results.visits:
            if visit.event == "confirmed" or visit.card_id is None:
                self._console.print(self._line(visit, (visit.t_ns - self._start_ns) / 1e9))

    def _line(self, visit: Visit, seconds: float) -> Text:
        line = Text(f"{seconds:8.2f} s  ")
        if visit.card_id is None:
            return line.append("?     not in the catalogue", style="yellow")
        self._count += 1
        line.append(f"{self._count:<5} ", style="dim")
        line.append(visit.name or visit.card_id, style="bold green")
        place = " ".join(part for part in (visit.set_name, visit.number) if part)
        line.append(f"  {place}  " if place else "  ")
        line.append(visit.card_id, style="cyan")
        if len(visit.group) > 1:
            line.append(f"  or {len(visit.group) - 1} more printing(s) of the same picture", style="dim")
        if visit.distance is not None and visit.gap is not None:
            line.append(f"  distance {visit.distance:.3f} gap {visit.gap:.3f}", style="dim")
        return line

    def close(self) -> None:
        """Nothing is held."""
