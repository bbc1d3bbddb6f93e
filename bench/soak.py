"""A long run of a real system at its full rate, with or without faults: does it hold, and does it stay as small?"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from actors.backends import open_backend
from actors.config import Config, updated
from actors.sources.base import parse
from actors.sources.scene import open_scene
from bench.faults import FAULTS, Fault, NotSurvived, recovery_s
from bench.probe import held_mb
from bench.soak_report import Report, Sample, Suffered, account, order
from bench.system import ACTORS, System, TooSlow, open_files
from bus.messages import Results
from catalog.build import build
from synth.cards import write

FPS = 30.0
SAMPLE_S = 2.0
MEMORY_S = 1.5
"""For how long a card that has been taken away may still be named: as long as its track may go unseen."""
LAST_WORDS = 10
"""Times to listen once more after the end, for what is still on its way."""

Truth = Sequence[frozenset[str]]
"""The cards in each frame of a stream that begins again at its end."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, and which faults (names of `bench.faults`; none: a quiet run) how often, in an order of the seed's.

    `warm_s`: a process counts for the growth of memory from that age on, and one that renders a looped scene not before
    it has shown it twice.
    """

    seconds: float
    faults: Sequence[str] = ()
    every_s: float = 20.0
    seed: int = 0
    warm_s: float = 30.0


def soak(config: Config, plan: Plan, stop: Callable[[], bool], say: Callable[[str], None]) -> tuple[Report, Path]:
    """Run the source of the configuration as planned, or until `stop` says so; `say` gets a line for each fault.

    Returns the report and the folder with what the processes said, to be removed by the caller. Raises NotSurvived or
    TooSlow if the system does not come to life; whatever happens later is in the report.
    """
    truth = _truth(config)
    folder = Path(tempfile.mkdtemp(prefix="sleevesight-soak-"))
    try:
        run = _Run(System(_in(folder, config)), truth, plan, say)
        seconds = run.through(stop)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return run.report(seconds), folder


class _Run:
    """One system, and what is found out about it."""

    def __init__(self, system: System, truth: Truth | None, plan: Plan, say: Callable[[str], None]) -> None:
        self._system, self._truth, self._plan, self._say = system, truth, plan, say
        self._answered: dict[str, dict[int, int]] = {}
        self._wrong: list[str] = []
        self._samples: list[Sample] = []
        self._suffered: list[Suffered] = []
        self.failures: list[str] = []

    def through(self, stop: Callable[[], bool]) -> float:
        """All of it, from the start to the end of the processes; how many seconds it was watched."""
        try:
            self._begin()
            begun = time.monotonic()
            try:
                self._watch(stop)
            except (TooSlow, NotSurvived) as failure:
                self.failures.append(str(failure))
            seconds = time.monotonic() - begun
            self._end()
        finally:
            self._system.close()
        return seconds

    def _begin(self) -> None:
        """Wait for the first result."""
        system = self._system
        system.ear.until(
            lambda: (all(map(system.ready, ACTORS)) and system.ear.results) or system.process.poll() is not None,
            "a first result",
        )
        if system.process.poll() is not None:
            said = [line for line in system.log.read_text().splitlines() if line.startswith("sleevesight:")]
            raise NotSurvived(" ".join(["the system does not start:", *said]))

    def _watch(self, stop: Callable[[], bool]) -> None:
        """Listen until the time is over, or somebody wants an end; do a fault whenever it is time for one."""
        plan = self._plan
        faults = order(plan.faults, plan.seed)
        begun = time.monotonic()
        sample_at, fault_at = begun, begun + plan.every_s
        while (now := time.monotonic()) < begun + plan.seconds and not stop():
            self._listen()
            if now >= sample_at:
                self._sample()
                sample_at = now + SAMPLE_S
            if plan.faults and now >= fault_at:
                self._suffer(FAULTS[next(faults)])
                fault_at += plan.every_s
            if self._system.process.poll() is not None:
                raise NotSurvived("the system has ended by itself: is the source over?")

    def _end(self) -> None:
        """Stop the system in order, and take in its last words."""
        try:
            code, _ = self._system.stop()
        except subprocess.TimeoutExpired:
            self.failures.append("the system does not end")
            return
        for _ in range(LAST_WORDS):
            self._listen()
        if code != 0:
            self.failures.append(f"the system ended with exit code {code}, where 0 is an orderly end")

    def report(self, seconds: float) -> Report:
        """What was found out."""
        ear = self._system.ear
        lives = Counter(beat.actor for beat in ear.lives())
        return Report(
            source=self._system.config.capture.source,
            seconds=seconds,
            seed=self._plan.seed,
            accounts=account(self._answered, ear.beats, self._suffered, FPS),
            suffered=self._suffered,
            lives=dict(lives),
            wrong=None if self._truth is None else self._wrong,
            samples=self._samples,
            failures=self.failures,
        )

    def _listen(self) -> None:
        self._system.ear.listen()
        results, self._system.ear.results = self._system.ear.results, []
        for one in results:
            if not one.closing:
                answered = self._answered.setdefault(one.stream, {})
                if (last := next(reversed(answered), -1)) >= one.frame:
                    self.failures.append(f"frame {one.frame} of {one.stream} was answered after frame {last}")
                answered[one.frame] = one.t_ns
                self._judge(one)

    def _judge(self, one: Results) -> None:
        """Nobody is named who has not been there a moment ago."""
        if self._truth is None:
            return
        recent = recently(self._truth, one.frame, round(MEMORY_S * FPS))
        for track in one.tracks:
            if track.status == "confirmed" and recent.isdisjoint({track.card_id, *track.group}):
                self._wrong.append(f"{track.card_id} in frame {one.frame} of {one.stream}")

    def _suffer(self, fault: Fault) -> None:
        last = self._system.ear.life(fault.kills)  # what it has counted since then dies with it
        begun_ns = last.t_ns if last else self._system.clock.now_ns()
        seconds = recovery_s(self._system, fault)
        self._suffered.append(Suffered(fault.name, fault.kills, begun_ns, self._system.clock.now_ns(), seconds))
        self._say(f"{fault.name}: well again after {seconds:.2f} s")

    def _sample(self) -> None:
        ear, now = self._system.ear, self._system.clock.now_ns()
        lives = [life for actor in ACTORS if (life := ear.life(actor)) is not None]
        warm_ns = now - round(self._plan.warm_s * 1e9)
        twice = 2 * len(self._truth or ())
        warm = [
            beat
            for beat in lives
            if beat.started_ns < warm_ns and (beat.actor != "capture" or beat.counts.get("frames", 0) >= twice)
        ]
        pids = {"launcher": self._system.process.pid, **{beat.actor: beat.pid for beat in warm}}
        with contextlib.suppress(OSError, KeyError, StopIteration):  # one that dies meanwhile is found by its next life
            held = {name: held_mb(pid) for name, pid in pids.items()}
            own, mapped = ({name: round(two[kind], 2) for name, two in held.items()} for kind in (0, 1))
            self._samples.append(Sample(now, own, mapped, {name: open_files(pid) for name, pid in pids.items()}))


def recently(truth: Truth, frame: int, memory: int) -> set[str]:
    """The cards of a frame and of the `memory` frames before it, in a stream that begins again at its end."""
    frames = range(max(0, frame - memory), frame + 1)
    return {card for number in frames for card in truth[number % len(truth)]}


def _truth(config: Config) -> Truth | None:
    """What a rendered scene shows; nobody knows it of other sources."""
    scheme, name = parse(config.capture.source)
    if scheme != "scene":
        return None
    scene = open_scene(name or "demo", config.scene)
    return [frozenset(card.card_id for card in scene.truth(number)) for number in range(scene.frames)]


def _in(folder: Path, config: Config) -> Config:
    """The configuration in a run directory of its own, with a scene that goes on, and with a catalogue."""
    config = updated(config, "bus", run_dir=str(folder / "run"), host="")
    config = updated(config, "scene", loop=True)
    config = updated(config, "sinks", enabled=["jsonl"], jsonl=os.devnull)
    if not config.matcher.catalog:
        write(folder / "cards", config.scene.count)
        table = folder / "cards" / "cards.csv"
        build(folder / "cards", [table], folder / "catalog", open_backend(config.embedder))
        config = updated(config, "matcher", catalog=str(folder / "catalog"))
    return config
