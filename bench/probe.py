"""What the processes of a replay cost while it runs: memory, CPU time, and how long they took to be there (Linux)."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

from actors.launcher import Launcher
from actors.rollcall import RollCall
from bus.clock import Clock, SystemClock
from bus.messages import Heartbeat, Results

CPU_EVERY_S, EVERY_S = 0.1, 1.0
"""CPU time costs next to nothing to read; memory walks the process's page tables, for which the process waits."""
LAUNCHER = "launcher"


def pss_mb(pid: int) -> dict[str, float]:
    """Proportional set size of a process, MB: all, and its anonymous, file-mapped and shared parts."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return {key: kilobytes[key] * 1024 / 1e6 for key in ("Pss", "Pss_Anon", "Pss_File", "Pss_Shmem")}


def held_mb(pid: int) -> tuple[float, float]:
    """What a process holds, MB, whoever else runs: memory of its own and its share of what is shared, and mapped files.

    Files count whole. Their proportional share, which is part of the PSS, changes by a third when a program that has
    nothing to do with it maps the same libraries, or ends.
    """
    pss = pss_mb(pid)
    status = Path(f"/proc/{pid}/status").read_text()
    files = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssFile:"))
    return pss["Pss_Anon"] + pss["Pss_Shmem"], files * 1024 / 1e6


def cpu_s(pid: int) -> float:
    """CPU time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Probe:
    """Samples the processes of a launcher; the replay calls `step` in every round of its loop."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._begun_ns = self._clock.now_ns()
        self._next_cpu_ns = self._next_ns = 0
        self._cpu: dict[tuple[str, int], float] = {}
        self._own_cpu_s = cpu_s(os.getpid()) if _measurable() else 0.0
        self._died_ns: dict[str, int] = {}
        self._deaths: list[tuple[str, int]] = []
        self.samples: list[tuple[float, dict[str, float]]] = []
        """Seconds since the beginning, and each process's PSS in MB."""
        self.results: list[Results] = []
        self.crops: dict[tuple[str, int], int] = {}
        self.lives: list[Heartbeat] = []
        """The first heartbeat of every life that said ready."""
        self.last: list[Heartbeat] = []
        """The last heartbeat of every life."""

    def step(self, launcher: Launcher) -> None:
        """Note who died, and from time to time what everybody holds and has spent."""
        now = self._clock.now_ns()
        for name, child in launcher.children.items():
            if not child.again_at:
                self._died_ns.pop(name, None)
            elif name not in self._died_ns:
                self._died_ns[name] = now
                self._deaths.append((name, now))
        if now >= self._next_cpu_ns and _measurable():
            self._next_cpu_ns = now + round(CPU_EVERY_S * 1e9)
            children = launcher.children.items()
            living = {name: child.process.pid for name, child in children if not (child.again_at or child.over)}
            self._sample(now, {**living, LAUNCHER: os.getpid()})

    def _sample(self, now: int, pids: dict[str, int]) -> None:
        held = {}
        memory = now >= self._next_ns
        for name, pid in pids.items():
            try:
                self._cpu[name, pid] = cpu_s(pid)
                if memory:
                    held[name] = round(pss_mb(pid)["Pss"], 1)
            except (OSError, KeyError):  # it has ended meanwhile: what is left of it has no memory
                continue
        if memory:
            self._next_ns = now + round(EVERY_S * 1e9)
            self.samples.append((round((now - self._begun_ns) / 1e9, 2), held))

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds of each process, over all its lives, as of its last sample."""
        spent: dict[str, float] = defaultdict(float)
        for (name, _), seconds in self._cpu.items():
            spent[name] += seconds - (self._own_cpu_s if name == LAUNCHER else 0.0)
        return {name: round(seconds, 2) for name, seconds in spent.items()}

    def heard(self, results: list[Results], crops: dict[tuple[str, int], int], roll: RollCall) -> None:
        """Take over what the replay has heard: its results, crops by stream and frame, and the heartbeats."""
        self.results, self.crops = results, crops
        self.lives = list(roll.readied.values())
        self.last = list(roll.heartbeats.values())

    def count(self, actor: str, what: str) -> int:
        """What an actor has counted over all its lives."""
        return sum(beat.counts.get(what, 0) for beat in self.last if beat.actor == actor)

    def ready_s(self) -> dict[str, float]:
        """Seconds that each actor's first life took to be ready."""
        first: dict[str, float] = {}
        for beat in self.lives:
            first.setdefault(beat.actor, round((beat.t_ns - beat.started_ns) / 1e9, 3))
        return first

    def all_ready_s(self) -> float | None:
        """Seconds from the first start to the moment when everybody was ready for the first time."""
        first = {beat.actor: beat for beat in reversed(self.lives)}.values()
        if not first:
            return None
        return round((max(beat.t_ns for beat in first) - min(beat.started_ns for beat in first)) / 1e9, 3)

    def recovery_s(self) -> dict[str, list[float]]:
        """Seconds from each death that was seen until the actor was ready again."""
        found: dict[str, list[float]] = {}
        for name, died_ns in self._deaths:
            lives = [beat.t_ns for beat in self.lives if beat.actor == name and beat.started_ns > died_ns]
            if lives:
                found.setdefault(name, []).append(round((min(lives) - died_ns) / 1e9, 3))
        return found


def _measurable() -> bool:
    return Path("/proc/self/smaps_rollup").exists()
