"""Commands that run processes: replay, up, run."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.config import Config


def configuration(arguments: argparse.Namespace) -> Config:
    """The configuration file with what the command line says instead."""
    from actors.config import load, updated

    config = with_files(load(arguments.config), arguments)
    if arguments.sink is not None:
        config = updated(config, "sinks", enabled=arguments.sink)
    return config


def with_files(config: Config, arguments: argparse.Namespace) -> Config:
    """A configuration with the catalogue and the model of the command line, if it names them."""
    from actors.config import updated

    if arguments.catalog is not None:
        config = updated(config, "matcher", catalog=str(arguments.catalog.absolute()))
    if arguments.model is not None:
        config = updated(config, "embedder", model=str(arguments.model.absolute()))
    return config


def stop_request() -> Callable[[], bool]:
    """Whether somebody wants an end: Ctrl-C or SIGTERM, also in the background of a script, where SIGINT is ignored.

    No exception, which could come between taking a message and counting it.
    """
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: asked.append(number))
    return lambda: bool(asked)


def absolute(stream: str) -> str:
    """A stream as a source that means the same in every folder."""
    from actors.sources.base import parse

    scheme, argument = parse(stream)
    return f"{scheme}:{Path(argument).absolute() if scheme in ('video', 'images', 'recording') else argument}"


def replay(arguments: argparse.Namespace) -> int:
    """A stream through the real processes, with a summary at the end."""
    from actors.config import updated
    from actors.log import configure
    from actors.run import REFUSED
    from bench.replay import ActorRefused
    from bench.replay import replay as run_replay
    from bench.summary import lines

    config = configuration(arguments)
    config = updated(config, "capture", source=absolute(arguments.stream), pace=arguments.mode)
    if arguments.config is None:
        config = updated(config, "log", level="warning")
    configure(config.log)
    try:
        summary = run_replay(config, arguments.events, stop_request())
    except ActorRefused:
        return REFUSED
    print("\n".join(lines(summary)))
    return 0 if summary["complete"] else 1


def up(arguments: argparse.Namespace) -> int:
    """All processes until Ctrl-C, or until a stored source has come to its end."""
    import time

    from actors.config import updated
    from actors.launcher import Launcher
    from actors.log import configure
    from actors.rollcall import begin
    from actors.run import REFUSED, die_with_parent

    config = configuration(arguments)
    if arguments.source is not None:
        config = updated(config, "capture", source=arguments.source)
    configure(config.log)
    stop = stop_request()
    die_with_parent()
    launcher = Launcher(config)
    try:
        begin(launcher, [f"sink.{name}" for name in config.sinks.enabled], stop)
        while not launcher.over() and launcher.failed is None and not stop():
            launcher.step()
            time.sleep(0.1)
    finally:
        launcher.stop()
    return 0 if launcher.failed is None else REFUSED  # the actor that cannot start has said why


def run(arguments: argparse.Namespace) -> int:
    """One actor in the foreground."""
    from actors.run import main

    return main(arguments.actor, arguments.config)
