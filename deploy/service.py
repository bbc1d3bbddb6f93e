"""What the service consists of: which programs, where everything lies, and whether it needs a network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from actors.config import Config
from actors.run import WATCHDOG
from bus.sockets import Address
from bus.topics import PIPELINE

RUN_DIR = Path("/run/sleevesight")
"""Where the service meets if the configuration does not say it: what systemd's RuntimeDirectory makes."""
LOCAL_SINKS = ("console", "jsonl", "recorder", "collection")
"""Sinks that talk to nobody: with these alone the service is given no network at all."""


@dataclass(frozen=True)
class Service:
    """A configuration, and where its file, the Python environment (`prefix`) and the logs lie."""

    config: Config
    file: Path = Path("/etc/sleevesight/config.toml")
    prefix: Path = Path("/opt/sleevesight")
    logs: Path = Path("/var/log/sleevesight")

    @property
    def supervisord(self) -> Path:
        """The other configuration, which lies beside ours."""
        return self.file.with_name("supervisord.conf")

    @property
    def programs(self) -> tuple[str, ...]:
        """Everybody, in the order in which they are started; they are stopped the other way round.

        Readers come before those whom they read, so the camera comes last; the watchdog finds all of them, and is gone
        before they go.
        """
        return (*(f"sink.{name}" for name in self.config.sinks.enabled), *reversed(PIPELINE), WATCHDOG)

    @property
    def address(self) -> Address:
        """Where the processes meet."""
        return self.config.address if self.config.bus.run_dir else Address(RUN_DIR)

    @property
    def networked(self) -> bool:
        """Whether anybody talks to other machines."""
        return bool(self.config.bus.host) or not set(self.config.sinks.enabled) <= set(LOCAL_SINKS)
