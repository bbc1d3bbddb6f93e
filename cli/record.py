"""Recording a running system."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.recorder import Recorder
    from bus.loop import Loop


def record(arguments: argparse.Namespace) -> int:
    """Listen in the foreground, and say in one line what was written; 1 if it could not be written to the end."""
    from actors.config import load, updated
    from actors.log import configure
    from actors.recorder import Recorder
    from actors.run import single_threaded
    from bus.loop import ActorFailed, Loop

    single_threaded()
    config = updated(load(arguments.config), "recorder", out=arguments.out)
    if arguments.frames is not None:
        config = updated(config, "recorder", frames=arguments.frames)
    if arguments.config is None:
        config = updated(config, "log", level="warning")
    configure(config.log)
    made: list[Recorder] = []

    def make(bus: Loop) -> Recorder:
        made.append(Recorder(bus, config, arguments.seconds))
        return made[0]

    try:
        Loop(make, Recorder.name, config.address, guest=True).run()
    except ActorFailed as failure:
        print(f"sleevesight: {failure}", file=sys.stderr)
        return 1
    print(made[0].detail)
    return 0
