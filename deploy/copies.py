"""A plug-in of supervisord: its actors are copies of it, as they are of the launcher (docs/decisions/006).

Started as programs they would import the same libraries seven times, which takes more memory than there is for all.
supervisord forks, and owns each process as ever; only what the child does instead of `exec` is ours. And it looks
after its watchdog, which looks after the others (docs/decisions/010).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from actors.config import Config, ConfigError, load
from actors.process import FORKS, become, fork, preload
from deploy.guard import Interface


def rpcinterface(supervisord: Any, config: str) -> Any:
    """Supervisord's own interface and more, made where a plug-in is asked for one: before anything is started."""
    options = supervisord.options
    if FORKS and _imported(Path(config), options.logger):
        execute = options.execve

        def execve(filename: str, argv: list[str], env: dict[str, str]) -> None:
            match argv:
                case [_, "run", name, "--config", file]:
                    parent = os.getppid()
                    os.environ.clear()
                    os.environ.update(env)
                    become(name, Path(file), parent)
            execute(filename, argv, env)

        options.fork, options.execve = fork, execve
    return Interface(supervisord)


def _imported(config: Path, log: Any) -> bool:
    """Import what the actors need. A library that cannot be loaded is no reason not to start: its actor says so."""
    try:
        preload(load(config))
    except ConfigError as error:
        log.warn(f"sleevesight: {error}")
        preload(Config())
    except (ImportError, OSError) as error:
        log.critical(f"sleevesight: its actors will need more memory: {error}")
        return False
    return True
