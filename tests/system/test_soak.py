"""`sleevesight bench soak --faults`, a minute of it: what an evening does to a system, in small.

Counts, order and ratios are judged; how fast it is, and how small, is for the long run on a quiet machine.
"""

import json
import math
import os
import signal
import subprocess
import tempfile
from itertools import islice
from pathlib import Path

import pytest
from running import CARDS, PATIENCE_S, SLEEVESIGHT

from actors.config import Config, updated
from bench.faults import FAULTS
from bench.soak import Plan, soak
from bench.soak_report import order
from cli.main import main

pytestmark = pytest.mark.xdist_group("soak")  # two at a time would be a load that neither is made for

SECONDS, EVERY_S = 60.0, 7.0
PLAYED = (
    "kill capture",
    "kill embedder",
    "kill matcher",
    "stall selector",
    "stall embedder",
    "hang selector",
    "second instance",
    "raw bytes",
)
YOUNG = 0.5
"""Processes that have just started grow, for good reasons: the limit for the long run is another."""


@pytest.fixture
def small(catalogue: Path) -> Config:
    """A small table of the cards that the catalogue knows."""
    config = updated(Config(), "scene", width=640, height=640, count=CARDS)
    config = updated(config, "matcher", catalog=str(catalogue))
    return updated(config, "capture", source="scene:still", ring_mb=8)


def test_everything_holds(
    small: Config, short: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kills, stalls and a flood under load: every frame answered in order, or lost for a reason; no wrong name."""
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    report, folder = soak(small, Plan(SECONDS, PLAYED, EVERY_S, warm_s=1.0), lambda: False, lambda _: None)
    problems = report.problems(well_s=math.inf, growth=YOUNG)
    with capsys.disabled():
        print("\n  " + "\n  ".join(report.lines(problems)))
    assert problems == [], (folder / "run.log").read_text()
    assert [one.name for one in report.suffered] == list(islice(order(PLAYED, seed=0), len(PLAYED)))
    assert set(PLAYED) <= FAULTS.keys()
    assert report.accounts.answered > 300
    assert report.wrong == []
    assert len(report.samples) > 3


def test_an_interrupted_soak_reports(small: Config, short: Path, catalogue: Path) -> None:
    """Whoever has seen enough after an hour wants to know what it was worth."""
    (short / "c.toml").write_text(f"[scene]\nwidth = 640\nheight = 640\ncount = {CARDS}\n[capture]\nring_mb = 8\n")
    command = [
        *SLEEVESIGHT,
        "bench",
        "soak",
        "--minutes",
        "60",
        "--source",
        "scene:still",
        "--config",
        short / "c.toml",
    ]
    command += ["--catalog", catalogue, "--json", short / "out.json", "--faults", "--every", "1"]
    environment = {**os.environ, "TMPDIR": str(short)}
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    try:
        assert process.stderr is not None
        assert "well again" in process.stderr.readline()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
        out, errors = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    report = json.loads((short / "out.json").read_text())
    assert process.returncode == (1 if report["problems"] else 0), errors
    assert not any("ended by itself" in problem or "not within" in problem for problem in report["problems"])
    assert "Traceback" not in errors
    assert report["faults"]
    assert report["frames"] >= report["answered"] > 0
    assert report["unaccounted"] == 0
    assert f"{report['frames']} frames" in out
    kept = ["out.json"] if not report["problems"] else ["out.json", out.strip().rpartition("/")[2]]
    assert sorted(path.name for path in short.iterdir() if path.name != "c.toml") == kept, report["problems"]


def test_a_soak_that_cannot_start_says_why(short: Path) -> None:
    """Nobody waits ten minutes for a report on nothing."""
    command = [*SLEEVESIGHT, "bench", "soak", "--minutes", "1", "--source", "scene:still"]
    done = subprocess.run(
        [*command, "--catalog", short / "none"], capture_output=True, text=True, timeout=2 * PATIENCE_S
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert f"{short / 'none'} is no catalogue" in done.stderr


def test_a_report_that_cannot_be_written_is_refused_at_once(short: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A soak of an hour must not find out at its end that its folder does not exist."""
    assert main(["bench", "soak", "--minutes", "60", "--json", str(short / "nowhere" / "out.json")]) == 2
    assert "nowhere/out.json: its folder does not exist" in capsys.readouterr().err
