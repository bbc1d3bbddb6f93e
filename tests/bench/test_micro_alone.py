"""A call in a process of its own, which does not outlive whoever asked for it."""

import os
import subprocess
import sys
import time
from pathlib import Path

PATIENCE_S = 30.0
ASKS = """
import sys
sys.path.insert(0, sys.argv[2])
from test_micro_alone import sleep
from bench.micro.alone import alone
if __name__ == "__main__":
    alone(sleep, sys.argv[1])
"""


def sleep(told: str) -> None:
    """Say who this is, and work for long."""
    here = Path(told)
    here.with_suffix(".partial").write_text(str(os.getpid()))
    here.with_suffix(".partial").rename(here)
    time.sleep(600)


def runs(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_call_ends_with_whoever_asked_for_it(tmp_path: Path) -> None:
    """A search that was stopped went on for an hour, on a core that other measurements took for theirs."""
    script, told = tmp_path / "asks.py", tmp_path / "pid"
    script.write_text(ASKS)
    asking = subprocess.Popen([sys.executable, str(script), str(told), str(Path(__file__).parent)])
    limit = time.monotonic() + PATIENCE_S
    while not told.exists():
        assert asking.poll() is None and time.monotonic() < limit
        time.sleep(0.02)
    working = int(told.read_text())
    assert runs(working)
    asking.kill()
    asking.wait()
    while runs(working):
        assert time.monotonic() < limit
        time.sleep(0.02)
