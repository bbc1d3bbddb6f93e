"""The live view: every picture is encoded once, for all pages, in a thread beside; the newest goes first."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from actors.dashboard.clients import Client, Clients
from actors.dashboard.picture import Drawing, Outline, Shot, jpeg, packed
from actors.dashboard.questions import band, verdict
from bus.messages import Results, TrackResult
from catalog.decide import Thresholds


class Live:
    """Takes shots and shows them to the pages; one that comes while another waits replaces it."""

    def __init__(self, clients: Clients, thresholds: Thresholds, quality: int) -> None:
        self._clients = clients
        self._thresholds = thresholds
        self._quality = quality
        self._pool = ThreadPoolExecutor(1, "encoder")
        self._next: Shot | None = None
        self._work: asyncio.Task[None] | None = None
        self._last: bytes | None = None
        self.encoded = 0

    def offer(self, shot: Shot) -> None:
        """A newer picture, from the thread of the web."""
        self._next = shot
        if self._work is None:
            self._work = asyncio.get_running_loop().create_task(self._encode())

    def greet(self, client: Client) -> None:
        """Show the last picture to a page that has just begun to watch: the stream may be over."""
        if self._last is not None:
            client.show(self._last)

    def close(self) -> None:
        """Encode nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _encode(self) -> None:
        try:
            while self._next is not None:
                shot, self._next = self._next, None
                loop = asyncio.get_running_loop()
                self._last = await loop.run_in_executor(self._pool, self._message, shot)
                self.encoded += 1
                self._clients.show(self._last)
        finally:
            self._work = None

    def _message(self, shot: Shot) -> bytes:
        drawing = drawn(shot.results, shot.size, self._thresholds)
        return packed(drawing, b"" if shot.pixels is None else jpeg(shot.pixels, self._quality))


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
