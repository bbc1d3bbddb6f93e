"""Runs one actor in this process: what the launcher and supervisord start."""

from __future__ import annotations

import faulthandler
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from actors.config import Config, ConfigError, load

if TYPE_CHECKING:
    from bus.actor import Actor, Bus

ACTORS = ("capture", "selector", "embedder", "matcher", "smoother")
WATCHDOG = "watchdog"
REFUSED = 2
"""Exit code of an actor that cannot start and has said why: at first start that is final."""
PARENT = "SLEEVESIGHT_PARENT"
"""Set by whoever starts a process to its own id: that one ends with it, however it ends."""


def main(name: str, config: Path | None) -> int:
    """Run an actor with a configuration file until it ends; the exit code, after one line for people if it is not 0.

    REFUSED for what will not get better by itself, 1 for a failure at work, which starting again may mend.
    """
    from actors.log import configure
    from bus.loop import ActorFailed

    try:
        settings = _settings(name, config)
        configure(settings.log)
        run(name, settings)
    except ActorFailed as failure:
        print(f"sleevesight: {failure}", file=sys.stderr)
        return 1
    except (ValueError, RuntimeError, OSError) as error:
        print(f"sleevesight: {name}: {' '.join(str(error).split())}", file=sys.stderr)
        return REFUSED
    return 0


def _settings(name: str, path: Path | None) -> Config:
    """The configuration of a file, which the watchdog does without: it is there for when the file is right again."""
    try:
        return load(path)
    except ConfigError as error:
        if name != WATCHDOG:
            raise
        print(f"sleevesight: {name}: going on with the defaults: {error}", file=sys.stderr, flush=True)
        return Config()


def single_threaded() -> None:
    """Keep OpenCV's and numpy's pools from fighting with the other processes for the cores.

    Both read this when they are imported, which not every actor does.
    """
    os.environ.update(OPENCV_FOR_THREADS_NUM="1", OMP_NUM_THREADS="1")


def run(name: str, config: Config) -> None:
    """Run the actor `name` (one of ACTORS, or `sink.<sink>`) until it ends; errors for people pass through."""
    single_threaded()
    from bus.loop import Loop

    faulthandler.enable()  # a native crash, or a SIGABRT of whoever sees it hang, says where
    die_with_parent()
    Loop(lambda bus: make(name, bus, config), name, config.address, lossless=config.lossless).run()


def make(name: str, bus: Bus, config: Config) -> Actor:
    """The actor of a name; imports that one alone. ValueError for a name that is none."""
    if name == "capture":
        from actors.capture import Capture

        return Capture(bus, config)
    if name == "selector":
        from actors.selector import Selector

        return Selector(bus, config)
    if name == "embedder":
        from actors.embedder import Embedder

        return Embedder(bus, config)
    if name == "matcher":
        from actors.matcher import CardMatcher

        return CardMatcher(bus, config)
    if name == "smoother":
        from actors.smoother import SmootherActor

        return SmootherActor(bus, config)
    if name.startswith("sink."):
        from actors.sink import make_sink

        return make_sink(bus, config, name)
    if name == WATCHDOG:
        from actors.watchdog import Watchdog, supervisord

        return Watchdog(bus, supervisord())
    raise ValueError(f"there is no actor {name!r}; the actors are {', '.join(ACTORS)}, {WATCHDOG} and sink.NAME")


def child_environment() -> dict[str, str]:
    """The environment of a process that is to end with this one, however that ends."""
    return {**os.environ, PARENT: str(os.getpid())}


def die_with_parent(parent: int | None = None) -> None:
    """Ask the kernel for a SIGTERM when whoever started it dies (Linux), so that a killed one leaves nobody behind.

    Without a `parent` it is the one that the environment names, if there is one.
    """
    if parent is None:
        if PARENT not in os.environ:
            return
        parent = int(os.environ[PARENT])
    import ctypes
    import signal

    pr_set_pdeathsig = 1
    try:
        ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGTERM)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:  # it died before we asked
        raise SystemExit(0)
