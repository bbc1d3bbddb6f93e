"""Who lives and works, judged by heartbeats: the rules of the watchdog and of the launcher (docs/service.md).

A process that runs may hang, and one that beats may do nothing. What is judged is progress, in the time during which
the judge himself was awake: after he, or the whole machine, has slept, nobody is to blame for his silence. Nor is he
for the time in which the machine had no core for him, or a disk no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from signal import SIGABRT, SIGKILL, Signals

from actors.look import Look, look
from bus.messages import Heartbeat
from bus.topics import CROPS, EMBEDDINGS, FRAME, TRACKS

SUSPECT_S = 0.5
"""Heartbeats come five times a second and say when the next one comes at the latest: whoever is silent is looked at."""
PARDON_S = 2.4
"""How much of his silence the machine may be blamed for: whatever it does, a hung actor is noticed within 5 s."""
START_S = 120.0
"""For one that has not been heard yet; then its heartbeat says how long its start may take."""
STUCK_S = 15.0
"""Everybody answers within 5 s, with a failure if need be."""
DRY_S, DRY_RESTART_S, LAST_DRY_RESTART_S = 5.0, 60.0, 600.0
"""A live source without frames is named; it has time to help itself before its process is started again."""
DUMP_S = 0.5
"""For saying where it hung (faulthandler answers SIGABRT), before it is killed."""
UNKILLABLE_S = 5.0
"""The kernel ends a killed process at once, unless a driver holds it."""
AWAKE_S = 0.5
"""Two judgements that lie further apart than this: the judge slept."""

OWES = {"selector": FRAME, "embedder": CROPS, "matcher": EMBEDDINGS, "smoother": TRACKS}
"""Of each message of which topic an actor owes an answer."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a process, for people, and the signal to send to it, if any."""

    actor: str
    pid: int
    what: str
    signal: Signals | None = None


class _Life:
    """One process of an actor, and when (in seconds awake) it last got on."""

    def __init__(self, actor: str, pid: int, now: float) -> None:
        self.pid = pid
        self.beat: Heartbeat | None = None
        self.began = self.heard = self.worked = self.fed = self.sentenced = now
        self.sent: Signals | None = None
        self.told = self.stopped = False
        self._looked: Look | None = None
        self._waited = 0.0
        self._topic = OWES[actor].name if actor in OWES else ""
        self._done: tuple[int, int] | None = None
        self._taken = self.frames = 0

    def take(self, beat: Heartbeat, now: float) -> None:
        """Note what has gone on since the heartbeat before."""
        if self.beat is None or self.beat.state != beat.state:
            self.worked = self.fed = now
        self.beat, self.heard = beat, now
        self._looked, self._waited, self.stopped = None, 0.0, False
        own = sum(count for reason, count in beat.drops.items() if "." not in reason)
        done, taken = (beat.last_out_ns, own), beat.counts.get(f"{self._topic}_in", 0)
        if done != self._done or taken == self._taken:  # it worked, or had nothing to do
            self._done, self._taken, self.worked = done, taken, now
        frames = beat.counts.get("frames", 0)
        if frames != self.frames:
            self.frames, self.fed, self.told = frames, now, False

    def look(self, seconds: float, seen: Look | None) -> None:
        """Note how much of the last seconds of its silence the machine has kept it waiting."""
        if seen is not None and self._looked is not None and seen.waits:
            self._waited += max(0.0, seconds - (seen.cpu_s - self._looked.cpu_s))
        self._looked, self.stopped = seen, seen is not None and seen.stopped

    def fault(self, now: float) -> str:
        """Why this process has to be started again; empty if it is well, or will end by itself."""
        beat = self.beat
        if beat is None or beat.state == "starting":
            limit = beat.start_deadline_s if beat else START_S
            return f"not ready {limit:g} s after its start" if now - self.began > limit else ""
        if beat.state == "stopping":
            return ""
        if now - self.heard - min(self._waited, PARDON_S) > beat.next_s:
            return f"{'stopped' if self.stopped else 'silent'} for {now - self.heard:.1f} s{_named(beat)}"
        if self.heard - self.worked > STUCK_S:
            return f"gets {self._topic} and has answered nothing for {self.heard - self.worked:.0f} s"
        return ""

    def dry_s(self) -> float:
        """For how long a live source has given nothing, when it was last heard."""
        return self.heard - self.fed if self.beat and self.beat.live and self.beat.state == "ready" else 0.0


class Liveness:
    """Judges processes; to be told of every heartbeat, and asked five times a second or more.

    `look` is asked what keeps a process that is silent.
    """

    def __init__(self, look: Callable[[int], Look | None] = look) -> None:
        self._look = look
        self._awake = 0.0
        self._last_ns: int | None = None
        self._beats: dict[str, tuple[Heartbeat, float]] = {}
        self._lives: dict[str, _Life] = {}
        self._dried: dict[str, int] = {}
        """How often an actor was started again for want of frames, and has had none since."""
        self.unkillable: dict[str, int] = {}
        """Actors whose process even SIGKILL does not end: only a reboot does."""

    def hear(self, beat: Heartbeat) -> None:
        """Take in a heartbeat."""
        self._beats[beat.actor] = beat, self._awake

    def ready(self, actor: str) -> bool:
        """Whether an actor's process has been ready when it was last heard."""
        life = self._lives.get(actor)
        return life is not None and life.beat is not None and life.beat.state == "ready"

    def judge(self, now_ns: int, running: Mapping[str, int]) -> list[Verdict]:
        """What is to be said and done about the processes that run (by actor) now."""
        last_ns = now_ns if self._last_ns is None else self._last_ns
        awake = min(max(0.0, (now_ns - last_ns) / 1e9), AWAKE_S)
        self._awake += awake
        self._last_ns = now_ns
        self._lives = {actor: life for actor, life in self._lives.items() if running.get(actor) == life.pid}
        self.unkillable = {actor: pid for actor, pid in self.unkillable.items() if running.get(actor) == pid}
        for actor, pid in running.items():
            life = self._life(actor, pid)
            if self._awake - life.heard > SUSPECT_S:
                life.look(awake, self._look(pid))
        found = [self._verdict(actor, self._lives[actor]) for actor in running]
        return [verdict for verdict in found if verdict is not None]

    def _life(self, actor: str, pid: int) -> _Life:
        life = self._lives.setdefault(actor, _Life(actor, pid, self._awake))
        beat, heard = self._beats.get(actor, (None, 0.0))
        if beat is not None and beat.pid == pid and beat is not life.beat:
            life.take(beat, max(heard, life.began))
            if life.frames:
                self._dried.pop(actor, None)
        return life

    def _verdict(self, actor: str, life: _Life) -> Verdict | None:
        if life.sent is not None:
            return self._insist(actor, life)
        fault = life.fault(self._awake) or self._dry(actor, life)
        if fault:
            number = SIGKILL if life.stopped else SIGABRT  # who is stopped cannot say where
            return self._send(actor, life, f"{fault}: ending it, to be started again", number)
        if life.dry_s() > DRY_S and not life.told:
            life.told = True
            return Verdict(actor, life.pid, f"lives, but has had no frame for {DRY_S:g} s{_named(life.beat)}")
        return None

    def _insist(self, actor: str, life: _Life) -> Verdict | None:
        """A process that was told to end and is still there."""
        since = self._awake - life.sentenced
        if life.sent == SIGABRT and since > DUMP_S:
            return self._send(actor, life, "does not end: killing it", SIGKILL)
        if life.sent == SIGKILL and since > UNKILLABLE_S and actor not in self.unkillable:
            self.unkillable[actor] = life.pid
            return Verdict(actor, life.pid, "cannot be killed, a driver holds it: reboot needed")
        return None

    def _send(self, actor: str, life: _Life, what: str, number: Signals) -> Verdict:
        life.sent, life.sentenced = number, self._awake
        return Verdict(actor, life.pid, what, number)

    def _dry(self, actor: str, life: _Life) -> str:
        """A source that stays silent is opened anew, less and less often: each time its firmware may be loaded."""
        seconds = life.dry_s()
        tries = self._dried.get(actor, 0)
        if seconds <= min(DRY_RESTART_S * 2**tries, LAST_DRY_RESTART_S):
            return ""
        self._dried[actor] = tries + 1
        return f"no frame for {seconds:.0f} s{_named(life.beat)}"


def _named(beat: Heartbeat | None) -> str:
    """What it is about: a source, a file, a device."""
    return f" ({beat.detail})" if beat is not None and beat.detail else ""
