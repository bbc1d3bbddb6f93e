"""Parts that break while they run: what is said of it, who is started again, and that no wrong card is named for it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from running import ACTORS, PATIENCE_S, SLEEVESIGHT, System, configuration
from tape import Tape
from test_kill import assert_true
from test_replay import assert_accounted, read_events, without_times

from bench.faults import FAULTS, recovery_s
from bench.memory import pss_mb

FAULTY = Path(__file__).parent / "faulty.py"
GROWTH_MB = 20.0
"""How much a process may have grown after a flood; unbounded, one leaves hundreds of MB."""


@pytest.fixture
def faulty(
    launch: Callable[..., System],
    short: Path,
    catalogue: Path,
    recording: Path,
    tape: Tape,
    request: pytest.FixtureRequest,
) -> Iterator[System]:
    """A running system whose parts break on demand; whatever it said in all that time was true."""
    for name in getattr(request, "param", ()):
        (short / name).touch()
    program = [sys.executable, str(FAULTY), str(short)]
    system = launch(configuration(short / "run", catalogue, f"recording:{recording}"), program=program)
    system.wait_ready()
    yield system
    code, _ = system.stop()
    assert code == 0
    assert_true(system.ear, tape)


def switch(system: System, fault: str) -> Path:
    """Turn a fault on."""
    file = system.run_dir.parent / fault
    file.touch()
    return file


def confirmed_again(system: System) -> None:
    now = system.clock.now_ns()
    system.ear.until(lambda: system.ear.confirmed(now), "cards are confirmed again")


def sessions(system: System) -> dict[str, str]:
    """The newest life of everybody."""
    return {actor: life.session for actor in ACTORS if (life := system.ear.life(actor)) is not None}


def drops(system: System, actor: str, reason: str) -> int:
    beat = system.ear.life(actor)
    return beat.drops.get(reason, 0) if beat else 0


def test_an_embedder_that_hangs_is_ended_and_started_again(faulty: System, capsys: pytest.CaptureFixture[str]) -> None:
    """Native code that never returns, and nobody who watches: the dead-man ends it, and says where it hung."""
    before = sessions(faulty)
    hung = switch(faulty, "hang")
    faulty.ear.until(lambda: not hung.exists(), "the engine is asked")
    asked_ns = faulty.clock.now_ns()
    faulty.ear.until(lambda: faulty.ready("embedder", before["embedder"]), "the embedder is back")
    back = faulty.ear.life("embedder")
    assert back is not None
    with capsys.disabled():
        print(
            f"\n  embedder: started again {(back.started_ns - asked_ns) / 1e9:.1f} s after it hung",
            end="",
        )
    confirmed_again(faulty)
    after = sessions(faulty)
    assert {actor for actor in before if after[actor] != before[actor]} == {"embedder"}
    log = faulty.log.read_text()
    assert "Timeout (0:00:03)!" in log
    assert "faulty.py" in log
    answered = {one.frame for one in faulty.ear.results if one.t_ns > asked_ns}
    assert len(answered) > 20, "frames are answered without an embedder, too"


@pytest.mark.parametrize("faulty", [("watched",)], indirect=True)
def test_the_launcher_sees_who_hangs(faulty: System, capsys: pytest.CaptureFixture[str]) -> None:
    """One that stands still cannot end itself, and has no dead-man either: somebody else has to miss its heartbeat."""
    before = sessions(faulty)
    hung = switch(faulty, "hang")  # with the interpreter held
    faulty.ear.until(lambda: not hung.exists(), "the engine is asked")
    asked_ns = faulty.clock.now_ns()
    stopped_ns = faulty.kill("selector", signal.SIGSTOP)
    for actor, since_ns in (("embedder", asked_ns), ("selector", stopped_ns)):
        faulty.ear.until(lambda actor=actor: faulty.ready(actor, before[actor]), f"{actor} is back")  # type: ignore[misc]
        with capsys.disabled():
            print(f"\n  {actor}: ready {(faulty.readied_ns(actor) - since_ns) / 1e9:.1f} s after it hung", end="")
    confirmed_again(faulty)
    after = sessions(faulty)
    assert {actor for actor in before if after[actor] != before[actor]} == {"embedder", "selector"}
    log = faulty.log.read_text()
    assert "silent for" in log
    assert "faulty.py" in log, "the embedder says where it hung"
    assert "stopped for" in log


def test_an_embedder_that_answers_with_nan_names_nothing(faulty: System) -> None:
    """A vector of NaN has a nearest neighbour like any other: it has to be a failure, and to pass when it passes."""
    before = sessions(faulty)
    nan = switch(faulty, "nan")
    faulty.ear.until(lambda: drops(faulty, "embedder", "embed_failed") > 5, "failures are counted")
    since = faulty.clock.now_ns()
    faulty.ear.until(lambda: drops(faulty, "embedder", "embed_failed") > 20, "and more of them")
    until = faulty.clock.now_ns()
    assert [visit for visit in faulty.ear.confirmed(since) if visit.t_ns < until] == []
    nan.unlink()
    confirmed_again(faulty)
    assert sessions(faulty) == before


@pytest.mark.parametrize("faulty", [("watched",)], indirect=True)
def test_an_embedder_that_holds_the_gil_costs_a_moment(faulty: System) -> None:
    """A driver that keeps the interpreter for a second is no hang: nobody dies, and what is late counts later.

    The launcher watches as it always does.
    """
    before = sessions(faulty)
    held = switch(faulty, "gil")
    faulty.ear.until(lambda: not held.exists(), "the engine is asked")
    faulty.ear.until(lambda: drops(faulty, "smoother", "answer_late") > 0, "an answer is late")
    confirmed_again(faulty)
    assert sessions(faulty) == before


def test_a_source_that_stops_is_seen_and_started_again(faulty: System) -> None:
    """Everybody lives and nothing happens: who stands still has to be visible from the heartbeats.

    Capture waits in the source, so it falls silent itself; the others go on beating, with nothing new that came in or
    went out. The dead-man, which is quicker here than the launcher, ends capture.
    """
    before = sessions(faulty)
    dry = switch(faulty, "dry")
    start = faulty.clock.now_ns()
    for actor in ("selector", "smoother"):
        faulty.ear.until(
            lambda actor=actor: (life := faulty.ear.life(actor)) and life.t_ns > max(life.last_out_ns, start) + 1e9,  # type: ignore[misc]
            f"{actor} beats and says nothing",
        )
    silent = faulty.ear.life("capture")
    assert silent is not None
    other = faulty.ear.life("smoother")
    assert other is not None
    assert other.t_ns - silent.t_ns > 0.5e9
    faulty.ear.until(lambda: faulty.process.poll() is not None or not _lives(silent.pid), "the dead-man ends capture")
    dry.unlink()
    faulty.ear.until(lambda: faulty.ready("capture", before["capture"]), "capture is back")
    confirmed_again(faulty)
    after = sessions(faulty)
    assert {actor for actor in before if after[actor] != before[actor]} == {"capture"}


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_jump_of_the_wall_clock_changes_nothing(pictures: Path, catalogue: Path, short: Path) -> None:
    """A Pi has no clock of its own and jumps by years when it finds the network: all times are since boot."""
    runs = []
    for fault in ("none", "wall-clock"):
        (short / fault).touch()
        command = [sys.executable, FAULTY, short, "replay", pictures, "--catalog", catalogue, "--mode", "lockstep"]
        done = subprocess.run(
            [*command, "--events", short / "e"], capture_output=True, text=True, timeout=4 * PATIENCE_S
        )
        assert done.returncode == 0, done.stderr
        frames, summary = read_events(short / "e")
        assert_accounted(summary)
        assert all(0 <= one["latency_ms"]["total"] < 60_000 for one in frames)
        runs.append((without_times(frames), summary["visits"]))
    assert runs[0] == runs[1]


def test_frames_may_change_their_size(pictures: Path, catalogue: Path, short: Path) -> None:
    """A camera that is turned, or a stream that adapts: a new ring, and no frame is lost, nor read with an old size."""
    folder = short / "pictures"
    folder.mkdir()
    sizes = {}
    for number, path in enumerate(sorted(pictures.iterdir())):
        image = cv2.imread(str(path))
        assert image is not None
        if number // 8 == 1:  # the middle third is lower, and what is seen in it lies where it lay
            image = np.ascontiguousarray(image[:600])
        sizes[number] = image.shape[:2]
        cv2.imwrite(str(folder / path.name), image)
    assert len(set(sizes.values())) == 2
    command = [*SLEEVESIGHT, "replay", folder, "--catalog", catalogue, "--mode", "lockstep", "--events", short / "e"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=4 * PATIENCE_S)
    assert done.returncode == 0, done.stderr
    frames, summary = read_events(short / "e")
    assert_accounted(summary)
    assert summary["answered"] == len(sizes)
    assert summary["restarts"] == {}
    whole, _ = read_events(_replayed(pictures, catalogue, short / "whole"))
    assert _names(frames) <= _names(whole)
    assert _names(frames)


def _replayed(folder: Path, catalogue: Path, events: Path) -> Path:
    command = [*SLEEVESIGHT, "replay", folder, "--catalog", catalogue, "--mode", "lockstep", "--events", events]
    subprocess.run(command, capture_output=True, check=True, timeout=4 * PATIENCE_S)
    return events


def _names(frames: list[dict[str, object]]) -> set[str]:
    text = json.dumps(frames)
    return {track["card_id"] for one in json.loads(text) for track in one["tracks"] if track["card_id"]}


@pytest.mark.parametrize("name", [name for name in FAULTS if not name.startswith(("kill", "stall", "hang"))])
def test_peers_that_mean_harm_change_nothing(system: System, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever else runs on the machine, and whatever it sends: the same processes go on, and hold what they held."""
    before = sessions(system)
    files = {actor: system.open_files(actor) for actor in before}
    memory = {actor: pss_mb(system.pid(actor))["Pss"] for actor in before}
    seconds = recovery_s(system, FAULTS[name])
    with capsys.disabled():
        print(f"\n  {name}: answered again after {seconds:.2f} s", end="")
    confirmed_again(system)
    assert sessions(system) == before
    assert all(pss_mb(system.pid(actor))["Pss"] < memory[actor] + GROWTH_MB for actor in before), memory
    system.ear.until(
        lambda: all(system.open_files(actor) <= files[actor] for actor in files), f"descriptors as before: {files}"
    )
