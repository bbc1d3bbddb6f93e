"""The webhook sink: a signed POST for every visit, one after another, until each was taken (docs/fleet.md)."""

from __future__ import annotations

import random
import ssl
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

import httpx

from actors.config import Config
from actors.forwarder import Forwarder, is_loopback
from actors.secret import read_secret
from actors.sections import WebhookConfig
from actors.sinks.signature import signed, signing_key
from actors.spool import Item
from bus.actor import Bus
from bus.log import get_logger

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 300.0
LONGEST_RETRY_AFTER_S = 3600.0
_WRONG_MESSAGE = frozenset({400, 405, 406, 410, 411, 413, 414, 415, 422, 431})
"""Statuses that say that this request will never be taken. 401, 403 and 404 are about a key or an address that somebody
may be mending, so those are tried again."""
_ENOUGH_BYTES = 64 << 10
"""Of an answer nobody reads: more is not taken in, and the connection closed instead."""
_LONGEST_TEXT = 200

Verdict = Literal["taken", "never", "later"]

log = get_logger("webhook")


class Webhook(Forwarder):
    """Posts to `[webhook] url`. ValueError for settings that cannot work."""

    name = "sink.webhook"

    def __init__(self, bus: Bus, config: Config) -> None:
        settings = config.webhook
        self._url = _checked(settings)
        if not settings.secret_file:
            raise ValueError("nothing to sign with: set [webhook] secret_file (openssl rand -base64 32 > FILE)")
        self._key = signing_key(read_secret(settings.secret_file, "[webhook] secret_file"), "[webhook] secret_file")
        self._client = httpx.Client(
            verify=_trust(settings),
            timeout=settings.timeout_s,
            follow_redirects=False,
            headers={"user-agent": "sleevesight"},
        )
        super().__init__(bus, config)  # makes the queue, when nothing is refused any more
        self._problem = ""
        self._failures = 0
        self._news, self._over = threading.Event(), threading.Event()
        self._postman = threading.Thread(target=self._work, name="postman", daemon=True)

    def start(self) -> None:
        """Send what is in the queue."""
        self.reachable = True  # until the contrary shows
        self._postman.start()

    def stored(self) -> None:
        """Wake the postman."""
        self._news.set()

    def close(self) -> None:
        """Store what was taken; a POST under way is not waited for, and repeated when the sink starts again."""
        self._over.set()
        self._news.set()
        super().close()

    # The postman's thread.

    def _work(self) -> None:
        try:
            while not self._over.is_set():
                self._news.clear()
                visits = self.spool.first(1)
                if not visits:
                    self._news.wait()
                elif wait_s := self._deliver(visits[0]):
                    self._over.wait(wait_s)
        except Exception as error:  # a thread that ends in silence would look well
            self.fail(error)

    def _deliver(self, visit: Item) -> float:
        """Post one visit; how long to wait before the next try, in s, 0 if it is off the list."""
        try:
            answer = self._post(visit)
        except httpx.HTTPError as error:
            return self._later(type(error).__name__, str(error))
        said = f"status {answer.status_code}"
        judged = verdict(answer.status_code)
        if judged == "later":
            more = f"to {answer.headers['location']}, which is not followed" if answer.has_redirect_location else ""
            return self._later(said, more, retry_after_s(answer.headers.get("retry-after", ""), datetime.now(UTC)))
        if judged == "never":
            self.spool.drop(visit.seq, "rejected")
            log.error("a visit was rejected for good and is given up", id=visit.id, host=self._url.host, answer=said)
        else:
            self.spool.done(visit.seq)
            self.bus.counts["delivered"] += 1
        self.reachable, self._failures, self._problem = True, 0, ""
        self.detail = f"posting to {self._url.host}"
        return 0.0

    def _post(self, visit: Item) -> httpx.Response:
        headers = {"content-type": "application/json", **signed(self._key, visit.id, int(time.time()), visit.body)}
        with self._client.stream("POST", self._url, content=visit.body, headers=headers) as answer:
            taken = 0
            for part in answer.iter_raw():
                taken += len(part)
                if taken > _ENOUGH_BYTES:
                    break
            return answer

    def _later(self, problem: str, more: str, at_least_s: float = 0.0) -> float:
        """`more` may be another text each time, at the other side's choice: it makes no line of its own."""
        wait_s = max(at_least_s, backoff_s(self._failures, random.random()))  # noqa: S311 - it spreads devices in time
        self._failures += 1
        self.reachable, self.detail = False, f"{self._url.host}: {problem} {more[:_LONGEST_TEXT]}".rstrip()
        if problem != self._problem:
            self._problem = problem
            log.warning("the receiver takes no visits: they are kept on the disk", why=self.detail)
        return wait_s


def verdict(status: int) -> Verdict:
    """What a status means for the visit: it was taken, it never will be, or it is worth another try."""
    if 200 <= status < 300:
        return "taken"
    return "never" if status in _WRONG_MESSAGE else "later"


def backoff_s(failures: int, chance: float) -> float:
    """How long to wait after so many failures in a row: doubled each time, less up to half by chance (0 to 1)."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(failures, 20)) * (1 - chance / 2)


def retry_after_s(header: str, now: datetime) -> float:
    """What a receiver asks for, as seconds or as a date (RFC 9110), an hour at most; 0 if it asks for nothing."""
    if header.strip().isdecimal():
        return min(float(header), LONGEST_RETRY_AFTER_S)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    left = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    return min(max(left.total_seconds(), 0.0), LONGEST_RETRY_AFTER_S)


def _checked(settings: WebhookConfig) -> httpx.URL:
    """The address. ValueError if visits must not go there."""
    try:
        url = httpx.URL(settings.url)
    except httpx.InvalidURL as error:
        raise ValueError(f"[webhook] url: {error}") from None
    if url.userinfo:
        raise ValueError(
            "[webhook] url must hold no password: it would be shown and recorded; the signature is the proof"
        )
    if url.scheme not in ("https", "http") or not url.host:
        raise ValueError("[webhook] url must be the receiver's address: https://HOST/PATH")
    if url.scheme == "http" and not (settings.plain or is_loopback(url.host)):
        raise ValueError(
            f"[webhook] url: everybody on the way to {url.host} could read along: use https://, or plain = true"
        )
    return url


def _trust(settings: WebhookConfig) -> ssl.SSLContext:
    try:
        file = str(Path(settings.ca_file).expanduser()) if settings.ca_file else None
        return ssl.create_default_context(cafile=file)
    except OSError as error:
        raise ValueError(
            f"[webhook] ca_file = {settings.ca_file}: {error.strerror or error}; name a PEM file"
        ) from None
