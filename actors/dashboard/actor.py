"""dashboard: shows what the camera sees and what was named on a web page, and takes corrections."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import ClassVar

from actors.backends import model_path
from actors.config import Config, ConfigError, load
from actors.dashboard.desk import Another, Desk, Thumbnail
from actors.dashboard.kept import KeptSession
from actors.dashboard.memory import MemorySession
from actors.dashboard.picture import Darkroom, Shot, thumbnail
from actors.dashboard.questions import Key
from actors.dashboard.search import CardSearch
from actors.dashboard.server import Server
from bus.actor import Actor, Bus
from bus.messages import Frame, FrameRef, Heartbeat, Results
from bus.ring import FrameGone
from bus.topics import HEARTBEAT, RESULTS, SINK_READS, Topic
from catalog.decide import Thresholds
from catalog.model_card import read_card
from collection.database import located

_REMEMBERED = 64
"""Frames that may still be asked for: two seconds, and leases are shorter."""


_PATIENCE_NS = 40_000_000
"""For a result: less than half of a frame's lease (`[capture] hold_ms`)."""
_BETTER = 0.01
"""A reading nearer by this is worth another thumbnail."""


class Dashboard(Actor):
    """The part of the dashboard that listens: makes pictures within their lease, and hands everything over.

    A picture is handed over with the result of its own frame, so that what is drawn on it belongs to it. It is made
    when that is there, and nobody waits for a core to find it, or while there is still time. None is made while nobody
    watches, but a thumbnail of each card.
    """

    name = "dashboard"
    inputs = (*SINK_READS["sink.dashboard"], RESULTS, HEARTBEAT)
    ends_with: ClassVar[tuple[Topic, ...]] = (RESULTS,)

    def __init__(self, bus: Bus, config: Config) -> None:
        super().__init__(bus)
        self._config = config
        self._settings = config.dashboard
        self._ring = bus.ring()
        self._server: Server | None = None
        self._refs: dict[Key, FrameRef] = {}
        """By stream and frame: where its pixels lie."""
        self._wanted: dict[Key, int] = {}
        """Pictures to be made, and by when."""
        self._darkroom = Darkroom(self._settings.width, self._settings.quality)
        self._pictures: dict[Key, bytes] = {}
        """Made before the result was there."""
        self._photographed: dict[Key, tuple[str, float]] = {}
        """By stream and track: the nearest card when its picture was taken, and how near it was."""
        self._stream = ""
        self._collection: Path | None = None
        self._due_ns = 0
        self.url = ""

    def start(self) -> None:
        """Open the port; ValueError if it cannot be had."""
        config = self._running()
        self._search = CardSearch(_catalogue(config))
        card = read_card(model_path(config.embedder))
        thresholds = card.thresholds if card else Thresholds()
        desk = Desk(self._in_memory(), self._search, thresholds, self.bus.clock)
        self._server = Server(desk, self._settings)
        self._server.start()
        self.url = self._server.url
        self.detail = f"dashboard at {self.url}"
        self._choose_list()

    def _in_memory(self) -> MemorySession:
        return MemorySession(self._search.lookup, lambda: time.time_ns() // 1_000_000)

    def _choose_list(self) -> None:
        """Show the collection if one is kept, else a list of our own."""
        assert self._server is not None
        config = self._running()
        file = located(config.collection.file)
        chosen = file if self._collects(config) and file.exists() else None
        if chosen != self._collection:
            kept = partial(KeptSession, file, _catalogue(config), config.capture.source)
            self._server.hand(Another(kept if chosen else self._in_memory))
            self._collection = chosen

    def _collects(self, config: Config) -> bool:
        return "collection" in config.sinks.enabled

    def _running(self) -> Config:
        """How the system beside us was really started, if there is one."""
        try:
            return load(self._config.launched) if self._config.launched.is_file() else self._config
        except ConfigError:
            return self._config

    def on_frame(self, frame: Frame, _blobs: object) -> None:
        """Note where the picture is, and that it is wanted, if somebody watches and it is time for one."""
        assert self._server is not None
        key = (frame.stream, frame.frame)
        self._refs[key] = frame.ref
        while len(self._refs) > _REMEMBERED:
            del self._refs[oldest := next(iter(self._refs))]
            self._wanted.pop(oldest, None)
            self._pictures.pop(oldest, None)
        if self._server.watched and self._due():
            self._wanted[key] = self.bus.clock.now_ns() + _PATIENCE_NS

    def on_results(self, results: Results, _blobs: object) -> None:
        """Hand over the frame's thumbnails, its result and, if it was wanted, its picture."""
        assert self._server is not None
        if results.stream != self._stream:
            self._stream = results.stream
            self._photographed.clear()
            self._choose_list()
        if not results.closing:
            self.bus.counts["frames"] += 1
            self._photograph(results)
        self._server.hand(results)
        key = (results.stream, results.frame)
        if results.closing or key not in self._refs:
            return
        if self._wanted.pop(key, None) is not None:
            self._pictures[key] = self._picture(self._refs[key])
        if key in self._pictures:
            ref = self._refs[key]
            self._server.hand(Shot(results, (ref.width, ref.height), self._pictures.pop(key)))
            self.bus.counts["pictures"] += 1

    def on_heartbeat(self, beat: Heartbeat, _blobs: object) -> None:
        """Hand over."""
        assert self._server is not None
        self._server.hand(beat)

    def step(self) -> float | None:
        """Make what has waited for its result for long enough, and count what the web was too slow for."""
        if self._server is not None and self._server.lost:
            self.bus.drops["web_late"] = self._server.lost
        now = self.bus.clock.now_ns()
        for key in [key for key, until in self._wanted.items() if until <= now]:
            del self._wanted[key]
            self._pictures[key] = self._picture(self._refs[key])
        return (min(self._wanted.values()) - now) / 1e6 if self._wanted else None

    def _due(self) -> bool:
        """Whether it is time for a picture, so that there are `fps` a second on average."""
        now, interval = self.bus.clock.now_ns(), round(1e9 / self._settings.fps)
        if now < self._due_ns:
            return False
        self._due_ns = max(self._due_ns, now - interval) + interval
        return True

    def _picture(self, ref: FrameRef) -> bytes:
        try:
            with self._ring.view(ref) as pixels:
                picture = self._darkroom.develop(pixels)
        except FrameGone as gone:
            self.bus.drops[gone.reason] += 1
            return b""
        return picture

    def _photograph(self, results: Results) -> None:
        """A thumbnail of each card when it is first read, read as another, or read better: then it is seen better."""
        assert self._server is not None
        ref = self._refs.get((results.stream, results.frame))
        for track in results.tracks:
            key = (results.stream, track.track_id)
            if ref is None or track.distance is None or not track.candidates:
                continue
            nearest, (before, best) = track.candidates[0].card_id, self._photographed.get(key, ("", 0.0))
            if nearest == before and track.distance > best - _BETTER:
                continue
            try:
                with self._ring.view(ref) as pixels:
                    picture = thumbnail(pixels, track.quad)
            except FrameGone as gone:
                self.bus.drops[gone.reason] += 1
                return
            self._photographed[key] = (nearest, track.distance)
            self._server.hand(Thumbnail(key, picture))

    def close(self) -> None:
        """Close the pages."""
        if self._server is not None:
            self._server.stop()


class Guest(Dashboard):
    """A dashboard beside a system: it stays when that ends, and is there when the next one begins."""

    ends_with = ()

    def _collects(self, config: Config) -> bool:
        """Between two systems the collection is there to look through."""
        return super()._collects(config) or not config.launched.is_file()

    def start(self) -> None:
        """Open the port, and say where."""
        super().start()
        print(f"{self.detail} (Ctrl-C ends it)", flush=True)


def _catalogue(config: Config) -> Path | None:
    return Path(config.matcher.catalog).expanduser() if config.matcher.catalog else None
