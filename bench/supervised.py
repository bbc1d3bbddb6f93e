"""The service as supervisord runs it, started here from the rendered configuration."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from actors.run import WATCHDOG
from bench.system import ACTORS, System
from deploy.service import Service
from deploy.supervisord import supervisord_conf


class Supervised(System):
    """supervisord with a configuration, and an ear on what it starts."""

    actors = (*ACTORS, WATCHDOG)
    parent = "supervisord"

    def command(self) -> Sequence[str]:
        """The real supervisord, with the real configuration in a folder of its own."""
        self.logs = self.run_dir.with_name("logs")
        for folder in (self.run_dir, self.logs):
            folder.mkdir(mode=0o700, exist_ok=True)
        service = Service(self.config, file=self.file, prefix=Path(sys.prefix), logs=self.logs)
        service.supervisord.write_text(supervisord_conf(service))
        return [str(service.prefix / "bin" / "supervisord"), "--nodaemon", f"--configuration={service.supervisord}"]
