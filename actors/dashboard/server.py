"""The thread of the web: aiohttp's loop, started and ended from the thread of the bus."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading

from aiohttp import web

from actors.dashboard.desk import Desk, Item
from actors.dashboard.guard import Guard, read_token
from actors.dashboard.handover import Handover
from actors.dashboard.site import Site
from actors.sections import DashboardConfig

_START_S, _STOP_S = 10.0, 2.0
_TICK_S = 1.0


class Server:
    """Serves a desk. The thread of the bus hands over and never waits."""

    def __init__(self, desk: Desk, config: DashboardConfig) -> None:
        self._desk = desk
        self._config = config
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="web", daemon=True)
        self._handover: Handover[Item] = Handover(self._loop, desk.take)
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.hand = self._handover.put
        self.url = ""

    @property
    def watched(self) -> bool:
        """Whether anybody wants the live picture."""
        return self._desk.clients.watching > 0

    @property
    def lost(self) -> int:
        """Items that the web took too late."""
        return self._handover.lost

    def start(self) -> None:
        """Open the port. ValueError if it cannot be had, or may not be without a token."""
        guard = Guard(self._config, read_token(self._config))
        application = Site(self._desk, guard, self._config).application()
        self._thread.start()
        try:
            port = asyncio.run_coroutine_threadsafe(self._open(application), self._loop).result(_START_S)
        except OSError as error:
            raise ValueError(self._refusal(error)) from None
        self.url = f"http://{_reachable(self._config.host)}:{port}/"

    async def _open(self, application: web.Application) -> int:
        self._runner = web.AppRunner(application, handle_signals=False, access_log=None, shutdown_timeout=_STOP_S / 2)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._config.host, self._config.port).start()
        self._tasks = [self._loop.create_task(self._tick()), self._loop.create_task(self._desk.listing.follow())]
        port: int = self._runner.addresses[0][1]
        return port

    async def _tick(self) -> None:
        while True:
            self._desk.tick()
            await asyncio.sleep(_TICK_S)

    def stop(self) -> None:
        """Hang up and end the thread."""
        if not self._thread.is_alive():
            self._loop.close()
            return
        ending = asyncio.run_coroutine_threadsafe(self._close(), self._loop)
        try:
            ending.result(_STOP_S)
        except TimeoutError:
            ending.cancel()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STOP_S)
        if not self._thread.is_alive():
            self._loop.close()

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._desk.close()

    def _refusal(self, error: OSError) -> str:
        host, port = self._config.host, self._config.port
        if error.errno == errno.EADDRINUSE:
            return f"[dashboard] port = {port} is in use: set another one, or 0 for any that is free"
        return f"[dashboard] host = {host}, port = {port}: {error.strerror or error}; set what this machine has"


def _reachable(host: str) -> str:
    """A name to open the page by."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - only compared with
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
