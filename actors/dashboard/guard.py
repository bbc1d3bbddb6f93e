"""Who may have the page: names it is reached by, where requests come from, the token, and what the browser may do.

A page of somebody else's in the same browser must not reach us: not by a request across origins (Origin), not by a
name of its own that it points at this machine (Host, DNS rebinding). Other people must know the token.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from collections import deque
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from actors.sections import DashboardConfig

COOKIE = "sleevesight"
LEAST_TOKEN = 16
"""Characters of a token: enough that nobody guesses it over a network."""
SIGNED_IN = 1000
"""Browsers that are signed in at most; the oldest has to sign in again."""
PUBLIC = ("/login", "/assets/style.css", "/assets/theme.js", "/assets/icon.svg")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer browsers say of our own form that it comes from nowhere
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def read_token(config: DashboardConfig) -> str | None:
    """The token, None if none is asked for. ValueError for one that is missing, too short or readable by others."""
    if not config.token_file:
        if not _loopback(config.host):
            raise ValueError(
                f"[dashboard] host = {config.host} can be reached by others: set token_file, a file with a password"
            )
        return None
    path = Path(config.token_file).expanduser()
    try:
        mode, token = path.stat().st_mode, path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ValueError(f"[dashboard] token_file = {path}: {reason}; write a password of your own into it") from None
    if mode & 0o077:
        raise ValueError(f"[dashboard] token_file = {path} can be read by others: chmod 600 {path}")
    if len(token) < LEAST_TOKEN:
        raise ValueError(f"[dashboard] token_file = {path} holds less than {LEAST_TOKEN} characters: use a longer one")
    return token


class Guard:
    """Checks every request before anything else sees it."""

    def __init__(self, config: DashboardConfig, token: str | None) -> None:
        machine = socket.gethostname().lower()
        self._names = {"localhost", machine, f"{machine}.local", config.host.lower(), *map(str.lower, config.names)}
        self._token = token
        self._signed_in: deque[str] = deque(maxlen=SIGNED_IN)

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse a strange name, a strange origin and, where a token is asked for, who has not shown it."""
        if not self._known(request.host):
            raise web.HTTPForbidden(text="This name is not known here: add it to [dashboard] names.\n")
        if (request.method != "GET" or request.path == "/ws") and not _same_origin(request):
            raise web.HTTPForbidden(text="The request comes from another page.\n")
        if not self.welcome(request) and request.path not in PUBLIC:
            if request.path in ("/", "/overlay"):
                raise web.HTTPSeeOther("/login")
            raise web.HTTPUnauthorized(text="Sign in first.\n")
        return await handler(request)

    def welcome(self, request: web.Request) -> bool:
        """Whether no token is asked for, or the browser has shown it."""
        shown = request.cookies.get(COOKIE, "")
        return self._token is None or any(_equal(one, shown) for one in self._signed_in)

    def sign_in(self, token: str, response: web.StreamResponse) -> bool:
        """Exchange the token for a cookie; whether it is the right one."""
        if self._token is None or not _equal(self._token, token):
            return False
        self._signed_in.append(secrets.token_urlsafe(32))
        response.set_cookie(COOKIE, self._signed_in[-1], httponly=True, samesite="Strict", path="/")
        return True

    def _known(self, host: str) -> bool:
        """An address is nobody's name; a name has to be one of ours."""
        try:
            name = (URL(f"http://{host}").host or "").lower()
        except ValueError:
            return False
        return name in self._names or _address(name)


async def harden(_request: web.Request, response: web.StreamResponse) -> None:
    """What every answer says to the browser."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


def _equal(secret: str, shown: str) -> bool:
    """Takes as long for a wrong guess as for a nearly right one."""
    return hmac.compare_digest(secret.encode(), shown.encode("utf-8", "surrogatepass"))


def _same_origin(request: web.Request) -> bool:
    """Whether the page that asks was served under the very name and port that it asks; http or a proxy's https."""
    scheme, separator, place = request.headers.get("Origin", "").partition("://")
    return scheme in ("http", "https") and bool(separator) and place.lower() == request.host.lower()


def _address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _loopback(host: str) -> bool:
    return host == "localhost" or (_address(host) and ipaddress.ip_address(host).is_loopback)
