"""A dashboard on a fake bus beside a ring: it is shown frames, and its page is looked at from outside."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import numpy as np
from actor_fakes import Pixels

from actors.config import Config, updated
from actors.dashboard.actor import Dashboard
from actors.sinks.collection import CollectionSink
from bus.clock import ManualClock
from bus.fake import FakeBus
from bus.messages import Candidate, Frame, Heartbeat, Hop, Results, TrackResult, Visit
from bus.ring import RingWriter
from bus.topics import FRAME, HEARTBEAT, RESULTS
from catalog.store import ModelRef, Printing, write

TOKEN = "a long enough secret"
STEP_MS = 100.0
"""Between frames: a ring of three slots with leases of 250 ms always has one that is free."""
PATIENCE_S = 20.0
CARDS = {
    "one-1": Printing(name="Dromira", set="one", set_name="Hollow Tides", number="1"),
    "one-2": Printing(name="Ketziwyn", set="one", set_name="Hollow Tides", number="2"),
    "two-9": Printing(name="Brassazor", set="two", set_name="Glass Orchard", number="9"),
}
QUAD = [(10.0, 8.0), (30.0, 8.0), (30.0, 36.0), (10.0, 36.0)]
CONFIRMED, UNCERTAIN, STRANGE = (0.05, 1.0), (0.42, 0.5), (0.9, 0.01)
"""Distance and gap of readings that are each beyond doubt what they are called."""


class Booth:
    """The dashboard, and what it is shown; with a `collection`, beside the sink that writes it."""

    def __init__(
        self, folder: Path, ring: RingWriter, clock: ManualClock, collection: Path | None = None, **settings: Any
    ) -> None:
        self.ring, self.clock = ring, clock
        self.bus = FakeBus(folder, clock=clock)
        config = updated(Config(), "bus", run_dir=str(folder))
        config = updated(config, "matcher", catalog=str(catalogue(folder / "catalogue")))
        config = updated(config, "dashboard", **{"port": 0, **settings})
        self.sink: CollectionSink | None = None
        if collection is not None:
            config = updated(config, "collection", file=str(collection))
            config = updated(config, "sinks", enabled=["collection", "dashboard"])
            self.sink = CollectionSink(self.bus, config)
            self.sink.start()
        self.dashboard = Dashboard(self.bus, config)
        self.dashboard.start()
        self.url = self.dashboard.url
        self.frame = 0

    def show(
        self,
        tracks: Sequence[TrackResult] = (),
        visits: Sequence[Visit] = (),
        pixels: Pixels | None = None,
        stream: str = "s",
        after_ms: float = STEP_MS / 5,
    ) -> None:
        """One frame and, after a while, its result; meanwhile the dashboard is called when it wants to be."""
        self.frame += 1
        height, width = self.ring.shape[:2]
        ref = self.ring.write(np.full((height, width, 3), 90, np.uint8) if pixels is None else pixels)
        assert ref is not None
        now = self.clock.now_ns()
        self.bus.feed(self.dashboard, FRAME, Frame(stream=stream, frame=self.frame, t_ns=now, ref=ref))
        wish = self.dashboard.step()
        if wish is not None and wish < after_ms:
            self.clock.advance(wish)
            self.dashboard.step()
        self.clock.advance(after_ms - (self.clock.now_ns() - now) / 1e6)
        trace = [Hop("capture", now, now), Hop("smooth", now, self.clock.now_ns())]
        results = Results(
            stream=stream,
            frame=self.frame,
            t_ns=now,
            trace=trace,
            status="cards" if tracks else "no_card",
            tracks=list(tracks),
            visits=list(visits),
        )
        self.bus.feed(self.dashboard, RESULTS, results)
        if self.sink is not None:
            self.bus.feed(self.sink, RESULTS, results)
        self.clock.advance(max(0.0, STEP_MS - after_ms))

    def beat(self, actor: str, **more: Any) -> None:
        beat = Heartbeat(actor=actor, pid=1, t_ns=0, state="ready", started_ns=0, **more)
        self.bus.feed(self.dashboard, HEARTBEAT, beat)

    def confirm(self, card_id: str, visit: int) -> None:
        """A card is there, and confirmed."""
        self.show([track(visit, "confirmed", card_id, visit=visit)], [visited(card_id, visit)])

    def doubt(self, number: int = 7) -> None:
        """A card is looked at again and again and remains uncertain."""
        for look in range(13):
            self.show([track(number, "stabilizing", "one-1", reading=(UNCERTAIN[0] + look / 1000, UNCERTAIN[1]))])

    def close(self) -> None:
        self.dashboard.close()
        if self.sink is not None:
            self.sink.close()


def track(
    number: int,
    status: Any,
    card_id: str = "one-1",
    visit: int | None = None,
    reading: tuple[float, float] = CONFIRMED,
    quad: Any = QUAD,
) -> TrackResult:
    """A track whose nearest card is this one; the others of the catalogue follow."""
    card = CARDS[card_id]
    named = {"card_id": card_id, "name": card.name, "set_name": card.set_name, "number": card.number}
    order = sorted(CARDS, key=lambda one: one != card_id)
    return TrackResult(
        track_id=number,
        status=status,
        quad=quad,
        distance=reading[0],
        gap=reading[1],
        visit=visit,
        candidates=[candidate(one, reading[0] + place / 10) for place, one in enumerate(order)],
        **(named if status == "confirmed" else {}),
    )


def candidate(card_id: str, distance: float) -> Candidate:
    card = CARDS[card_id]
    return Candidate(card_id, card.name, card.set_name, card.number, distance, 1.0 - distance)


def visited(card_id: str | None, visit: int, event: Any = "confirmed") -> Visit:
    """A visit as the smoother tells of it; without a card, of something that is not in the catalogue."""
    card = CARDS[card_id] if card_id else None
    return Visit(
        visit=visit,
        event=event,
        track_id=visit if event == "confirmed" else 0,
        first_frame=1,
        last_frame=2,
        t_ns=5,
        card_id=card_id,
        name=card.name if card else None,
        set_name=card.set_name if card else None,
        number=card.number if card else None,
    )


def catalogue(folder: Path) -> Path:
    """A catalogue of CARDS."""
    vectors = np.eye(len(CARDS), 8, dtype=np.float32)
    write(
        folder,
        ids=list(CARDS),
        cards=CARDS,
        embeddings=vectors,
        hashes=np.zeros((len(CARDS), 64), np.uint8),
        groups=[],
        model=ModelRef("ab" * 32, "none", 8),
        sources=[],
        created="2026-01-01T00:00:00+00:00",
    )
    return folder


class Page:
    """A page without a browser: what it was told last of each kind, and the pictures that came."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.news: dict[str, Any] = {}
        self.pictures: list[bytes] = []

    async def say(self, do: str, **content: Any) -> None:
        await self._socket.send_json({"do": do, **content})

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Listen until something is so."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := condition()):
            message = await self._socket.receive(timeout=max(0.1, deadline - time.monotonic()))
            assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
            if message.type is aiohttp.WSMsgType.BINARY:
                self.pictures.append(message.data)
            else:
                news = msgspec.json.decode(message.data)
                self.news[news["kind"]] = news
        return found

    def names(self, kind: str = "session") -> list[str | None]:
        """The entries that it shows, newest first."""
        entries = self.news.get(kind, {}).get("entries", [])
        return [one["card"] and one["card"]["name"] for one in entries]


def visit_page(booth: Booth, act: Callable[[Page, aiohttp.ClientSession], Awaitable[None]]) -> None:
    """Open the page's WebSocket as a browser would, and do something with it."""

    async def run() -> None:
        own = {"Origin": booth.url.rstrip("/")}
        async with aiohttp.ClientSession(booth.url, headers=own) as browser, browser.ws_connect("/ws") as socket:
            page = Page(socket)
            await page.until(lambda: {"health", "session"} <= page.news.keys())
            await act(page, browser)

    asyncio.run(run())


def ask(booth: Booth, path: str, method: str = "GET", **more: Any) -> tuple[int, bytes, Any]:
    """Status, body and headers of one request; redirects are not followed."""

    async def run() -> tuple[int, bytes, Any]:
        async with (
            aiohttp.ClientSession(booth.url, cookie_jar=aiohttp.DummyCookieJar()) as browser,
            browser.request(method, path, allow_redirects=False, **more) as answer,
        ):
            return answer.status, await answer.read(), answer.headers

    return asyncio.run(run())


def origin(booth: Booth) -> dict[str, str]:
    return {"Origin": booth.url.rstrip("/")}


def drawing(message: bytes) -> Any:
    return msgspec.json.decode(message[4 : 4 + int.from_bytes(message[:4], "little")])
