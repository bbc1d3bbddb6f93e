"""Everything that the dashboard knows, in the thread of the web: what comes from the bus, what the pages want."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from actors.dashboard import protocol as p
from actors.dashboard.clients import Client, Clients
from actors.dashboard.gauges import Gauges
from actors.dashboard.listing import SHOWN, Listing
from actors.dashboard.live import Live
from actors.dashboard.picture import Shot
from actors.dashboard.questions import Key, Questions
from actors.dashboard.search import CardSearch
from actors.dashboard.session import Card, Seen, SessionList, keep
from bus.clock import Clock
from bus.messages import Heartbeat, Results, Visit
from catalog.decide import Thresholds

FOUND, NEAREST = 12, 5
"""Cards that a search finds at most, and that an entry may be changed to without one."""


class Thumbnail(NamedTuple):
    """The picture of a track, a JPEG file."""

    key: Key
    jpeg: bytes


class Another(NamedTuple):
    """Another list is to be shown."""

    make: Callable[[], SessionList]


Item = Results | Heartbeat | Thumbnail | Shot | Another


class Desk:
    """Takes items from the bus and commands from the pages, and tells the pages what has changed."""

    def __init__(self, session: SessionList, search: CardSearch, thresholds: Thresholds, clock: Clock) -> None:
        self.clients = Clients()
        self.listing = Listing(session, self.clients)
        self.live = Live(self.clients, thresholds)
        self._search = search
        self._clock = clock
        self._gauges = Gauges()
        self._questions = Questions(thresholds)
        self._visits: dict[Key, tuple[int, list[Card]]] = {}
        """By stream and visit: the track, and what it may be."""
        self._thumbnails: dict[Key, bytes] = {}
        self._pictures: dict[int, bytes] = {}
        """Of every question, by its number; also of one that was just closed: a page may ask late."""

    # From the bus.

    def take(self, item: Item) -> None:
        """One item, in the order in which they came."""
        if isinstance(item, Results):
            self._results(item)
        elif isinstance(item, Heartbeat):
            self._gauges.heartbeat(item, self._clock.now_ns())
        elif isinstance(item, Thumbnail):
            keep(self._thumbnails, item.key, item.jpeg)
        elif isinstance(item, Another):
            self.listing.join(item.make)
        else:
            self.live.show(item)

    def _results(self, results: Results) -> None:
        self._gauges.results(results, self._clock.now_ns())
        for track in results.tracks:
            if track.visit is not None:
                choices = [Card(one.card_id, one.name, one.set_name, one.number) for one in track.candidates[:NEAREST]]
                keep(self._visits, (results.stream, track.visit), (track.track_id, choices))
        if self._questions.watch(results):
            self._tell_questions()
        for visit in results.visits:
            self._visit(results, visit)

    def _visit(self, results: Results, visit: Visit) -> None:
        """A card counts when it is confirmed, what is not in the catalogue when it has left; a person's word stands."""
        if (visit.event == "confirmed") != (visit.card_id is not None):
            return
        track, choices = self._visits.get((results.stream, visit.visit), (visit.track_id, []))
        key = (results.stream, track)
        if not self._questions.answered(key):
            life = results.life or results.session
            jpeg = self._thumbnails.get(key)
            self.listing.saw(Seen(stream=results.stream, life=life, visit=visit, choices=choices, jpeg=jpeg))

    # To and from the pages.

    def greet(self, client: Client) -> None:
        """All that a new page has to know."""
        self.clients.add(client)
        self.listing.greet(client)
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
                undone = await self.listing.change(lambda session: session.undo())
                client.tell("note", p.news("note", text=f"Undone: {undone}"))
            case p.Correct() as wish:
                await self.listing.change(lambda session: session.correct(wish.entry, wish.card_id))
            case p.Answer(question, card_id):
                await self._answer(question, card_id)
            case p.Dismiss(question):
                self._questions.take(question)
                self._tell_questions()
            case p.Find(text):
                cards = await asyncio.to_thread(self._search.find, text, FOUND)
                client.tell("found", p.news("found", text=text, cards=cards))
            case p.List(search):
                entries = await self.listing.do(lambda session: session.entries(search, SHOWN))
                client.tell("list", p.news("list", search=search, entries=entries))

    async def _answer(self, number: int, card_id: str | None) -> None:
        question = self._questions.take(number)
        card = next((one for one in question.choices if one.card_id == card_id), None)
        visit = Visit(
            visit=0,
            event="confirmed" if card else "ended",
            track_id=question.key[1],
            first_frame=question.frame,
            last_frame=question.frame,
            t_ns=self._clock.now_ns(),
            distance=question.distance,
            gap=question.gap,
            **(msgspec.structs.asdict(card) if card else {}),
        )
        self._tell_questions()
        seen = Seen(
            stream=question.key[0],
            life=question.life,
            visit=visit,
            choices=question.choices,
            jpeg=self._thumbnails.get(question.key),
        )
        await self.listing.change(lambda session: session.answer(seen))

    async def thumbnail(self, kind: str, number: int) -> bytes | None:
        """The picture of an `entry` or a `question`, a JPEG file."""
        if kind == "question":
            return self._pictures.get(number)
        return await self.listing.do(lambda session: session.picture(number))

    def tick(self) -> None:
        """Once a second: how everybody is."""
        if len(self.clients):
            self.clients.tell("health", self._health_news())

    def _tell_questions(self) -> None:
        self.clients.tell("questions", self._questions_news())

    def _questions_news(self) -> str:
        rows = []
        for one in self._questions.open():
            pictured = one.key in self._thumbnails
            if pictured:
                keep(self._pictures, one.question, self._thumbnails[one.key])
            rows.append({"question": one.question, "choices": one.choices, "picture": pictured})
        return p.news("questions", questions=rows)

    async def close(self) -> None:
        """List nothing more."""
        await self.listing.close()

    def _health_news(self) -> str:
        return p.news("health", health=self._gauges.read(self._clock.now_ns()), pages=len(self.clients))
