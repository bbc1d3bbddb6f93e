"""A judge of who lives, and made-up processes for him: they are silent unless a test has them beat."""

from dataclasses import dataclass, field
from typing import Any

from actors.liveness import Liveness, Verdict
from actors.look import Look
from bus.actor import ROUND_S
from bus.loop import SLACK_S
from bus.messages import Heartbeat

STEP_S = 0.25
BEAT_S = 0.5
SILENT_S = ROUND_S + SLACK_S
STANDS = Look(stopped=False, waits=False, cpu_s=7.0)
"""It waits for something that is not the machine's: a lock, a driver, an answer."""


@dataclass
class Ward:
    """A judge, who is asked four times a second, and processes that run until the test ends them."""

    running: dict[str, int] = field(default_factory=dict)
    now_s: float = 1000.0
    seen: Look | None = STANDS
    """What a process does that is silent."""
    core: float = 0.0
    """The share of a core that it has."""

    def __post_init__(self) -> None:
        self.liveness = Liveness(self.look)
        self.looked: list[int] = []

    def look(self, pid: int) -> Look | None:
        self.looked.append(pid)
        return self.seen and self.seen._replace(cpu_s=self.now_s * self.core)

    def beat(self, actor: str, pid: int | None = None, **values: Any) -> None:
        values = {"state": "ready", "next_s": SILENT_S, **values}
        pid = self.running[actor] if pid is None else pid
        self.liveness.hear(Heartbeat(actor=actor, pid=pid, t_ns=0, started_ns=0, **values))

    def judge(self, after_s: float = STEP_S) -> list[Verdict]:
        self.now_s += after_s
        return self.liveness.judge(round(self.now_s * 1e9), self.running)

    def wait(self, seconds: float, *beating: str, **values: Any) -> list[tuple[float, Verdict]]:
        """What is found, and after how long, while some beat."""
        found = []
        for step in range(1, round(seconds / STEP_S) + 1):
            if step % round(BEAT_S / STEP_S) == 0:
                for actor in beating:
                    self.beat(actor, **values)
            found += [(step * STEP_S, verdict) for verdict in self.judge()]
        return found


def started(*actors: str, **values: Any) -> Ward:
    """Actors that have said that they are ready."""
    ward = Ward(running={actor: 100 + number for number, actor in enumerate(actors)})
    ward.judge()
    for actor in actors:
        ward.beat(actor, **values)
    ward.judge()
    return ward


def ended(found: list[tuple[float, Verdict]]) -> list[tuple[str, Any]]:
    return [(verdict.actor, verdict.signal) for _, verdict in found]
