"""What the dashboard costs, and how live it is: `python -m bench.dashboard [--rounds N]`.

The same rendered video through all processes without it, with it while nobody watches, with one page and with fifty.
The pages are WebSockets of this process, which takes its own share of the cores: with fifty that is a good deal. With
`--browser`, one page beside a headless Chromium that shows another one, as on a laptop that does both.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import zmq

from actors.config import Config, dump, updated
from actors.events import latency_ms
from actors.rollcall import RollCall
from actors.run import child_environment
from bench.micro.pipeline import prepared
from bench.probe import cpu_s
from bus.messages import Results
from bus.sockets import Subscriber
from bus.topics import PIPELINE, RESULTS

FRAMES, SECONDS = 360, 9.0
WAYS: dict[str, int | None] = {"without": None, "nobody watches": 0, "1 page": 1, "50 pages": 50}
BROWSER = "a browser"
SINK = "sink.dashboard"
PATIENCE_S = 60.0
Sample = dict[str, float]


class Pages:
    """So many pages that watch, in a thread of their own."""

    def __init__(self, url: str, count: int) -> None:
        self._url = url
        self.pictures = [0] * count
        self.first_s = [float("nan")] * count
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._work = asyncio.run_coroutine_threadsafe(self._all(), self._loop)

    async def _all(self) -> None:
        async with aiohttp.ClientSession(self._url, headers={"Origin": self._url.rstrip("/")}) as browser:
            await asyncio.gather(*(self._watch(browser, number) for number in range(len(self.pictures))))

    async def _watch(self, browser: aiohttp.ClientSession, number: int) -> None:
        begun = time.monotonic()
        async with browser.get("/") as page:
            await page.read()
        async with browser.ws_connect("/ws") as socket:
            await socket.send_str('{"do": "watch", "on": true}')
            async for message in socket:
                if message.type is aiohttp.WSMsgType.BINARY:
                    self.pictures[number] += 1
                    if self.pictures[number] == 1:
                        self.first_s[number] = time.monotonic() - begun

    def close(self) -> None:
        """Close them all."""
        self._work.cancel()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


@contextmanager
def browser(program: str, url: str, folder: Path) -> Iterator[None]:
    """A headless Chromium that shows the page."""
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    command = [program, *flags, f"--user-data-dir={folder / 'browser'}", url]
    shown = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(shown.pid, signal.SIGKILL)
        shown.wait()


class Listener:
    """Hears heartbeats and results."""

    def __init__(self, config: Config, actors: list[str]) -> None:
        self._context: zmq.Context[Any] = zmq.Context()
        self._actors = actors
        self.roll = RollCall(self._context, config.address, actors)
        self._results = Subscriber(self._context, config.address, RESULTS)
        self.latencies: list[float] = []
        self.heard: Callable[[Results], None] = lambda _: None
        """Called with every result."""

    def until(self, condition: Callable[[], bool]) -> None:
        """Listen until something is so; RuntimeError if that takes too long."""
        limit = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > limit:
                raise RuntimeError("the system does not come up, or answers nothing")
            self._results.socket.poll(20)
            self.roll.hear()
            for one, _ in self._results.drain():
                if isinstance(one, Results) and one.trace:
                    self.latencies.append(latency_ms(one.trace)["total"])
                    self.heard(one)

    def ready(self) -> bool:
        """Whether everybody is."""
        return self.pids().keys() == set(self._actors)

    def pids(self) -> dict[str, int]:
        """The processes, by actor."""
        return {beat.actor: beat.pid for beat in self.roll.readied.values()}

    def address(self) -> str:
        """Where the dashboard is, as it says itself."""
        return next(beat.detail for beat in self.roll.readied.values() if beat.actor == SINK).rpartition(" ")[2]

    def close(self) -> None:
        """Stop listening."""
        self._context.destroy(linger=0)


@contextmanager
def running(config: Config, folder: Path) -> Iterator[None]:
    """`sleevesight up` with this configuration; it ends with this process, however that ends."""
    (folder / "c.toml").write_text(dump(config))
    command = [sys.executable, "-m", "cli.main", "up", "--config", str(folder / "c.toml")]
    system = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True, env=child_environment())
    try:
        yield
    finally:
        system.send_signal(signal.SIGINT)
        system.wait()


def measure(config: Config, folder: Path, pages: int | None, chromium: str | None = None) -> Sample:
    """One run: latency in ms, loads in % of a core, pictures a second and page, seconds to the first picture."""
    actors = [*PIPELINE, *([] if pages is None else [SINK])]
    config = updated(config, "bus", run_dir=str(folder / "run"))
    config = updated(config, "sinks", enabled=["jsonl", *([] if pages is None else ["dashboard"])])
    config = updated(config, "sinks", jsonl=str(folder / "results.jsonl"))
    listener, watching = Listener(config, actors), None
    try:
        with running(config, folder), ExitStack() as beside:
            listener.until(lambda: listener.ready() and bool(listener.latencies))
            if chromium is not None:
                beside.enter_context(browser(chromium, listener.address(), folder))
            watching = Pages(listener.address(), pages) if pages else None
            listener.until(lambda: watching is None or all(watching.pictures))
            pids, begun = listener.pids(), time.monotonic()
            before = {actor: cpu_s(pid) for actor, pid in pids.items()}
            shown, first = sum(watching.pictures) if watching else 0, len(listener.latencies)
            listener.until(lambda: time.monotonic() - begun > SECONDS)
            seconds = time.monotonic() - begun
            load = {actor: (cpu_s(pid) - before[actor]) / seconds * 100 for actor, pid in pids.items()}
            shown = (sum(watching.pictures) if watching else 0) - shown
    finally:
        if watching is not None:
            watching.close()
        listener.close()
    latencies = listener.latencies[first:]
    return {
        "p50 ms": float(np.percentile(latencies, 50)),
        "p95 ms": float(np.percentile(latencies, 95)),
        "frames/s": len(latencies) / seconds,
        "pipeline %": sum(load[actor] for actor in PIPELINE),
        "dashboard %": load.get(SINK, 0.0),
        "pictures/s": shown / seconds / pages if pages else 0.0,
        "first s": max(watching.first_s) if watching else 0.0,
    }


def lines(samples: dict[str, list[Sample]]) -> list[str]:
    """The table, of every number the median over the rounds."""
    rows = {
        way: {key: float(np.median([one[key] for one in found])) for key in found[0]} for way, found in samples.items()
    }
    columns = list(next(iter(rows.values())))
    text = [f"{'':<16}" + "".join(f"{column:>13}" for column in columns)]
    text += [f"{way:<16}" + "".join(f"{row[column]:>13.2f}" for column in columns) for way, row in rows.items()]
    pairs = list(zip(samples["without"], samples["1 page"], strict=True))
    more = [(watched["pipeline %"] / bare["pipeline %"] - 1) * 100 for bare, watched in pairs]
    slower = [watched["p50 ms"] - bare["p50 ms"] for bare, watched in pairs]
    return [
        *text,
        f"one page costs the pipeline, in the median of {len(pairs)} rounds (and in half of them): "
        f"CPU {_middle(more)} %, p50 {_middle(slower)} ms; "
        f"the dashboard itself takes {rows['1 page']['dashboard %']:.1f} % of a core",
    ]


def _middle(values: list[float]) -> str:
    """The median, and from where to where the middle half lies."""
    low, median, high = np.percentile(values, [25, 50, 75])
    return f"{median:+.2f} ({low:+.2f} to {high:+.2f})"


def main() -> int:
    """Print the size of the page and the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.dashboard", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each way, in turn (default 3)")
    parser.add_argument("--fps", type=float, help="play the video at this rate: a slow one leaves cores free")
    parser.add_argument("--browser", action="store_true", help="with Chromium on the same machine, too")
    parser.add_argument("--cache", type=Path, default=Path("build/micro"), help="where the video is kept")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") if arguments.browser else None
    if arguments.browser and chromium is None:
        parser.error("no program is called chromium: install Debian's package of that name")
    size = sum(len(file.read_bytes()) for file in files("actors.dashboard").joinpath("page").iterdir())
    print(f"the page with everything that belongs to it: {size} bytes", flush=True)
    stage = prepared(arguments.cache, FRAMES, arguments.fps)
    config = updated(Config(), "matcher", catalog=str(stage.catalogue.absolute()))
    config = updated(config, "capture", source=f"video:{stage.video.absolute()}")
    config = updated(updated(config, "dashboard", port=0), "log", level="error")
    ways = WAYS | ({BROWSER: 1} if chromium else {})
    samples: dict[str, list[Sample]] = {way: [] for way in ways}
    for number in range(arguments.rounds):
        for way in np.random.default_rng(number).permutation(list(ways)).tolist():  # one that is always last suffers
            pages = ways[way]
            with tempfile.TemporaryDirectory(prefix="sleevesight-", ignore_cleanup_errors=True) as folder:
                beside = chromium if way == BROWSER else None
                samples[way].append(measure(config, Path(folder), pages, beside))
    print("\n".join(lines(samples)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
