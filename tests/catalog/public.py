"""A public catalogue on this machine: it answers as pokemontcg.io, its repository and TCGdex do, and fails at will."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import cv2

from synth.cards import CardSpec, deck, draw

Fault = Callable[["_Handler", bytes], None]


@dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    headers: dict[str, str]


def tag(body: bytes) -> str:
    """The ETag of a body."""
    return f'"{hashlib.sha256(body).hexdigest()[:12]}"'


def encoded(spec: CardSpec, suffix: str = ".png") -> bytes:
    """A generated card as the bytes of a file."""
    return bytes(cv2.imencode(suffix, cv2.cvtColor(draw(spec), cv2.COLOR_RGB2BGR))[1].tobytes())


def status(code: int, **headers: str) -> Fault:
    """An answer with nothing but a status."""

    def answer(handler: _Handler, body: bytes) -> None:
        handler.say(code, b"", **headers)

    return answer


def instead(content: bytes, **headers: str) -> Fault:
    """Another body, with a status that says that all is well."""
    return lambda handler, body: handler.say(200, content, **headers)


def cut(at: int, more: int = 0, **headers: str) -> Fault:
    """The full length is promised, or so many bytes more, and the connection ends before."""

    def answer(handler: _Handler, body: bytes) -> None:
        handler.say(200, body[:at], **{"Content-Length": str(len(body) + more), **headers})
        handler.close_connection = True

    return answer


def never(released: threading.Event, begun: threading.Event | None = None) -> Fault:
    """A body that does not come; `begun` is set when it was asked for."""

    def answer(handler: _Handler, body: bytes) -> None:
        handler.say(200, body[:10], **{"Content-Length": str(len(body))})
        if begun:
            begun.set()
        released.wait(30)
        handler.close_connection = True

    return answer


class Public:
    """The server. `sets`: cards by id; `faults`: what happens at the next requests for a path; `asked`: the log."""

    def __init__(self, page_size: int = 250) -> None:
        self.sets: dict[str, list[dict[str, object]]] = {}
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.asked: list[Asked] = []
        self.page_size = page_size
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"public": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.root = f"http://127.0.0.1:{self._server.server_port}"
        self.api, self.repository = f"{self.root}/v2", f"{self.root}/tree"

    def close(self) -> None:
        """End it."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def add_set(self, set_id: str, specs: list[CardSpec], pictures: list[bytes] | None = None) -> list[str]:
        """A set of these cards, under numbers from 1 on; the paths of their pictures."""
        contents = pictures or [encoded(spec) for spec in specs]
        paths = [f"/pictures/{set_id}/{number}.png" for number in range(1, len(specs) + 1)]
        self.files |= dict(zip(paths, contents, strict=True))
        self.files |= {f"/en/{set_id}/{number}/low.webp": body for number, body in enumerate(contents, 1)}
        self.sets[set_id] = [
            {
                "id": f"{set_id}-{number}",
                "name": spec.name,
                "supertype": "Pokémon",
                "number": str(number),
                "images": {"small": f"{self.root}{path}", "large": f"{self.root}{path}"},
            }
            for number, (spec, path) in enumerate(zip(specs, paths, strict=True), 1)
        ]
        return paths

    def counted(self, start: str = "/pictures/") -> Counter[str]:
        """How often each path was asked for."""
        return Counter(one.path for one in self.asked if one.path.startswith(start))

    def body(self, target: str) -> bytes | None:
        """What lies at an address."""
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        path = unquote(parts.path)
        if path in self.files:
            return self.files[path]
        if path == "/v2/sets":
            return self._page(self._sets(), query)
        if path == "/v2/cards":
            return self._page(self.sets.get(query["q"].removeprefix("set.id:"), []), query)
        if path == "/tree/sets/en.json":
            return json.dumps(self._sets()).encode()
        if path.startswith("/tree/cards/en/"):
            found = self.sets.get(path.rpartition("/")[2].removesuffix(".json"))
            return None if found is None else json.dumps(found).encode()
        return self._tcgdex(path)

    def _sets(self) -> list[dict[str, object]]:
        return [
            {"id": key, "name": f"Set {key}", "series": "Made", "total": len(cards), "releaseDate": "2026/01/01"}
            for key, cards in self.sets.items()
        ]

    def _page(self, items: list[dict[str, object]], query: dict[str, str]) -> bytes:
        page, size = int(query["page"]), min(int(query["pageSize"]), self.page_size)
        data = items[(page - 1) * size : page * size]
        page_of = {"data": data, "page": page, "pageSize": size, "count": len(data), "totalCount": len(items)}
        return json.dumps(page_of).encode()

    def _tcgdex(self, path: str) -> bytes | None:
        if path == "/v2/en/sets":
            sets = [{"id": key, "name": f"Set {key}", "cardCount": {"total": len(self.sets[key])}} for key in self.sets]
            return json.dumps(sets).encode()
        set_id = path.removeprefix("/v2/en/sets/")
        if set_id not in self.sets:
            return None
        start = f"{self.root}/en/{set_id}"
        cards = [
            {"id": card["id"], "localId": card["number"], "name": card["name"], "image": f"{start}/{card['number']}"}
            for card in self.sets[set_id]
        ]
        return json.dumps({"id": set_id, "cards": cards}).encode()


class _Handler(BaseHTTPRequestHandler):
    public: Public
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.public.asked.append(Asked(path, dict(self.headers.items())))
        body = self.public.body(self.path)
        if self.public.faults[path]:
            self.public.faults[path].pop(0)(self, body or b"")
        elif body is None:
            self.say(404, b"")
        else:
            self._serve(body)

    def _serve(self, body: bytes) -> None:
        etag = tag(body)
        if self.headers.get("If-None-Match") == etag:
            self.say(304, b"", ETag=etag)
        elif "Range" in self.headers and self.headers.get("If-Range") == etag:
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            part = f"bytes {start}-{len(body) - 1}/{len(body)}"
            self.say(206, body[start:], **{"ETag": etag, "Content-Range": part})
        else:
            self.say(200, body, ETag=etag)

    def say(self, code: int, body: bytes, **headers: str) -> None:
        """Answer with a body; its length unless another one is given."""
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the log is `asked`."""


def cards_of(count: int, seed: int = 0) -> list[CardSpec]:
    """Generated cards of which none is a reprint of another."""
    return [spec for spec in deck(2 * count, seed) if spec.reprint_of is None][:count]
