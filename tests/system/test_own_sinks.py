"""Sinks that others write: in a package of their own, in another language, and badly."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running import ACTORS, PATIENCE_S, SLEEVESIGHT, System, configuration
from tape import Tape

from actors.config import Config, updated
from bus.sockets import Address
from bus.topics import RESULTS

EXAMPLES = Path(__file__).parents[2] / "examples"
BAD = """
import sys, time

class Sink:
    def __init__(self, config):
        pass
    def close(self):
        pass

class Crashing(Sink):
    def results(self, results):
        raise ZeroDivisionError("a bug")

class Blocking(Sink):
    def results(self, results):
        time.sleep(600)

class Flooding(Sink):
    def results(self, results):
        sys.stdout.write("x" * 1_000_000)
"""
BAD_PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "bad"
version = "1"
[project.entry-points."sleevesight.sinks"]
crashing = "bad:Crashing"
blocking = "bad:Blocking"
flooding = "bad:Flooding"
[tool.setuptools]
py-modules = ["bad"]
"""


def installed(source: Path, target: Path) -> Path:
    """What pip makes of a package, in a folder of its own."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True, timeout=PATIENCE_S)
    return target


@pytest.fixture(scope="module")
def tally(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the example's package is installed."""
    source = tmp_path_factory.mktemp("source") / "package"
    shutil.copytree(EXAMPLES / "sink_package", source)  # building leaves folders behind
    return {**os.environ, "PYTHONPATH": str(installed(source, tmp_path_factory.mktemp("site")))}


def test_an_installed_package_is_a_sink(tally: dict[str, str]) -> None:
    """Whoever installs a sink looks for it in the list first: the entry point is all that it takes."""
    done = subprocess.run([*SLEEVESIGHT, "sinks"], env=tally, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    assert "tally" in done.stdout


def test_the_package_counts_what_was_confirmed(
    tally: dict[str, str], catalogue: Path, pictures: Path, tmp_path: Path
) -> None:
    """People copy this file: it must see every visit, and be closed when the stream ends."""
    command = ["replay", str(pictures), "--catalog", str(catalogue), "--mode", "lockstep", "--sink", "tally"]
    events = tmp_path / "events.jsonl"
    done = subprocess.run(
        [*SLEEVESIGHT, *command, "--events", str(events)],
        env={**tally, "TALLY": str(tmp_path / "cards.csv")},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(events.read_text().splitlines()[-1])["summary"]
    with (tmp_path / "cards.csv").open(newline="") as file:
        counted = {row["card_id"]: int(row["count"]) for row in csv.DictReader(file)}
    assert counted == {visit["card_id"]: 1 for visit in summary["visits"] if visit["card_id"]}
    assert len(counted) >= 3


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Three sinks that do what sinks do wrong, for systems that are started meanwhile."""
    source = tmp_path_factory.mktemp("bad")
    (source / "bad.py").write_text(BAD)
    (source / "pyproject.toml").write_text(BAD_PROJECT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(installed(source, tmp_path_factory.mktemp("site"))))
        yield


def sessions(system: System) -> dict[str, str]:
    """The life that every actor is in."""
    return {actor: life.session for actor in ACTORS if (life := system.ear.life(actor))}


@pytest.mark.usefixtures("bad")
def test_a_bad_sink_harms_nobody(launch: Callable[..., System], short: Path, catalogue: Path, recording: Path) -> None:
    """One that crashes at every frame, one that never returns and one that shouts: all others see every frame."""
    config: Config = configuration(short / "run", catalogue, f"recording:{recording}")
    names = ["crashing", "blocking", "flooding"]
    system = launch(updated(config, "sinks", enabled=[*config.sinks.enabled, *names]))
    system.wait_ready()
    lives = sessions(system)
    first = system.ear.results[-1].frame
    system.ear.until(lambda: system.ear.results[-1].frame > first + 60, "sixty more results")
    system.ear.until(lambda: system.log.read_bytes().count(b"sink.crashing") > 1, "the crashing sink is started again")
    frames = [one.frame for one in system.ear.results if not one.closing]
    assert frames == list(range(frames[0], frames[0] + len(frames)))
    assert sessions(system) == lives
    written = [json.loads(line) for line in Path(config.sinks.jsonl).read_text().splitlines()]
    assert sum("frame" in line for line in written) > 60
    code, _ = system.stop()
    assert code == 0
    assert system.processes() == {}


@pytest.fixture(scope="module")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example in JavaScript, with what it needs from npm."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node.js and npm are not installed")
    folder = tmp_path_factory.mktemp("javascript") / "sink"
    shutil.copytree(EXAMPLES / "javascript", folder, ignore=shutil.ignore_patterns("node_modules"))
    install = ["npm", "install", "--no-audit", "--no-fund", "--silent"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=100)
    if done.returncode:
        pytest.skip(f"npm cannot install zeromq here: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
    return folder


def test_a_sink_in_javascript_prints_the_cards(javascript: Path, system: System, tape: Tape) -> None:
    """It was written from docs/bus.md alone: what it cannot read, the specification does not say."""
    endpoint = Address(system.run_dir).endpoint(RESULTS)
    sink = subprocess.Popen(
        ["node", "print_cards.mjs", endpoint], cwd=javascript, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert sink.stdout is not None
        lines = [sink.stdout.readline() for _ in range(2)]
        sink.send_signal(signal.SIGINT)
        _, errors = sink.communicate(timeout=PATIENCE_S)
        assert sink.returncode == 0, errors
    finally:
        sink.kill()
        sink.wait()
    system.ear.listen()
    shown = tape.recent(system.ear.results[-1].frame + tape.cycle, tape.cycle)
    assert all(line.split()[-1] in shown for line in lines), lines
