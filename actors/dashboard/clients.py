"""The open pages. Each has its own newest picture and news: who reads slowly skips, and costs nobody else anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Protocol


class Socket(Protocol):
    """What a page is sent through: the part of aiohttp's WebSocketResponse that is used."""

    async def send_str(self, data: str) -> None:
        """Send a text, waiting while the peer does not read."""

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes, waiting while the peer does not read."""


class Client:
    """One page: holds the newest news of each kind and one picture at most."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._news: dict[str, str] = {}
        self._picture: bytes | None = None
        self._woken = asyncio.Event()
        self.watching = False
        self.skipped = 0

    def tell(self, kind: str, text: str) -> None:
        """News: what is older of the same kind and has not been sent yet is out of date."""
        self._news[kind] = text
        self._woken.set()

    def show(self, picture: bytes) -> None:
        """A newer picture."""
        self.skipped += self._picture is not None
        self._picture = picture
        self._woken.set()

    async def send(self) -> None:
        """Send what there is, for ever; ConnectionError when the page is gone."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            news, self._news = self._news, {}
            for text in news.values():
                await self._socket.send_str(text)
            picture, self._picture = self._picture, None
            if picture is not None:
                await self._socket.send_bytes(picture)


class Clients:
    """All pages."""

    def __init__(self) -> None:
        self._clients: set[Client] = set()
        self.watching = 0
        """How many want the live picture; other threads may read it."""

    def __len__(self) -> int:
        """How many pages are open."""
        return len(self._clients)

    def __iter__(self) -> Iterator[Client]:
        """Those that are open."""
        return iter(self._clients)

    def add(self, client: Client) -> None:
        """A page was opened."""
        self._clients.add(client)

    def remove(self, client: Client) -> None:
        """A page was closed."""
        self._clients.discard(client)
        self._count()

    def watch(self, client: Client, on: bool) -> None:
        """A page came to the front or went to the background."""
        client.watching = on
        self._count()

    def tell(self, kind: str, text: str) -> None:
        """News for everybody."""
        for client in self._clients:
            client.tell(kind, text)

    def show(self, picture: bytes) -> None:
        """A picture for those who watch."""
        for client in self._clients:
            if client.watching:
                client.show(picture)

    def _count(self) -> None:
        self.watching = sum(client.watching for client in self._clients)
