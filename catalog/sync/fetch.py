"""Getting one thing from a source: politely, again after what passes, and never from elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from catalog.sync.addresses import Addresses, is_loopback
from catalog.sync.pace import ATTEMPTS, Pace, Timing, backoff_s, retry_after_s

_PICTURES_PER_S = 10.0
_REQUESTS_PER_S = 5.0
"""With a key, whose quota is of the day and not of the minute."""
_DOCUMENT_BYTES = 50_000_000
_PICTURE_BYTES = 20_000_000
_HOPS = 4
_PASSING = {408, 425, 429, 500, 502, 503, 504}
"""Answers of a host that may well answer otherwise in a moment."""
KEY_HEADER = "X-Api-Key"


class FetchError(Exception):
    """Why something cannot be had, in words that fit behind its name."""


class _PassingError(Exception):
    """Something that is worth another attempt; `pause_s` is what the host asked for."""

    def __init__(self, reason: str, pause_s: float | None = None) -> None:
        super().__init__(reason)
        self.pause_s = pause_s


@dataclass
class _Answer:
    """What was received so far. With a validator the rest can be asked for instead of all."""

    body: bytearray = field(default_factory=bytearray)
    validator: str = ""
    status: int = 0
    etag: str = ""


@dataclass(frozen=True)
class Document:
    """An answer of the data interface, and its ETag if it had one."""

    body: bytes
    etag: str


def open_client(base_url: str) -> httpx.AsyncClient:
    """The HTTP client of a sync: few connections, redirects left to `Fetcher`, no proxy to this machine."""
    return httpx.AsyncClient(
        headers={"User-Agent": "sleevesight-catalog-sync"},
        timeout=httpx.Timeout(30.0),
        limits=httpx.Limits(max_connections=4),
        follow_redirects=False,
        trust_env=not is_loopback(base_url),
    )


class Fetcher:
    """Documents and pictures of one source. The key goes to the source's own host alone, and into no message."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        addresses: Addresses,
        *,
        requests_per_s: float,
        key: str = "",
        timing: Timing | None = None,
        deadline_s: float = 120.0,
    ) -> None:
        self._client, self._addresses, self._key, self._deadline_s = client, addresses, key, deadline_s
        self._timing = timing or Timing()
        self._documents = Pace(_REQUESTS_PER_S if key else requests_per_s, self._timing)
        self._pictures = Pace(_PICTURES_PER_S, self._timing)

    async def document(self, url: str, etag: str = "") -> Document | None:
        """An answer of the data interface; None when it is the one with this ETag still. Raises FetchError."""
        headers = {"Accept": "application/json", **({"If-None-Match": etag} if etag else {})}
        answer = await self._get(url, headers, _DOCUMENT_BYTES, self._documents)
        return None if answer.status == httpx.codes.NOT_MODIFIED else Document(bytes(answer.body), answer.etag)

    async def picture(self, url: str) -> bytes:
        """The bytes of a picture's address, whatever they are. Raises FetchError."""
        headers = {"Accept": "image/*", "Accept-Encoding": "identity"}
        return bytes((await self._get(url, headers, _PICTURE_BYTES, self._pictures)).body)

    async def _get(self, url: str, headers: Mapping[str, str], most_bytes: int, pace: Pace) -> _Answer:
        answer, reason = _Answer(), ""
        for attempt in range(1, ATTEMPTS + 1):
            await pace.turn()
            if pace.given_up:
                raise FetchError(f"{urlsplit(url).hostname} was given up: {pace.given_up}")
            try:
                async with asyncio.timeout(self._deadline_s):
                    await self._attempt(url, headers, most_bytes, answer)
            except FetchError:
                pace.answered()
                raise
            except (httpx.RequestError, TimeoutError, _PassingError) as error:
                reason = _words(error)
                await self._wait(error, attempt, pace)
            else:
                pace.answered()
                return answer
        pace.failed(reason)
        raise FetchError(f"{reason} ({ATTEMPTS} attempts)")

    async def _wait(self, error: Exception, attempt: int, pace: Pace) -> None:
        if isinstance(error, _PassingError) and error.pause_s is not None:
            pace.pause(error.pause_s)
        elif attempt < ATTEMPTS:
            await self._timing.sleep(backoff_s(attempt, self._timing.uniform))

    async def _attempt(self, url: str, headers: Mapping[str, str], most_bytes: int, answer: _Answer) -> None:
        for _ in range(_HOPS):
            if not self._addresses.allowed(url):
                raise FetchError(f"it leads to {url}, which is not the source's")
            sent = {**headers, **self._more_headers(url, answer)}
            async with self._client.stream("GET", url, headers=sent) as response:
                if not response.has_redirect_location:
                    self._judge(response, answer)
                    await _receive(response, most_bytes, answer)
                    return
                url = str(response.url.join(response.headers["Location"]))
        raise FetchError("it is redirected again and again")

    def _more_headers(self, url: str, answer: _Answer) -> dict[str, str]:
        more = {KEY_HEADER: self._key} if self._key and self._addresses.of_source(url) else {}
        if answer.body and answer.validator:
            more |= {"Range": f"bytes={len(answer.body)}-", "If-Range": answer.validator}
        return more

    def _judge(self, response: httpx.Response, answer: _Answer) -> None:
        status = response.status_code
        if status in (200, 206, 304):
            return
        if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and answer.body:
            answer.body.clear()
            raise _PassingError("the rest of it cannot be had")
        text = f"HTTP {status} {response.reason_phrase}".rstrip()
        if status in _PASSING:
            raise _PassingError(text, retry_after_s(response.headers.get("Retry-After"), self._timing.now()))
        if status in (401, 403) and self._key:
            text += ": is the key right?"
        raise FetchError(text)


async def _receive(response: httpx.Response, most_bytes: int, answer: _Answer) -> None:
    headers = response.headers
    if response.status_code != httpx.codes.PARTIAL_CONTENT:
        answer.body.clear()
    elif not headers.get("Content-Range", "").startswith(f"bytes {len(answer.body)}-"):
        answer.body.clear()
        raise _PassingError("another part than the one that was asked for")
    answer.status, answer.etag = response.status_code, headers.get("ETag", "")
    strong = "" if answer.etag.startswith("W/") else answer.etag
    answer.validator = "" if "Content-Encoding" in headers else strong or headers.get("Last-Modified", "")
    async for chunk in response.aiter_bytes():
        answer.body += chunk
        if len(answer.body) > most_bytes:
            raise FetchError(f"more than {most_bytes / 1e6:.0f} MB")


def _words(error: Exception) -> str:
    if isinstance(error, (TimeoutError, httpx.TimeoutException)):
        return "no answer in time"
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError):
        return "the connection was cut"
    if isinstance(error, httpx.ConnectError):
        return "no connection"
    return str(error) or type(error).__name__
