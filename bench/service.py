"""Whether the service keeps itself alive: `python -m bench.service [--source SOURCE] [--rows 17592] [--model FILE]`.

Starts real supervisord with the rendered configuration and the full catalogue, lets other programs have the machine
for a while, kills every process and stops every one for ever, one after the other, and prints how long anybody was
silent and how long it took until each was ready again. What it holds is printed by
`python -m bench.memory --supervised`.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from actors.backends import DEFAULT_MODEL
from actors.config import updated
from bench.faults import NotSurvived, listen
from bench.memory import configured
from bench.supervised import Supervised
from bus.actor import ROUND_S
from bus.loop import SLACK_S

UP_S, BACK_S, NOTICED_S = 30.0, 3.0, 5.0
BUSY_S, BUSY_PROGRAMS = 20.0, 5
"""For how long other programs have the machine, and how many to each core of it."""


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took so long, and may take so long."""

    what: str
    seconds: float
    budget_s: float


def spans(system: Supervised) -> Iterator[Span]:
    """Everything that is promised, on a system that was just started."""
    system.ear.until(lambda: all(map(system.ready, system.actors)), f"ready; see {system.logs}")
    last_ns = max(map(system.readied_ns, system.actors))
    yield Span("everybody ready", (last_ns - system.begun_ns) / 1e9, UP_S)
    yield beside_others(system)
    for actor in system.actors:
        yield killed(system, actor)
    for actor in system.actors:
        yield from hung(system, actor)


def killed(system: Supervised, actor: str) -> Span:
    """From its death until it is ready again."""
    before = system.session(actor)
    killed_ns = system.kill(actor, signal.SIGKILL)
    system.ear.until(lambda: system.ready(actor, before), f"{actor} is back after a kill; see {system.logs}")
    return Span(f"{actor} killed, ready again", (system.readied_ns(actor) - killed_ns) / 1e9, BACK_S)


def hung(system: Supervised, actor: str) -> Iterator[Span]:
    """From the moment when it stands still until its process is gone, and from then until it is ready again."""
    before, pid = system.session(actor), system.pid(actor)
    hung_ns = system.kill(actor, signal.SIGSTOP)
    system.ear.until(lambda: not _exists(pid), f"{actor} hangs and is ended; see {system.logs}")
    ended_ns = system.clock.now_ns()
    yield Span(f"{actor} hung, noticed and ended", (ended_ns - hung_ns) / 1e9, NOTICED_S)
    system.ear.until(lambda: system.ready(actor, before), f"{actor} is back after a hang; see {system.logs}")
    yield Span(f"{actor} ended, ready again", (system.readied_ns(actor) - ended_ns) / 1e9, BACK_S)


def beside_others(system: Supervised) -> Span:
    """The longest that anybody is silent while other programs take the cores; who is ended for that is one too many."""
    count = BUSY_PROGRAMS * (os.cpu_count() or 1)
    sessions = {actor: system.session(actor) for actor in system.actors}
    begun_ns = system.clock.now_ns()
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        listen(system.ear, BUSY_S)
    finally:
        for other in others:
            other.kill()
            other.wait()
    ended = [actor for actor, session in sessions.items() if system.session(actor) != session]
    if ended:
        raise NotSurvived(f"ended beside {count} busy programs, though well: {', '.join(ended)}; see {system.logs}")
    silences = [_longest_silence_s(system, actor, begun_ns) for actor in system.actors]
    return Span(f"silent beside {count} busy programs", max(silences), ROUND_S + SLACK_S)


def _longest_silence_s(system: Supervised, actor: str, since_ns: int) -> float:
    times = sorted(beat.t_ns for beat in system.ear.beats if beat.actor == actor and beat.t_ns >= since_ns)
    return max(after - before for before, after in pairwise(times)) / 1e9


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def main() -> int:
    """Print each span as it is there; 1 if one is over its budget."""
    parser = argparse.ArgumentParser(prog="python -m bench.service", description=__doc__)
    parser.add_argument("--rows", type=int, default=17_592, help="cards in the catalogue")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="ONNX model (default: the one that ships)")
    parser.add_argument("--source", default="scene:demo", help="a source that goes on (default scene:demo, looped)")
    arguments = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory(prefix="sleevesight-") as folder:
        config = configured(Path(folder), arguments.source, arguments.rows, arguments.model)
        system = Supervised(updated(config, "scene", loop=True))
        try:
            for span in spans(system):
                kept = span.seconds < span.budget_s
                good = good and kept
                verdict = "kept" if kept else "exceeded"
                print(f"{span.what:<36}{span.seconds:8.2f} s  budget {span.budget_s:g} s: {verdict}", flush=True)
            system.stop(signal.SIGTERM)
        finally:
            system.close()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
