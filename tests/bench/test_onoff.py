"""What a page costs a frame: the same frame with and without it, a lap apart."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from actors.config import Config
from actors.run import PARENT
from bench import onoff
from bench.dashboard import running
from bench.onoff import SETTLING, SPELL, Answer, differences, line, watches


def answers(laps: int, cost_ms: float, drift_ms: float = 0.0) -> list[Answer]:
    """Frames that each take another time, `cost_ms` more while a page watches and `drift_ms` more with each lap."""
    return [
        Answer(lap, frame, watches(lap, frame), 10 + frame % 7 + cost_ms * watches(lap, frame) + drift_ms * lap)
        for lap in range(1, laps + 1)
        for frame in range(4 * SPELL)
    ]


def test_every_frame_is_watched_in_every_other_lap() -> None:
    """Hands that move take longer than cards that lie: what is compared must be the same frame."""
    for frame in (0, SPELL - 1, SPELL, 359):
        assert watches(1, frame) != watches(2, frame)
    assert watches(1, 0) != watches(1, SPELL)


def test_what_a_page_costs_is_found() -> None:
    """And a machine that grows slower all the time is not taken for it: half of the frames were watched first."""
    assert differences(answers(4, 1.5)) == pytest.approx([1.5, 1.5])
    assert differences(answers(4, 1.5, drift_ms=0.5)) == pytest.approx([1.5, 1.5])
    assert differences(answers(4, 0.0)) == [0.0, 0.0]


def test_frames_that_were_left_out_or_that_follow_a_change_do_not_count() -> None:
    """A frame without its twin says nothing, and the page watches a moment later than it is told to."""
    found = answers(2, 1.0)
    late = [one._replace(ms=one.ms + 100 * one.watched) if one.frame % SPELL < SETTLING else one for one in found]
    assert differences([one for one in late if (one.lap, one.frame % 5) != (2, 3)]) == pytest.approx([1.0], abs=0.2)


def test_the_line_says_how_sure_it_is() -> None:
    """A difference without its error is read as a fact."""
    assert line([0.0, 1.0, 2.0, 1.0]) == (
        "while a page watches, a frame is answered +1.00 ms later (standard error 0.41 ms, 4 pairs of laps)"
    )


@pytest.mark.parametrize("laps", ["3", "2", "0"])
def test_laps_without_a_pair_are_refused(laps: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a video of minutes is rendered."""
    monkeypatch.setattr("sys.argv", ["onoff", "--laps", laps])
    with pytest.raises(SystemExit) as refused:
        onoff.main()
    assert refused.value.code == 2


def test_the_measured_system_ends_with_whoever_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A measurement that was stopped left its system behind, at work on the cores of the next one."""
    started: list[dict[str, Any]] = []
    popen = subprocess.Popen

    def start(_command: object, **more: Any) -> subprocess.Popen[bytes]:
        started.append(more)
        return popen([sys.executable, "-c", ""])

    monkeypatch.setattr(subprocess, "Popen", start)
    with running(Config(), tmp_path):
        pass
    assert [one["env"][PARENT] for one in started] == [str(os.getpid())]
