"""What a soak amounts to: every frame accounted for, recoveries, wrong names, growth, and what did not hold."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from bench.summary import FRAME_LOSSES
from bus.messages import Heartbeat

BEAT_NS = 1_100_000_000
"""More than from one heartbeat to the next, also on a busy machine: what was lost is said with the next one."""
WELL_S, GROWTH = 3.0, 0.02
MEMORY = {"own_mb": "memory", "mapped_mb": "mapped files"}
"""What is not to grow, each by itself: the kinds of a sample."""


@dataclass(frozen=True, slots=True)
class Suffered:
    """A fault that was done to the system, from when to when in ns, and how long after its end all was well again.

    It begins with the last heartbeat of the process that it kills.
    """

    name: str
    kills: str
    begun_ns: int
    well_ns: int
    recovery_s: float

    def covers(self, t_ns: int) -> bool:
        """Whether what happened then may be its doing."""
        return self.begun_ns - BEAT_NS <= t_ns <= self.well_ns + BEAT_NS


@dataclass(frozen=True, slots=True)
class Sample:
    """What the processes held when all was well (MB, `bench.probe.held_mb`; open descriptors), if they were warm."""

    t_ns: int
    own_mb: Mapping[str, float]
    mapped_mb: Mapping[str, float]
    files: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Accounts:
    """Frames: `lost` at quiet times, by who counted them and why; `in_faults` without a result around each fault."""

    frames: int
    answered: int
    lost: dict[str, int]
    in_faults: dict[str, int]
    unaccounted: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a soak found out. `wrong` None: the source has no truth to score names against."""

    source: str
    seconds: float
    seed: int
    accounts: Accounts
    suffered: list[Suffered]
    lives: dict[str, int]
    wrong: list[str] | None
    samples: list[Sample]
    failures: list[str] = field(default_factory=list)
    """What ended it before its time, and answers out of order."""

    def problems(self, well_s: float = WELL_S, growth: float = GROWTH) -> list[str]:
        """What did not hold, a line each."""
        return [
            *self.failures,
            *([f"{self.accounts.unaccounted} frames lost without a reason"] if self.accounts.unaccounted else []),
            *([] if self.accounts.answered else ["no frame was answered"]),
            *(f"wrong name: {text}" for text in self.wrong or ()),
            *(
                f"{one.name}: recovered after {one.recovery_s:.2f} s"
                for one in self.suffered
                if one.recovery_s > well_s
            ),
            *self._grown(growth),
            *self._restarts(),
        ]

    def _slow(self, limit_s: float) -> Iterator[Suffered]:
        return (one for one in self.suffered if one.recovery_s > limit_s)

    def _grown(self, limit: float) -> Iterator[str]:
        for kind, what in MEMORY.items():
            thirds = memory(self.samples, kind)
            grown = growth_of(*thirds["together"]) if thirds else 0.0
            if grown > limit:
                yield f"{what} grew by {100 * grown:.1f} % from the first third to the last"
        for name, (first, last) in files(self.samples).items():
            if last > first:
                yield f"{name} holds {last} descriptors, and held {first}"

    def _restarts(self) -> Iterator[str]:
        wanted = Counter(one.kills for one in self.suffered)
        for name, lives in self.lives.items():
            if lives - 1 != wanted[name]:
                yield f"{name} was started {lives - 1} times again, after {wanted[name]} kills"

    def as_json(self, problems: Sequence[str]) -> dict[str, Any]:
        """The report for programs."""
        held = {kind: memory(self.samples, kind) for kind in MEMORY}
        return {
            "source": self.source,
            "seconds": round(self.seconds, 1),
            "seed": self.seed,
            **asdict(self.accounts),
            "faults": [asdict(one) for one in self.suffered],
            "restarts": {name: lives - 1 for name, lives in self.lives.items()},
            "wrong": self.wrong,
            **{
                kind: {name: {"first": first, "last": last} for name, (first, last) in thirds.items()}
                for kind, thirds in held.items()
            },
            "growth": {
                kind: round(growth_of(*thirds["together"]), 4) for kind, thirds in held.items() if "together" in thirds
            },
            "files": {name: {"first": first, "last": last} for name, (first, last) in files(self.samples).items()},
            "samples": [asdict(one) for one in self.samples],
            "problems": list(problems),
        }

    def lines(self, problems: Sequence[str]) -> list[str]:
        """The report for people."""
        one = self.accounts
        text = [
            f"{self.source}, {self.seconds:.0f} s, seed {self.seed}: {one.frames} frames, {one.answered} answered; "
            f"lost: {_listed(one.lost)}; around faults: {_listed(one.in_faults)}; unaccounted: {one.unaccounted}"
        ]
        text += [f"{fault.name:<20} well again after {fault.recovery_s:6.3f} s" for fault in self.suffered]
        text.append(
            "wrong names: " + ("not scored, for want of a truth" if self.wrong is None else str(len(self.wrong)))
        )
        text += _table(self.samples)
        text += [f"does not hold: {problem}" for problem in problems] or ["everything holds"]
        return text


def order(names: Sequence[str], seed: int) -> Iterator[str]:
    """Names without end in an order of the seed's: each comes once before any comes again."""
    shuffle = random.Random(seed)  # noqa: S311 - a test plan, no secret
    while True:
        yield from shuffle.sample(names, len(names))


def account(
    answered: Mapping[str, Mapping[int, int]], beats: Sequence[Heartbeat], suffered: Sequence[Suffered], fps: float
) -> Accounts:
    """Every frame answered, counted as lost, or lost around a fault.

    `answered`: per stream the time in ns of each frame that has a result; `beats`: every heartbeat that was heard.
    A frame that is missing at a quiet time has to be among those that somebody counted as lost at a quiet time.
    """
    lost, in_faults, missing, frames = _lost(beats, suffered), Counter[str](), 0, 0
    for stream, times in answered.items():
        taken = [beat.counts.get("frames", 0) for beat in beats if beat.session == stream and beat.actor == "capture"]
        total = max([max(times) + 1, *taken])
        frames += total
        for t_ns in _times_of_missing(times, total, fps):
            name = next((one.name for one in suffered if one.covers(t_ns)), None)
            if name is None:
                missing += 1
            else:
                in_faults[name] += 1
    unaccounted = max(0, missing - lost.total())
    return Accounts(frames, sum(map(len, answered.values())), dict(lost), dict(in_faults), unaccounted)


def _lost(beats: Sequence[Heartbeat], suffered: Sequence[Suffered]) -> Counter[str]:
    """Frames counted as lost from one heartbeat of a life to the next, where part of that time was quiet."""
    before: dict[str, Heartbeat] = {}
    lost = Counter[str]()
    for beat in sorted(beats, key=lambda beat: beat.t_ns):
        last = before.get(beat.session)
        before[beat.session] = beat
        since_ns, drops = (last.t_ns, last.drops) if last else (beat.started_ns, {})
        if any(one.covers(since_ns) and one.covers(beat.t_ns) and beat.t_ns >= one.begun_ns for one in suffered):
            continue
        for reason in FRAME_LOSSES.get(beat.actor, ()):
            lost[f"{beat.actor}.{reason}"] += beat.drops.get(reason, 0) - drops.get(reason, 0)
    return +lost


def _times_of_missing(times: Mapping[int, int], total: int, fps: float) -> Iterator[int]:
    """When the frames that have no result were taken, by those before and after them, or by the frame rate."""
    have = np.array(sorted(times))
    at = np.array([times[number] for number in have.tolist()], np.int64)
    for number in sorted(set(range(total)) - times.keys()):
        outside = min(0, number - int(have[0])) or max(0, number - int(have[-1]))
        yield round(float(np.interp(number, have, at - at[0]))) + int(at[0]) + round(outside / fps * 1e9)


def memory(samples: Sequence[Sample], kind: str) -> dict[str, tuple[float, float]]:
    """By process, and `together`, the mean of a kind of MEMORY in the first third of its samples and in the last."""
    thirds = {name: (float(np.mean(first)), float(np.mean(last))) for name, first, last in _thirds(samples, kind)}
    if thirds:
        first, last = (sum(values) for values in zip(*thirds.values(), strict=True))
        thirds["together"] = first, last
    return thirds


def growth_of(first: float, last: float) -> float:
    """0.02 is 2 % more."""
    return last / first - 1


def files(samples: Sequence[Sample]) -> dict[str, tuple[int, int]]:
    """By process the most descriptors in the first third, and the fewest in the last: connections come and go."""
    return {name: (int(max(first)), int(min(last))) for name, first, last in _thirds(samples, "files")}


def _thirds(samples: Sequence[Sample], key: str) -> Iterator[tuple[str, list[float], list[float]]]:
    """First and last third of what is known of each process of which there is enough."""
    values: dict[str, list[float]] = {}
    for sample in samples:
        for name, value in getattr(sample, key).items():
            values.setdefault(name, []).append(value)
    for name, series in values.items():
        third = len(series) // 3
        if third:
            yield name, series[:third], series[-third:]


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items()) or "none"


def _table(samples: Sequence[Sample]) -> list[str]:
    """Memory and descriptors at the beginning and at the end."""
    own, mapped = (memory(samples, kind) for kind in MEMORY)
    descriptors = files(samples)
    if not own:
        return ["memory: too short a run to say anything of it"]
    columns = "".join(f"{name:>10}{'at last':>9}{'growth':>8}" for name in ("own MB", "mapped MB"))
    text = [f"{'process':<14}{columns}{'open':>7}{'at last':>9}"]
    for name in own:
        values = "".join(
            f"{first:10.1f}{last:9.1f}{100 * growth_of(first, last):7.1f}%" for first, last in (own[name], mapped[name])
        )
        text.append(f"{name:<14}{values}" + "".join(f"{number:8}" for number in descriptors.get(name, ())))
    return text
