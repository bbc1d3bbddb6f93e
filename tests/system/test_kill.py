"""SIGKILL of any actor under load: it is back at once, and nothing from before is taken for something from after."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import ACTORS, Ear, System
from tape import Tape

from bench.faults import FAULTS, recovery_s
from bus.messages import Results

MEMORY_FRAMES = 12
"""For how long a card that has just been taken away may still be reported on its track."""


@pytest.fixture(scope="module", autouse=True)
def _whole_stay(system: System, tape: Tape) -> Iterator[None]:
    """After everything that was done to it: what it said was true throughout, and it ends leaving nothing behind."""
    yield
    code, _ = system.stop()
    assert code == 0, system.log.read_text()[-2000:]
    assert system.processes() == {}
    assert [path.name for path in system.run_dir.iterdir() if path.suffix != ".lock"] == []
    assert_true(system.ear, tape)


def assert_true(ear: Ear, tape: Tape) -> None:
    """Frames count up within a stream, and no card is named that is not there."""
    last: dict[str, int] = {}
    for one in [one for one in ear.results if not one.closing]:
        assert one.frame > last.get(one.stream, -1), f"frame {one.frame} after {last[one.stream]}"
        last[one.stream] = one.frame
        _assert_named_rightly(one, tape)
    for visit in ear.confirmed():
        assert visit.card_id in tape.truth(visit.first_frame), f"visit of {visit.card_id} from {visit.first_frame} on"


def _assert_named_rightly(one: Results, tape: Tape) -> None:
    recent = tape.recent(one.frame, MEMORY_FRAMES)
    truth = tape.truth(one.frame)
    for track in one.tracks:
        if track.status == "confirmed":
            assert track.card_id in recent, f"{track.card_id} in frame {one.frame}, where {truth} lies"
            x = sum(corner[0] for corner in track.quad) / 4
            y = sum(corner[1] for corner in track.quad) / 4
            here = [card for card, (cx, cy) in truth.items() if abs(cx - x) < 20 and abs(cy - y) < 20]
            assert here in ([], [track.card_id]), f"{track.card_id} in frame {one.frame} at {x:.0f}, {y:.0f}"


@pytest.mark.parametrize("actor", ACTORS)
def test_a_killed_actor_is_back(system: System, actor: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A crash of one process must cost a moment, not the evening: the launcher starts it again, the others go on."""
    survivors = [name for name in ACTORS if name != actor]
    sessions = {name: system.ear.life(name).session for name in survivors}  # type: ignore[union-attr]
    files = {name: system.open_files(name) for name in survivors}

    seconds = recovery_s(system, FAULTS[f"kill {actor}"])
    with capsys.disabled():
        print(f"\n  {actor}: results again {seconds * 1000:.0f} ms after its death", end="")

    now = system.clock.now_ns()
    system.ear.until(lambda: system.ear.confirmed(now), "cards are confirmed again")
    assert {name: system.ear.life(name).session for name in survivors} == sessions  # type: ignore[union-attr]
    system.ear.until(
        lambda: all(system.open_files(name) <= files[name] for name in survivors), f"descriptors as before: {files}"
    )


def test_the_sink_kept_whole_lines(system: System) -> None:
    """A killed sink must not leave half a line in the file that others read."""
    for line in Path(system.config.sinks.jsonl).read_text().splitlines():
        json.loads(line)
