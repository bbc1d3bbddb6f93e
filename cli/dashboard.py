"""The dashboard beside a running system, and a demonstration of the whole."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.config import Config


def dashboard(arguments: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C, whether a system runs or not; 1 if it fails."""
    from actors.config import load, updated
    from actors.dashboard.actor import Guest
    from actors.log import configure
    from actors.run import single_threaded
    from bus.loop import ActorFailed, Loop

    single_threaded()
    config = placed(load(arguments.config), arguments)
    if arguments.config is None:
        config = updated(config, "log", level="warning")
    configure(config.log)
    try:
        Loop(lambda bus: Guest(bus, config), Guest.name, config.address, guest=True).run()
    except ActorFailed as failure:
        print(f"sleevesight: {failure}", file=sys.stderr)
        return 1
    return 0


def placed(config: Config, arguments: argparse.Namespace) -> Config:
    """A configuration with the address of the command line."""
    from actors.config import updated

    wishes = {key: value for key in ("host", "port") if (value := getattr(arguments, key, None)) is not None}
    return updated(config, "dashboard", **wishes)
