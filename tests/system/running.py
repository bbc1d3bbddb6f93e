"""The systems of the tests: small, quick, and with their log on standard output, which pytest shows of what failed."""

from pathlib import Path

from actors.config import Config, updated
from bench import system
from bench.system import ACTORS, PATIENCE_S, SLEEVESIGHT, Ear

__all__ = ["ACTORS", "CARDS", "PATIENCE_S", "SLEEVESIGHT", "Ear", "System", "configuration"]


CARDS = 12
"""How many different cards there are."""


class System(system.System):
    """`sleevesight up` with a configuration, and an ear on it."""

    def close(self) -> None:
        """End whatever is left of it."""
        print(self.log.read_text())
        super().close()


def configuration(run_dir: Path, catalogue: Path, source: str) -> Config:
    """Small and quick: the tape's cards are gone for 8 frames of 67 ms between two showings."""
    config = updated(Config(), "bus", run_dir=str(run_dir))
    config = updated(config, "capture", source=source, ring_mb=4)
    config = updated(config, "selector", max_missed=3)
    config = updated(config, "smoother", grace_ms=200.0)
    config = updated(config, "matcher", catalog=str(catalogue), reload_s=0.2)
    return updated(config, "sinks", enabled=["jsonl"], jsonl=str(run_dir.with_name(f"{run_dir.name}.jsonl")))
