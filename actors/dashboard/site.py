"""The addresses of the dashboard: the page and its files, the WebSocket, thumbnails, exports, and signing in."""

from __future__ import annotations

import asyncio
import contextlib
import io
import tempfile
from importlib.resources import files
from typing import IO, cast

from aiohttp import WSMsgType, web

from actors.dashboard.clients import Client
from actors.dashboard.desk import Desk
from actors.dashboard.guard import Guard, harden
from actors.dashboard.protocol import MAX_COMMAND_BYTES, command
from actors.dashboard.session import Format
from actors.sections import DashboardConfig

PING_S = 15.0
"""A page that does not answer for half of it is gone, or stuck: its connection is closed."""
_EXPORTS: dict[Format, str] = {"csv": "text/csv", "json": "application/json"}
_PART_BYTES = 1 << 16
_WRONG = b'<p role="alert" class="wrong">That is not the password.</p>'
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


class Site:
    """The web application around a desk."""

    def __init__(self, desk: Desk, guard: Guard, config: DashboardConfig) -> None:
        self._desk = desk
        self._guard = guard
        self._most = config.clients
        self._sockets: set[web.WebSocketResponse] = set()
        self._files = {file.name: file.read_bytes() for file in files("actors.dashboard").joinpath("page").iterdir()}

    def application(self) -> web.Application:
        """What aiohttp serves."""
        application = web.Application(middlewares=[self._guard.check], client_max_size=MAX_COMMAND_BYTES)
        application.on_response_prepare.append(harden)
        application.on_shutdown.append(self._hang_up)
        application.add_routes(
            [
                web.get("/", self._page),
                web.get("/overlay", self._overlay),
                web.get("/login", self._login),
                web.post("/login", self._sign_in),
                web.get("/assets/{name}", self._asset),
                web.get(r"/picture/{kind:entry|question}/{number:\d{1,15}}", self._picture),
                web.get("/export/{form}", self._export),
                web.get("/ws", self._socket),
            ]
        )
        return application

    async def _page(self, _request: web.Request) -> web.Response:
        return self._file("index.html")

    async def _overlay(self, _request: web.Request) -> web.Response:
        return self._file("overlay.html")

    async def _login(self, request: web.Request) -> web.Response:
        if self._guard.welcome(request):
            raise web.HTTPSeeOther("/")
        return self._file("login.html")

    async def _asset(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._files or name.endswith(".html"):
            raise web.HTTPNotFound
        return self._file(name)

    def _file(self, name: str, status: int = 200) -> web.Response:
        kind = _TYPES[name.rpartition(".")[2]]
        return web.Response(body=self._files[name], content_type=kind, charset="utf-8", status=status)

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        token = (await request.post()).get("token")
        response = web.Response(status=303, headers={"Location": "/"})
        if isinstance(token, str) and self._guard.sign_in(token, response):
            return response
        denied = self._file("login.html", 403)
        denied.body = self._files["login.html"].replace(b"<label", _WRONG + b"<label", 1)
        return denied

    async def _picture(self, request: web.Request) -> web.Response:
        picture = await self._desk.thumbnail(request.match_info["kind"], int(request.match_info["number"]))
        if picture is None:
            raise web.HTTPNotFound
        return web.Response(body=picture, content_type="image/jpeg", headers={"Cache-Control": "private, max-age=60"})

    async def _export(self, request: web.Request) -> web.StreamResponse:
        """A file, however long: written first, so that what fails is said and not half a download."""
        form = cast(Format, request.match_info["form"])
        if form not in _EXPORTS:
            raise web.HTTPNotFound
        with tempfile.TemporaryFile() as file:
            try:
                await asyncio.to_thread(self._write, form, file)
            except ValueError as error:
                raise web.HTTPServiceUnavailable(text=f"{error}\n") from None
            file.seek(0)
            name = f'attachment; filename="sleevesight.{form}"'
            response = web.StreamResponse(headers={"Content-Disposition": name})
            response.content_type, response.charset = _EXPORTS[form], "utf-8"
            await response.prepare(request)
            while part := file.read(_PART_BYTES):
                await response.write(part)
            await response.write_eof()
            return response

    def _write(self, form: Format, file: IO[bytes]) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        self._desk.listing.session.export(form, text)
        text.detach()  # flushes, and leaves the file open

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        if len(self._desk.clients) >= self._most:
            raise web.HTTPServiceUnavailable(text=f"{self._most} pages are open already ([dashboard] clients).\n")
        socket = web.WebSocketResponse(heartbeat=PING_S, max_msg_size=MAX_COMMAND_BYTES, compress=False, timeout=2.0)
        client = Client(socket)
        self._desk.greet(client)  # before anything is awaited, so that the count holds
        sender: asyncio.Task[None] | None = None
        try:
            await socket.prepare(request)
            self._sockets.add(socket)
            sender = asyncio.create_task(client.send())
            await self._listen(socket, client)
        finally:
            self._desk.clients.remove(client)
            self._sockets.discard(socket)
            if sender is not None:
                sender.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                    await sender
        return socket

    async def _listen(self, socket: web.WebSocketResponse, client: Client) -> None:
        """Obey what the page says; hang up on what is no command."""
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            try:
                wish = command(message.data)
            except ValueError:
                await socket.close(code=1008, message=b"no command")
                return
            await self._desk.obey(client, wish)

    async def _hang_up(self, _application: web.Application) -> None:
        """The pages reconnect by themselves; one that does not listen is not waited for."""
        await asyncio.gather(*(socket.close(code=1001) for socket in self._sockets), return_exceptions=True)
