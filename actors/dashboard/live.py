"""The live view: every picture goes to all pages that watch, with what is to be drawn on it."""

from __future__ import annotations

from actors.dashboard.clients import Client, Clients
from actors.dashboard.picture import Drawing, Outline, Shot, packed
from actors.dashboard.questions import band, verdict
from bus.messages import Results, TrackResult
from catalog.decide import Thresholds


class Live:
    """Shows shots to the pages."""

    def __init__(self, clients: Clients, thresholds: Thresholds) -> None:
        self._clients = clients
        self._thresholds = thresholds
        self._last: bytes | None = None

    def show(self, shot: Shot) -> None:
        """A newer picture."""
        self._last = packed(drawn(shot.results, shot.size, self._thresholds), shot.picture)
        self._clients.show(self._last)

    def greet(self, client: Client) -> None:
        """Show the last picture to a page that has just begun to watch: the stream may be over."""
        if self._last is not None:
            client.show(self._last)


def drawn(results: Results, size: tuple[int, int], thresholds: Thresholds) -> Drawing:
    """What to draw on a frame of this width and height."""
    return Drawing(results.frame, *size, [_outline(track, thresholds) for track in results.tracks])


def _outline(track: TrackResult, thresholds: Thresholds) -> Outline:
    """`reading`, `asked` (uncertain), `confirmed` or `unknown`."""
    state: str = track.status
    if state in ("detecting", "stabilizing"):
        state = "asked" if verdict(track, thresholds) == "uncertain" else "reading"
    place = " ".join(part for part in (track.set_name, track.number) if part)
    return Outline(track.track_id, track.quad, state, band(track.distance, thresholds), track.name or "", place)
