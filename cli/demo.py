"""The whole product in one command: a rendered table, all processes, and the dashboard in the browser."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.config import Config

_SINK = "sink.dashboard"
_PATIENCE_S = 120.0


def demo(arguments: argparse.Namespace) -> int:
    """Show the rendered scene on the dashboard until Ctrl-C, or check that it can be seen (`--headless`)."""
    from actors.config import load, updated
    from cli.dashboard import placed
    from cli.streams import stop_request

    config = placed(load(arguments.config), arguments)
    config = updated(config, "matcher", catalog=str(_catalogue(config)))
    config = updated(config, "capture", source="scene:demo")
    config = updated(config, "scene", loop=True)
    config = updated(config, "sinks", enabled=["collection", "dashboard"])
    config = updated(config, "collection", file=str(_empty_collection()))
    if arguments.config is None:
        config = updated(config, "log", level="warning")
    stop = stop_request()
    with _system(config) as process:
        url = _address(config, process, stop)
        if url is None:
            return process.wait() if process.poll() is not None else 130
        print(f"The dashboard is at {url} (Ctrl-C ends it)")
        print(f"What it sees is collected in {config.collection.file}, apart from what is yours", flush=True)
        if arguments.headless:
            return _seen(url)
        if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
            webbrowser.open(url)
        while process.poll() is None and not stop():
            time.sleep(0.1)
    return 0 if stop() else process.returncode


def _catalogue(config: Config) -> Path:
    """The catalogue of the scene's generated cards for the model in use, built when it is missing."""
    from actors.backends import model_path, open_backend
    from catalog.build import build
    from catalog.store import file_ref, is_there
    from synth.cards import write

    cache = _cache()
    count = config.scene.count
    out = cache / f"demo-{count}-{file_ref(model_path(config.embedder)).sha256[:12]}"
    if not is_there(out):
        print(f"Making {count} generated cards and their catalogue, once…", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            cards = Path(folder)
            write(cards, count)
            build(cards, [cards / "cards.csv"], out, open_backend(config.embedder))
    return out


def _empty_collection() -> Path:
    """A file of the demonstration's own, begun anew: generated cards have no place among somebody's cards.

    AlreadyRunning if another demonstration writes to it.
    """
    from bus.lock import FileLock

    path = _cache() / "demo.sqlite"
    FileLock(path.with_name(f"{path.name}.lock"), "another demonstration", "wait for its end").release()
    for part in ("", "-wal", "-shm"):
        path.with_name(path.name + part).unlink(missing_ok=True)
    return path


def _cache() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sleevesight"
    cache.mkdir(parents=True, exist_ok=True)
    return cache


@contextlib.contextmanager
def _system(config: Config) -> Iterator[subprocess.Popen[bytes]]:
    """`sleevesight up` with a configuration, in a process of its own: what it copies itself from holds nothing else."""
    import signal

    from actors.config import dump
    from actors.run import child_environment

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "demo.toml"
        file.write_text(dump(config, comments=False))
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "up", "--config", str(file)],
            stdin=subprocess.DEVNULL,
            env=child_environment(),
            start_new_session=True,  # Ctrl-C reaches this process alone, which ends the other in order
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _address(config: Config, process: subprocess.Popen[bytes], stop: Callable[[], bool]) -> str | None:
    """Where the dashboard is, as its heartbeat says; None if it does not come to that."""
    import zmq

    from actors.rollcall import RollCall

    context: zmq.Context[Any] = zmq.Context()
    roll = RollCall(context, config.address, [_SINK])
    try:
        while process.poll() is None and not stop():
            roll.subscribers[0].socket.poll(100)
            roll.hear()
            for beat in roll.readied.values():
                return beat.detail.rpartition(" ")[2]
    finally:
        roll.close()
        context.term()
    return None


def _seen(url: str) -> int:
    """Wait for a picture and a confirmed card on the page; 1 if they do not come."""
    try:
        print(asyncio.run(asyncio.wait_for(_visit(url), _PATIENCE_S)))
    except TimeoutError:
        print(f"sleevesight: no picture with a confirmed card at {url} within {_PATIENCE_S:g} s", file=sys.stderr)
        return 1
    return 0


async def _visit(url: str) -> str:
    """Open the page as a browser does; a summary."""
    import aiohttp
    import msgspec

    begun = time.monotonic()
    pictures, first, cards = 0, 0.0, 0
    async with aiohttp.ClientSession(headers={"Origin": url.rstrip("/")}) as browser:
        async with browser.get(url) as page:
            page.raise_for_status()
            size = len(await page.read())
        async with browser.ws_connect(f"{url}ws") as socket:
            await socket.send_str('{"do": "watch", "on": true}')
            while not (pictures and cards):
                message = await socket.receive()
                if message.type is aiohttp.WSMsgType.BINARY:
                    first = first or time.monotonic() - begun
                    pictures += b"\xff\xd8\xff" in message.data
                elif message.type is aiohttp.WSMsgType.TEXT:
                    cards = max(cards, msgspec.json.decode(message.data).get("cards", 0))
                else:
                    raise RuntimeError(f"the dashboard at {url} hung up")
    seconds = time.monotonic() - begun
    return f"page of {size} bytes; first picture after {first:.2f} s; first card after {seconds:.1f} s"
