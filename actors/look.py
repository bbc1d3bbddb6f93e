"""What the kernel says of a silent process: whether it stands, and whether it is the machine that keeps it waiting."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class Look(NamedTuple):
    """One look at a process.

    `stopped`: it does nothing until it is told to go on. `waits`: one of its threads would go on, if it had a core or
    the disk answered; the others wait for something that is not the machine's. `cpu_s`: what it has had so far.
    """

    stopped: bool
    waits: bool
    cpu_s: float


def look(pid: int) -> Look | None:
    """A process as Linux shows it; None where it is not shown, or not there any more."""
    try:
        threads = [_fields(path) for path in Path(f"/proc/{pid}/task").glob("*/stat")]
        states = {fields[0] for fields in threads}
        ticks = sum(int(fields[11]) + int(fields[12]) for fields in threads)
    except (OSError, IndexError):
        return None
    if not states:
        return None
    return Look(states <= {"T", "t"}, not states.isdisjoint({"R", "D"}), ticks / os.sysconf("SC_CLK_TCK"))


def _fields(path: Path) -> list[str]:
    """State and what follows it: the name before may hold spaces and brackets."""
    return path.read_text().rpartition(")")[2].split()
