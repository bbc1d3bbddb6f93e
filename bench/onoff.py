"""What a page that is open costs each frame: `python -m bench.onoff [--laps N]`.

One system plays a video that begins anew every twelve seconds. A page watches for a second and does not for the next,
and in the next lap the other way about, so that every frame of the video is answered both ways within two: what
changes slowly on a machine falls out. In four minutes it tells what runs of their own (`bench.dashboard`) do not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import aiohttp
import numpy as np

from actors.config import Config, updated
from actors.events import latency_ms
from bench.dashboard import FRAMES, SINK, Listener, running
from bench.micro.pipeline import prepared
from bus.messages import Results
from bus.topics import PIPELINE

SPELL = 36
"""Frames for which a page watches, and then does not."""
SETTLING = 4
"""Frames after each change that do not count: the word takes a moment to arrive."""
_PATIENCE_S = 10.0
_MOST_MS = 15.0
"""A difference counts as so much at most: a frame that waited for a neighbour's is not what is asked for."""


class Answer(NamedTuple):
    """One frame of the video in one lap: whether a page watched, and its latency in ms."""

    lap: int
    frame: int
    watched: bool
    ms: float


def watches(lap: int, frame: int) -> bool:
    """Whether the page is to watch at a frame of a lap: the other way about than a lap before."""
    return (frame // SPELL + lap) % 2 == 1


def differences(answers: Sequence[Answer]) -> list[float]:
    """How much later frames were answered while a page watched, in ms: the mean over each two laps in a row."""
    ms = {(one.lap, one.frame): one for one in answers if one.frame % SPELL >= SETTLING}
    laps = sorted({one.lap for one in answers})
    found = []
    for first, second in zip(laps[::2], laps[1::2], strict=False):
        both = [(ms[first, frame], ms[second, frame]) for lap, frame in ms if lap == first and (second, frame) in ms]
        later = [(a.ms - b.ms) * (1 if a.watched else -1) for a, b in both if a.watched != b.watched]
        if later:
            found.append(float(np.mean(np.clip(later, -_MOST_MS, _MOST_MS))))
    return found


class Page:
    """A page of a dashboard that watches when it is told to."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._watching = False
        self.pictures = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._work = asyncio.run_coroutine_threadsafe(self._open(), self._loop)

    async def _open(self) -> None:
        async with (
            aiohttp.ClientSession(self._url, headers={"Origin": self._url.rstrip("/")}) as browser,
            browser.ws_connect("/ws") as self._socket,
        ):
            async for message in self._socket:
                self.pictures += message.type is aiohttp.WSMsgType.BINARY

    def watch(self, on: bool) -> None:
        """Begin or end to watch, as soon as the page is open."""
        if on != self._watching and self._socket is not None:
            self._watching = on
            asyncio.run_coroutine_threadsafe(self._socket.send_str(json.dumps({"do": "watch", "on": on})), self._loop)

    def close(self) -> None:
        """Close it."""
        if self._socket is not None:
            asyncio.run_coroutine_threadsafe(self._socket.close(), self._loop).result(_PATIENCE_S)
        self._work.result(_PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


def measure(config: Config, folder: Path, laps: int) -> tuple[list[Answer], int]:
    """The answers of so many laps after the first one, and the pictures that the page was sent."""
    config = updated(config, "bus", run_dir=str(folder / "run"))
    config = updated(config, "sinks", enabled=["jsonl", "dashboard"], jsonl=str(folder / "results.jsonl"))
    answers: list[Answer] = []
    with closing(Listener(config, [*PIPELINE, SINK])) as listener, running(config, folder):
        listener.until(lambda: listener.ready() and bool(listener.latencies))
        with closing(Page(listener.address())) as page:

            def heard(one: Results) -> None:
                lap, frame = divmod(one.frame, FRAMES)
                page.watch(watches(lap, frame))
                answers.append(Answer(lap, frame, watches(lap, frame), latency_ms(one.trace)["total"]))

            listener.heard = heard
            for lap in range(laps + 1):
                listener.until(lambda lap=lap: bool(answers) and answers[-1].lap > lap)  # type: ignore[misc]
            pictures = page.pictures
    return [one for one in answers if 1 <= one.lap <= laps], pictures


def line(found: Sequence[float]) -> str:
    """The mean of the pairs of laps, and how sure it is."""
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    return (
        f"while a page watches, a frame is answered {np.mean(found):+.2f} ms later "
        f"(standard error {error:.2f} ms, {len(found)} pairs of laps)"
    )


def main() -> int:
    """Print what a page costs each frame."""
    parser = argparse.ArgumentParser(prog="python -m bench.onoff", description=__doc__)
    parser.add_argument("--laps", type=int, default=20, help="laps of twelve seconds, an even number (default 20)")
    parser.add_argument("--cache", type=Path, default=Path("build/micro"), help="where the video is kept")
    arguments = parser.parse_args()
    if arguments.laps < 4 or arguments.laps % 2:
        parser.error("--laps must be an even number from 4 on: two laps make a pair")
    stage = prepared(arguments.cache, FRAMES * (arguments.laps + 2))
    config = updated(Config(), "matcher", catalog=str(stage.catalogue.absolute()))
    config = updated(config, "capture", source=f"video:{stage.video.absolute()}")
    config = updated(updated(config, "dashboard", port=0), "log", level="error")
    with tempfile.TemporaryDirectory(prefix="sleevesight-", ignore_cleanup_errors=True) as folder:
        answers, pictures = measure(config, Path(folder), arguments.laps)
    print(f"{len(answers)} frames answered, {pictures} pictures sent; {line(differences(answers))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
