"""Runs one actor in this process: what the launcher and supervisord start."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from actors.config import Config

if TYPE_CHECKING:
    from bus.actor import Actor, Bus

ACTORS = ("capture", "selector", "embedder", "matcher", "smoother")
PARENT = "SLEEVESIGHT_PARENT"
"""Set by the launcher to its process id: its actors end with it, however it ends."""


def run(name: str, config: Config) -> None:
    """Run the actor `name` (one of ACTORS, or `sink.<sink>`) until it ends; errors for people pass through."""
    # The processes share the cores; pools of OpenCV's and of numpy's would fight with the others. Both read this when
    # they are imported, which not every actor does: 20 MB that the launcher and the sinks do without.
    os.environ.update(OPENCV_FOR_THREADS_NUM="1", OMP_NUM_THREADS="1")
    from bus.loop import Loop

    _die_with_parent()
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
        from actors.sink import SinkActor

        return SinkActor(bus, config, name.removeprefix("sink."))
    raise ValueError(f"there is no actor {name!r}; the actors are {', '.join(ACTORS)} and sink.NAME")


def _die_with_parent() -> None:
    """Ask the kernel for a SIGTERM when the launcher dies (Linux), so that a killed one leaves nobody behind."""
    parent = os.environ.get(PARENT)
    if parent is None:
        return
    import ctypes
    import signal

    pr_set_pdeathsig = 1
    try:
        ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGTERM)
    except (OSError, AttributeError):
        return
    if os.getppid() != int(parent):  # it died before we asked
        raise SystemExit(0)
