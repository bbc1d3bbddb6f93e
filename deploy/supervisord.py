"""supervisord's configuration."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from deploy.service import Service

FIRST, STEP = 10, 10
"""Priorities: the lowest is started first and stopped last."""
LOG_BYTES, LOGS_KEPT = 1_000_000, 3
HEAD = "; Rendered by `python -m deploy.render` from the tables and the configuration: see docs/service.md."


def supervisord_conf(service: Service) -> str:
    """The text of supervisord.conf."""
    run_dir = service.address.run_dir
    socket = run_dir / "supervisor.sock"
    sections = [
        _section("unix_http_server", {"file": socket, "chmod": "0700"}),
        _section(
            "supervisord",
            {
                "nodaemon": "true",
                "pidfile": run_dir / "supervisord.pid",
                "logfile": service.logs / "supervisord.log",
                "logfile_maxbytes": LOG_BYTES,
                "logfile_backups": LOGS_KEPT,
                "umask": "077",
                "environment": _environment(service),
            },
        ),
        _section(
            "rpcinterface:supervisor",
            {"supervisor.rpcinterface_factory": "deploy.copies:rpcinterface", "config": service.file},
        ),
        _section("supervisorctl", {"serverurl": f"unix://{socket}"}),
        *(
            _section(f"program:{name}", _program(service, name, FIRST + place * STEP))
            for place, name in enumerate(service.programs)
        ),
    ]
    return "\n".join([HEAD, "", *sections])


def _program(service: Service, name: str, priority: int) -> dict[str, object]:
    """A program: started again however it ended, and after ten vain starts given up, until the watchdog lifts it."""
    command = [str(service.prefix / "bin" / "sleevesight"), "run", name, "--config", str(service.file)]
    return {
        "command": shlex.join(command),
        "priority": priority,
        "autostart": "true",
        "autorestart": "true",
        "startsecs": 3,
        "startretries": 10,
        "exitcodes": 0,
        "stopsignal": "TERM",
        "stopwaitsecs": 10,
        "stopasgroup": "true",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": service.logs / f"{name}.log",
        "stdout_logfile_maxbytes": LOG_BYTES,
        "stdout_logfile_backups": LOGS_KEPT,
    }


def _environment(service: Service) -> str:
    """For every program. RUNTIME_DIRECTORY is systemd's own: it is how a wrong configuration cannot hide the bus."""
    values = {
        "PYTHONUNBUFFERED": "1",
        "HAILORT_LOGGER_PATH": "NONE",
        "OMP_NUM_THREADS": "1",
        "RUNTIME_DIRECTORY": str(service.address.run_dir),
    }
    return ",".join(f'{key}="{value}"' for key, value in values.items())


def _section(name: str, settings: Mapping[str, object]) -> str:
    """A table of the file; supervisord would expand a percent sign."""
    lines = [f"[{name}]", *(f"{key}={str(value).replace('%', '%%')}" for key, value in settings.items())]
    return "\n".join([*lines, ""])
