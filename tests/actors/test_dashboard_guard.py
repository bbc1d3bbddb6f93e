"""The dashboard from outside: whom it turns away, and that nobody who reads slowly harms another."""

import asyncio
import logging
import socket
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from actor_fakes import served_ring
from dashboard_booth import TOKEN, Booth, Page, ask, drawing, origin, track, visit_page

from actors.config import Config, updated
from actors.dashboard.clients import Client, Clients
from actors.dashboard.guard import COOKIE
from bus.clock import ManualClock
from bus.ring import RingWriter

# Whom it turns away.


@pytest.mark.parametrize(
    "path", ["/assets/../actor.py", "/assets/%2e%2e%2factor.py", "/assets/index.html", "/etc/passwd"]
)
def test_files_that_are_not_the_pages(booth: Booth, path: str) -> None:
    """Nothing but the page's own files can be read."""
    assert ask(booth, path)[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "localhost.evil.example", "[bad", ""])
def test_a_name_that_is_not_ours(booth: Booth, host: str) -> None:
    """DNS rebinding: a page of somebody else's whose name suddenly means this machine."""
    status, _, headers = ask(booth, "/", headers={"Host": host})
    assert status in (400, 403)
    if status == 403:
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("host", ["localhost:99", "127.0.0.1", "[::1]:8765", "192.168.1.20:8765"])
def test_names_that_are_ours(booth: Booth, host: str) -> None:
    """An address is nobody's name, so that nobody can point it anywhere."""
    assert ask(booth, "/", headers={"Host": host})[0] == 200


def test_a_name_of_the_configuration(tmp_path: Path, ring: RingWriter, clock: ManualClock) -> None:
    """Behind a proxy with a name of its own."""
    booth = Booth(tmp_path, ring, clock, names=["Cards.example"])
    assert ask(booth, "/", headers={"Host": "cards.example"})[0] == 200
    booth.close()


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize(
    "foreign", [None, "null", "http://evil.example", "http://127.0.0.1:1", "file://", "ws://{own}"]
)
def test_a_request_from_another_page(booth: Booth, foreign: str | None) -> None:
    """Any page in the same browser can open a WebSocket to this machine: it must not watch, nor change the list."""
    own = booth.url.removeprefix("http://").rstrip("/")
    headers = {} if foreign is None else {"Origin": foreign.format(own=own)}
    assert ask(booth, "/ws", headers={**UPGRADE, **headers})[0] == 403
    assert ask(booth, "/login", "POST", headers=headers, data={"token": TOKEN})[0] == 403


@pytest.mark.parametrize(
    "wish",
    [
        "",
        "null",
        "{}",
        '{"do": "dance"}',
        '{"do": "undo", "more": 1}',
        '{"do": "watch", "on": "yes"}',
        '{"do": "correct", "entry": -1, "card_id": "one-1"}',
        '{"do": "correct", "entry": 1e99, "card_id": "one-1"}',
        '{"do": "correct", "entry": 1}',
        '{"do": "answer", "question": 1, "card_id": ""}',
        '{"do": "find", "text": "' + "a" * 101 + '"}',
        '{"do": "find", "text": "' + "a" * 5000 + '"}',
        "[" * 2000,
        b"\x00\xff",
    ],
)
def test_what_is_no_command(booth: Booth, wish: str | bytes) -> None:
    """It ends the connection of whoever said it, and nothing else."""
    booth.confirm("one-1", 1)

    async def act(_page: Page, browser: aiohttp.ClientSession) -> None:
        async with browser.ws_connect("/ws") as socket:
            await (socket.send_str(wish) if isinstance(wish, str) else socket.send_bytes(wish))
            while not (message := await socket.receive(timeout=10)).type.name.startswith("CLOS"):
                assert message.type is aiohttp.WSMsgType.TEXT
        page = await Again.opened(browser)
        assert page.names() == ["Dromira"]

    visit_page(booth, act)


class Again:
    """Another page of the same browser."""

    @staticmethod
    async def opened(browser: aiohttp.ClientSession) -> Page:
        page = Page(await browser.ws_connect("/ws"))
        await page.until(lambda: "session" in page.news)
        return page


def test_a_form_that_is_too_long(guarded: Booth) -> None:
    """Nobody's memory is filled through the login."""
    assert ask(guarded, "/login", "POST", headers=origin(guarded), data={"token": "x" * 5000})[0] == 413


def test_more_pages_than_there_may_be(tmp_path: Path, ring: RingWriter, clock: ManualClock) -> None:
    """The rest works on; a page that is closed makes room."""
    booth = Booth(tmp_path, ring, clock, clients=2)

    async def act(_page: Page, browser: aiohttp.ClientSession) -> None:
        second = await browser.ws_connect("/ws")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await browser.ws_connect("/ws")
        assert refusal.value.status == 503
        await second.close()
        server = booth.dashboard._server
        assert server is not None
        while len(server._desk.clients) > 1:  # it may take the server a moment to see that
            await asyncio.sleep(0)
        await Again.opened(browser)

    visit_page(booth, act)
    booth.close()


# The token.


def test_without_the_token_there_is_only_the_way_in(guarded: Booth) -> None:
    """No picture, no list, no export, no WebSocket."""
    assert ask(guarded, "/")[2]["Location"] == "/login"
    assert ask(guarded, "/login")[0] == 200
    for path in ("/export/csv", "/picture/entry/1", "/assets/app.js", "/nowhere"):
        assert ask(guarded, path)[0] == 401, path
    assert ask(guarded, "/ws", headers={**UPGRADE, **origin(guarded)})[0] == 401
    assert ask(guarded, "/", headers={"Cookie": f"{COOKIE}=guess"})[0] == 303
    assert ask(guarded, "/", headers={"Cookie": f"{COOKIE}="})[0] == 303


def test_the_token_buys_a_cookie(guarded: Booth, caplog: pytest.LogCaptureFixture) -> None:
    """One that scripts cannot read and other pages cannot send, and that is not the token; nothing of it is logged."""
    with caplog.at_level(logging.DEBUG):
        wrong, page, _ = ask(guarded, "/login", "POST", headers=origin(guarded), data={"token": "guess"})
        status, _, headers = ask(guarded, "/login", "POST", headers=origin(guarded), data={"token": TOKEN})
    assert (wrong, b"not the password" in page, status, headers["Location"]) == (403, True, 303, "/")
    cookie = headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Path=/"))
    assert TOKEN not in cookie
    assert ask(guarded, "/export/csv", headers={"Cookie": cookie.partition(";")[0]})[0] == 200
    assert TOKEN not in caplog.text
    assert cookie.partition(";")[0].partition("=")[2] not in caplog.text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"host": "0.0.0.0"}, "host = 0.0.0.0 can be reached by others: set token_file"),
        ({"token_file": "{folder}/none"}, "No such file or directory; write a password"),
        ({"token_file": "{folder}/short"}, "holds less than 16 characters"),
        ({"token_file": "{folder}/open"}, "can be read by others: chmod 600"),
        ({"host": "203.0.113.7", "token_file": "{folder}/token"}, r"\[dashboard\] host = 203.0.113.7, port = 0"),
    ],
)
def test_what_is_refused_at_the_start(
    tmp_path: Path, secret: Path, ring: RingWriter, clock: ManualClock, settings: dict[str, str], message: str
) -> None:
    """One line that names the key, before anything is open to anybody."""
    (tmp_path / "short").write_text("short")
    (tmp_path / "short").chmod(0o600)
    (tmp_path / "open").write_text(TOKEN)
    (tmp_path / "open").chmod(0o644)
    assert secret.exists()
    with pytest.raises(ValueError, match=message):
        Booth(tmp_path, ring, clock, **{key: value.format(folder=tmp_path) for key, value in settings.items()})


def test_a_port_that_is_taken(tmp_path: Path, ring: RingWriter, clock: ManualClock) -> None:
    """By another dashboard, mostly."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ValueError, match=rf"\[dashboard\] port = {port} is in use"):
            Booth(tmp_path, ring, clock, port=port)


def test_settings_that_are_wrong() -> None:
    """A picture every minus three seconds."""
    with pytest.raises(ValueError, match=r"\[dashboard\] fps"):
        updated(Config(), "dashboard", fps=-3.0)


# Who reads slowly.


class Slow:
    """A page that reads nothing until it is let."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.got: list[str | bytes] = []

    async def send_str(self, data: str) -> None:
        await self.let.wait()
        self.got.append(data)

    async def send_bytes(self, data: bytes) -> None:
        await self.let.wait()
        self.got.append(data)


def test_who_reads_slowly_skips_to_the_newest() -> None:
    """One picture and one news of each kind wait for it at most, however long it sleeps."""

    async def run() -> None:
        socket = Slow()
        client, clients = Client(socket), Clients()
        clients.add(client)
        clients.watch(client, True)
        sender = asyncio.create_task(client.send())
        for number in range(100):
            clients.show(b"%d" % number)
            clients.tell("session", str(number))
            await asyncio.sleep(0)
        socket.let.set()
        while not {"99", b"99"} <= set(socket.got):
            await asyncio.sleep(0)
        assert len(socket.got) <= 4
        assert client.skipped >= 97
        sender.cancel()

    asyncio.run(asyncio.wait_for(run(), 20))


def test_fifty_pages_and_one_that_is_stuck(tmp_path: Path, clock: ManualClock) -> None:
    """Every picture is encoded once, the stuck page holds nobody up, and what waits for it is bounded."""
    pages = 50

    async def act(first: Page, browser: aiohttp.ClientSession) -> None:
        others = [await Again.opened(browser) for _ in range(pages - 1)]
        stuck = await browser.ws_connect("/ws")
        await stuck.send_str('{"do": "watch", "on": true}')
        stuck._response.connection.transport.pause_reading()  # type: ignore[union-attr]
        for page in (first, *others):
            await page.say("watch", on=True)
        server = booth.dashboard._server
        assert server is not None
        clients = server._desk.clients
        while clients.watching <= pages:
            await asyncio.sleep(0)
        shown = 0
        while not any(client.skipped for client in clients._clients) or shown < 10:
            booth.show([track(1, "confirmed", visit=1)], pixels=noise)
            shown += 1
            for page in (first, *others):
                await page.until(lambda p=page, n=shown: p.pictures and drawing(p.pictures[-1])["frame"] == n)
                del page.pictures[:-1]
        assert booth.dashboard.bus.counts["pictures"] == shown

    noise = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
    with served_ring(tmp_path / "ring.sock", clock, noise.shape[:2]) as ring:
        booth = Booth(tmp_path, ring, clock, quality=100)
        visit_page(booth, act)
        booth.close()
