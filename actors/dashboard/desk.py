"""Everything that the dashboard knows, in the thread of the web: what comes from the bus, what the pages want."""

from __future__ import annotations

import asyncio
from typing import NamedTuple, TypeVar

import msgspec

from actors.dashboard import protocol as p
from actors.dashboard.clients import Client, Clients
from actors.dashboard.gauges import Gauges
from actors.dashboard.live import Live
from actors.dashboard.picture import Shot
from actors.dashboard.questions import Key, Questions
from actors.dashboard.search import CardSearch
from actors.dashboard.session import Card, Entry, SessionList
from bus.clock import Clock
from bus.messages import Heartbeat, Results, Visit
from catalog.decide import Thresholds

SHOWN = 100
"""Entries that a page is sent: the newest, or the newest of those that it searches for."""
FOUND, NEAREST = 12, 5
"""Cards that a search finds at most, and that an entry may be changed to without one."""
KEPT = 500
"""Thumbnails and open visits that are remembered; 4 MB."""

K = TypeVar("K")
V = TypeVar("V")


class Thumbnail(NamedTuple):
    """The picture of a track, a JPEG file."""

    key: Key
    jpeg: bytes


Item = Results | Heartbeat | Thumbnail | Shot


class Desk:
    """Takes items from the bus and commands from the pages, and tells the pages what has changed."""

    def __init__(
        self, session: SessionList, search: CardSearch, thresholds: Thresholds, clock: Clock, quality: int = 75
    ) -> None:
        self.session = session
        self.clients = Clients()
        self.live = Live(self.clients, thresholds, quality)
        self._search = search
        self._clock = clock
        self._gauges = Gauges()
        self._questions = Questions(thresholds)
        self._visits: dict[Key, tuple[int, list[Card]]] = {}
        """By stream and visit: the track, and what it may be."""
        self._thumbnails: dict[Key, bytes] = {}
        self._pictures: dict[tuple[str, int], bytes] = {}
        """Of every `entry` and `question`, by its number; also of one that was just closed: a page may ask late."""

    # From the bus.

    def take(self, item: Item) -> None:
        """One item, in the order in which they came."""
        if isinstance(item, Results):
            self._results(item)
        elif isinstance(item, Heartbeat):
            self._gauges.heartbeat(item, self._clock.now_ns())
        elif isinstance(item, Thumbnail):
            _keep(self._thumbnails, item.key, item.jpeg)
        else:
            self.live.offer(item)

    def _results(self, results: Results) -> None:
        self._gauges.results(results, self._clock.now_ns())
        for track in results.tracks:
            if track.visit is not None:
                choices = [Card(one.card_id, one.name, one.set_name, one.number) for one in track.candidates[:NEAREST]]
                _keep(self._visits, (results.stream, track.visit), (track.track_id, choices))
        if self._questions.watch(results):
            self._tell_questions()
        added = [self._visit(results.stream, visit) for visit in results.visits]
        if any(added):
            self._tell_session()

    def _visit(self, stream: str, visit: Visit) -> bool:
        """A card counts when it is confirmed, what is not in the catalogue when it has left; whether it was added."""
        if (visit.event == "confirmed") != (visit.card_id is not None):
            return False
        track, choices = self._visits.get((stream, visit.visit), (visit.track_id, []))
        if self._questions.answered((stream, track)):
            return False
        self._added(self.session.add(visit, choices), (stream, track))
        return True

    def _added(self, entry: Entry, key: Key) -> None:
        if key in self._thumbnails:
            _keep(self._pictures, ("entry", entry.entry), self._thumbnails[key])

    # To and from the pages.

    def greet(self, client: Client) -> None:
        """All that a new page has to know."""
        self.clients.add(client)
        client.tell("session", self._session_news())
        client.tell("questions", self._questions_news())
        client.tell("health", self._health_news())

    async def obey(self, client: Client, command: p.Command) -> None:
        """Do what a page wants; what cannot be done is told to that page alone."""
        try:
            await self._do(client, command)
        except ValueError as error:
            client.tell("note", p.news("note", text=str(error)))

    async def _do(self, client: Client, command: p.Command) -> None:
        match command:
            case p.Watch(on):
                self.clients.watch(client, on)
                if on:
                    self.live.greet(client)
            case p.Undo():
                if self.session.undo() is None:
                    raise ValueError("there is nothing to undo")
                self._tell_session()
            case p.Correct(entry, card_id):
                await asyncio.to_thread(self._search.lookup, card_id)  # reads the catalogue, which may take a moment
                self.session.correct(entry, card_id)
                self._tell_session()
            case p.Answer(question, card_id):
                self._answer(question, card_id)
            case p.Dismiss(question):
                self._questions.take(question)
                self._tell_questions()
            case p.Find(text):
                cards = await asyncio.to_thread(self._search.find, text, FOUND)
                client.tell("found", p.news("found", text=text, cards=cards))
            case p.List(search):
                found = self.session.entries(search)
                client.tell("list", p.news("list", search=search, total=len(found), **self._shown(found)))

    def _answer(self, number: int, card_id: str | None) -> None:
        question = self._questions.take(number)
        card = next((one for one in question.choices if one.card_id == card_id), None)
        visit = Visit(
            visit=0,
            event="confirmed" if card else "ended",
            track_id=question.key[1],
            first_frame=0,
            last_frame=0,
            t_ns=self._clock.now_ns(),
            distance=question.distance,
            gap=question.gap,
            **(msgspec.structs.asdict(card) if card else {}),
        )
        self._added(self.session.add(visit, question.choices, asked=True), question.key)
        self._tell_questions()
        self._tell_session()

    def thumbnail(self, kind: str, number: int) -> bytes | None:
        """The picture of an `entry` or a `question`, a JPEG file."""
        return self._pictures.get((kind, number))

    def tick(self) -> None:
        """Once a second: how everybody is."""
        if len(self.clients):
            self.clients.tell("health", self._health_news())

    def _tell_session(self) -> None:
        self.clients.tell("session", self._session_news())

    def _tell_questions(self) -> None:
        self.clients.tell("questions", self._questions_news())

    def _session_news(self) -> str:
        entries = self.session.entries()
        named = [one.card.card_id for one in entries if one.card is not None]
        counts = {"cards": len(named), "different": len(set(named)), "unknown": len(entries) - len(named)}
        return p.news("session", **counts, **self._shown(entries))

    def _shown(self, entries: list[Entry]) -> dict[str, list[Entry] | list[int]]:
        shown = entries[:SHOWN]
        return {"entries": shown, "pictures": [one.entry for one in shown if ("entry", one.entry) in self._pictures]}

    def _questions_news(self) -> str:
        rows = []
        for one in self._questions.open():
            pictured = one.key in self._thumbnails
            if pictured:
                _keep(self._pictures, ("question", one.question), self._thumbnails[one.key])
            rows.append({"question": one.question, "choices": one.choices, "picture": pictured})
        return p.news("questions", questions=rows)

    def _health_news(self) -> str:
        return p.news("health", health=self._gauges.read(self._clock.now_ns()), pages=len(self.clients))


def _keep(memory: dict[K, V], key: K, value: V) -> None:
    """Remember the newest KEPT of them."""
    memory.pop(key, None)
    memory[key] = value
    while len(memory) > KEPT:
        memory.pop(next(iter(memory)))
