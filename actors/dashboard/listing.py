"""The list in a thread of its own, because a disk takes its time, and telling the pages whenever it has changed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec

from actors.dashboard import protocol as p
from actors.dashboard.clients import Client, Clients
from actors.dashboard.session import Seen, SessionList

SHOWN = 100
"""Entries that a page is sent: the newest, or the newest of those that it searches for."""
FOLLOW_S = 0.25
"""How often it is looked whether somebody else has changed the list."""

T = TypeVar("T")


class Listing:
    """A `SessionList` for the thread of the web, which waits for it in coroutines alone."""

    def __init__(self, session: SessionList, clients: Clients) -> None:
        self.session = session
        self._clients = clients
        self._hands = ThreadPoolExecutor(1, "list")
        self._stale = False
        self._reader: asyncio.Task[None] | None = None
        self._joining: set[asyncio.Task[None]] = set()
        self._new: list[Client] = []
        """Pages that have not been told anything yet."""
        self._told = ""

    async def do(self, act: Callable[[SessionList], T]) -> T:
        """Do something with the list, after everything that was asked of it before."""
        return await asyncio.get_running_loop().run_in_executor(self._hands, lambda: act(self.session))

    async def change(self, act: Callable[[SessionList], T]) -> T:
        """Do something that changes the list."""
        done = await self.do(act)
        self.renew()
        return done

    def saw(self, seen: Seen) -> None:
        """The camera tells of a visit."""
        self._hands.submit(lambda: self.session.saw(seen))
        self.renew()

    def join(self, make: Callable[[], SessionList]) -> None:
        """Show another list from now on: what is seen after this belongs to it."""
        swapping = self._hands.submit(self._swap, make)
        task = asyncio.get_running_loop().create_task(self._join(asyncio.wrap_future(swapping)))
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)

    async def _join(self, swapping: asyncio.Future[None]) -> None:
        try:
            await swapping
        except ValueError as error:
            self._clients.tell("note", p.news("note", text=str(error)))
        else:
            self.renew()

    def _swap(self, make: Callable[[], SessionList]) -> None:
        before, self.session = self.session, make()
        before.close()

    def greet(self, client: Client) -> None:
        """Tell a new page, too."""
        self._new.append(client)
        self.renew()

    def renew(self) -> None:
        """Read the list again and tell the pages, once for all that changes meanwhile."""
        self._stale = True
        if self._reader is None:
            self._reader = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        try:
            while self._stale:
                self._stale = False
                new, self._new = self._new, []
                news = await self.do(_news)
                for client in new if news == self._told else self._clients:
                    client.tell("session", news)
                self._told = news
        except ValueError as error:
            self._clients.tell("note", p.news("note", text=str(error)))
        finally:
            self._reader = None

    async def follow(self) -> None:
        """Look for ever whether somebody else has changed the list."""
        while True:
            await asyncio.sleep(FOLLOW_S)
            with contextlib.suppress(ValueError):  # the next read says it
                if await self.do(lambda session: session.changed()):
                    self.renew()

    async def close(self) -> None:
        """Finish what was begun; nothing more is taken."""
        await self.do(lambda session: session.close())
        self._hands.shutdown(wait=False)


def _news(session: SessionList) -> str:
    entries = session.entries("", SHOWN)
    return p.news("session", kept=session.kept, **msgspec.structs.asdict(session.count()), entries=entries)
