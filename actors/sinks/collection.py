"""The sink collection: every visit of a card into the user's collection, with a picture of what was seen."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from actors.config import Config
from bus.actor import Actor, Bus
from bus.lock import FileLock
from bus.messages import Crops, Results, Visit
from bus.topics import CROPS, RESULTS
from catalog.store import CatalogueError
from collection import visits
from collection.database import Database, located
from collection.records import Card
from collection.shelf import Catalogued
from collection.visits import Sighting

QUALITY = 85
TRACKS, CROPS_A_TRACK = 64, 5
"""Crops that are held, as JPEG of some 20 kB: a card is confirmed by its last three."""
WAITING = 1000
"""Visits that may wait for the disk; more than that is an hour of it."""
BUSY_S = 60.0
"""An import of a long list keeps others from writing for some seconds; this sink has the time."""


class Held(NamedTuple):
    """A crop that may become a thumbnail."""

    frame: int
    upright: bool
    """Whether its turn was known: of the others, half are upside down."""
    sharpness: float
    jpeg: bytes

    @property
    def worth(self) -> tuple[bool, float]:
        """Upright before sharp."""
        return self.upright, self.sharpness


class Thumbnails:
    """The last crops of the last tracks, within a bounded memory."""

    def __init__(self) -> None:
        self._tracks: OrderedDict[int, deque[Held]] = OrderedDict()
        self._stream = self._selector = ""
        self._astray = False
        """A selector that was started again counts its tracks anew, and the results do not: no crop is of that card."""

    def hold(self, message: Crops, blobs: list[memoryview]) -> None:
        """Keep the crops of a frame."""
        if message.stream != self._stream:
            self._astray = False
            self._tracks.clear()
        elif message.session != self._selector:
            self._astray = True
            self._tracks.clear()
        self._stream, self._selector = message.stream, message.session
        if self._astray:
            return
        for crop, blob in zip(message.crops, blobs, strict=False):
            if blob.nbytes != message.height * message.width * 3:
                continue
            upright = len(crop.turns) == 1
            jpeg = _jpeg(blob, message, crop.turns[0] if upright else 0)
            held = self._tracks.setdefault(crop.track, deque(maxlen=CROPS_A_TRACK))
            held.append(Held(crop.frame, upright, crop.sharpness, jpeg))
            self._tracks.move_to_end(crop.track)
        while len(self._tracks) > TRACKS:
            self._tracks.popitem(last=False)

    def of(self, stream: str, track: int | None, first_frame: int, last_frame: int) -> Held | None:
        """The best of a track between two frames: another card may have lain there before."""
        if stream != self._stream or track is None:
            return None
        held = [one for one in self._tracks.get(track, ()) if first_frame <= one.frame <= last_frame]
        return max(held, key=lambda one: one.worth, default=None)


def _jpeg(blob: memoryview, message: Crops, turns: int) -> bytes:
    pixels = np.frombuffer(blob, np.uint8).reshape(message.height, message.width, 3)
    upright = np.ascontiguousarray(np.rot90(pixels, turns)[:, :, ::-1])
    return cv2.imencode(".jpg", upright, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


class CollectionSink(Actor):
    """Writes in a thread of its own: a disk that takes its time delays nobody, and no heartbeat."""

    name = "sink.collection"
    inputs = (CROPS, RESULTS)
    ends_with = (RESULTS,)

    def __init__(self, bus: Bus, config: Config, now_ms: Callable[[], int] = lambda: round(time.time() * 1000)) -> None:
        super().__init__(bus)
        self._config = config
        self._now_ms = now_ms
        self._thumbnails = Thumbnails()
        self._tracks: dict[int, int] = {}
        """By visit, the track that showed it last: an end does not say."""
        self._worth: dict[int, tuple[bool, float]] = {}
        """By visit, that of its thumbnail: while it is confirmed a card often still moves, under a hand."""
        self._life = ("", "")
        self._cards: Mapping[str, Card] = {}
        self._lock: FileLock | None = None
        self._database: Database | None = None
        self._disk = ThreadPoolExecutor(1, "disk")
        self._writing: deque[Future[int]] = deque()

    def start(self) -> None:
        """Open the collection. ValueError if it cannot be used, RuntimeError if another sink writes to it."""
        path = located(self._config.collection.file)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(path.with_name(path.name + ".lock"), f"the sink of {path}", "set [collection] file")
        except OSError as error:
            raise ValueError(
                f"[collection] file = {path}: {error.strerror}; name a file in a folder of yours"
            ) from None
        self._database = Database(path, create=True, busy_s=BUSY_S)
        self._read_catalogue()
        self.detail = f"collecting in {path}"

    def on_crops(self, message: Crops, blobs: list[memoryview]) -> None:
        """Hold the crops until a visit wants one."""
        self._thumbnails.hold(message, blobs)

    def on_results(self, results: Results, _blobs: object) -> None:
        """Write down what was confirmed, and what has ended."""
        life = results.life or results.session
        if (results.stream, life) != self._life:
            self._life = (results.stream, life)
            self._tracks.clear()
            self._worth.clear()
        self.bus.counts["frames"] += not results.closing
        self._tracks.update({track.visit: track.track_id for track in results.tracks if track.visit is not None})
        for visit in results.visits:
            if visit.event == "confirmed":
                self._tracks[visit.visit] = visit.track_id
            self._submit(visits.confirm if visit.event == "confirmed" else visits.end, results, visit)
            if visit.event == "ended":
                self._tracks.pop(visit.visit, None)
                self._worth.pop(visit.visit, None)

    def _submit(self, write: Callable[[Database, Sighting, int], int], results: Results, visit: Visit) -> None:
        assert self._database is not None
        if len(self._writing) >= WAITING:
            raise RuntimeError(f"{self._database.path}: {WAITING} visits wait for the disk; is it full, or gone?")
        sighting = self._sighting(results, visit)
        self._writing.append(self._disk.submit(write, self._database, sighting, self._now_ms()))
        self.bus.counts[visit.event] += 1

    def _sighting(self, results: Results, visit: Visit) -> Sighting:
        return Sighting(
            stream=results.stream,
            life=results.life or results.session,
            number=visit.visit,
            track=self._tracks.get(visit.visit),
            source=self._config.capture.source,
            first_frame=visit.first_frame,
            last_frame=visit.last_frame,
            card=self._card(visit),
            distance=visit.distance,
            gap=visit.gap,
            printings=tuple(visit.group),
            jpeg=self._better_thumbnail(results.stream, visit),
        )

    def _better_thumbnail(self, stream: str, visit: Visit) -> bytes | None:
        """The best crop of a visit so far, if it is better than the one that was written down."""
        held = self._thumbnails.of(stream, self._tracks.get(visit.visit), visit.first_frame, visit.last_frame)
        if held is None or held.worth <= self._worth.get(visit.visit, (False, -1.0)):
            return None
        self._worth[visit.visit] = held.worth
        return held.jpeg

    def _card(self, visit: Visit) -> Card | None:
        """The card as the catalogue knows it, else as the message names it."""
        if visit.card_id is None:
            return None
        if visit.card_id not in self._cards:  # a set that has been added since
            self._read_catalogue()
        named = Card(
            card_id=visit.card_id,
            name=visit.name or visit.card_id,
            set_id=visit.card_id.rpartition("-")[0],
            set_name=visit.set_name or "",
            number=visit.number or "",
        )
        return self._cards.get(visit.card_id, named)

    def _read_catalogue(self) -> None:
        try:
            self._cards = Catalogued(Path(self._config.matcher.catalog).expanduser())
        except CatalogueError:
            self._cards = {}  # it is not on this machine, or is just being replaced: the messages name the cards

    def step(self) -> float | None:
        """Look after what has been written. CollectionError if it could not be."""
        while self._writing and self._writing[0].done():
            self._writing.popleft().result()
        return 50.0 if self._writing else None

    def settled(self) -> bool:
        """Whether everything is on the disk."""
        return not self._writing

    def finish(self) -> None:
        """Wait for the rest."""
        while self._writing:
            self._writing.popleft().result()

    def queue(self) -> int:
        """Visits that wait for the disk."""
        return len(self._writing)

    def close(self) -> None:
        """Close the file."""
        self._disk.shutdown()
        if self._database is not None:
            self._database.close()
        if self._lock is not None:
            self._lock.release()
