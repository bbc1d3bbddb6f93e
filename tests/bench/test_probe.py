"""What processes cost: read from a process that is known, and from heartbeats and deaths written by hand."""

import os
from types import SimpleNamespace

import pytest
from bench_fakes import Roll, beat

from bench.probe import EVERY_S, LAUNCHER, Probe, cpu_s, pss_mb
from bus.clock import ManualClock


def child(pid: int, again_at: float = 0.0, over: bool = False) -> SimpleNamespace:
    return SimpleNamespace(process=SimpleNamespace(pid=pid), again_at=again_at, over=over)


def launcher(**children: SimpleNamespace) -> SimpleNamespace:
    return SimpleNamespace(children=children)


def test_memory_and_time_of_a_process() -> None:
    """Kilobytes for megabytes, or one part for all of them, would pass every budget."""
    memory = pss_mb(os.getpid())
    assert 10 < memory["Pss"] < 4000
    assert memory["Pss"] == pytest.approx(memory["Pss_Anon"] + memory["Pss_File"] + memory["Pss_Shmem"], rel=0.05)
    assert 0 < cpu_s(os.getpid()) < 1e5


def test_processes_are_sampled_at_intervals() -> None:
    """A reading in every round of the loop would be a load of its own."""
    clock = ManualClock(1)
    probe = Probe(clock)
    for _ in range(5):
        probe.step(launcher(smoother=child(os.getpid())))
    assert len(probe.samples) == 1
    clock.advance(1000 * EVERY_S)
    probe.step(launcher(smoother=child(os.getpid())))
    assert [seconds for seconds, _ in probe.samples] == [0.0, EVERY_S]
    assert set(probe.samples[0][1]) == {"smoother", LAUNCHER}
    assert set(probe.cpu_s()) == {"smoother", LAUNCHER}


def test_the_time_before_the_replay_is_not_the_launchers() -> None:
    """Importing everything costs a second of CPU that no frame has asked for."""
    probe = Probe(ManualClock(1))
    probe.step(launcher())
    assert probe.cpu_s()[LAUNCHER] < cpu_s(os.getpid())


def test_a_process_that_is_gone_is_left_out() -> None:
    """It may end between two lines of code; its number may be another's by then."""
    probe = Probe(ManualClock(1))
    probe.step(launcher(a=child(2**22 + 1), b=child(os.getpid(), over=True), c=child(os.getpid(), again_at=5.0)))
    assert set(probe.samples[0][1]) == {LAUNCHER}


def test_starts_are_told_from_heartbeats() -> None:
    """Each actor's first life, from its own start; all of them, from the first start to the last ready."""
    probe = Probe(ManualClock(1))
    again = beat("selector", "two", started_s=9.0, ready_s=0.2)
    probe.heard([], {}, Roll(beat("selector", ready_s=0.4), beat("capture", started_s=0.5, ready_s=1.0), again))  # type: ignore[arg-type]
    assert probe.ready_s() == {"selector": 0.4, "capture": 1.0}
    assert probe.all_ready_s() == 1.5
    assert Probe().all_ready_s() is None


def test_recovery_is_from_a_death_to_the_next_life() -> None:
    """From the start of the new process would leave out the time in which nobody had noticed."""
    clock = ManualClock(1)
    probe = Probe(clock)
    for at_s, again_at in ((1.0, 0.0), (2.0, 7.0), (2.1, 7.0), (3.0, 0.0), (5.0, 9.0), (6.0, 0.0)):
        clock.advance(at_s * 1000 - clock.now_ns() / 1e6)
        probe.step(launcher(matcher=child(os.getpid(), again_at)))
    lives = [beat("matcher", "a"), beat("matcher", "b", 2.2, 0.3), beat("matcher", "c", 5.3, 0.2)]
    probe.heard([], {}, Roll(*lives, beat("smoother")))  # type: ignore[arg-type]
    assert probe.recovery_s() == {"matcher": [0.5, 0.5]}


def test_counts_are_of_all_lives() -> None:
    """A capture that was started again has slowed down in both of its lives."""
    probe = Probe(ManualClock(1))
    probe.heard(
        [], {}, Roll(beat("capture", "a", slowed=2), beat("capture", "b", slowed=1), beat("selector", slowed=9))
    )  # type: ignore[arg-type]
    assert probe.count("capture", "slowed") == 3
    assert probe.count("capture", "frames") == 0
