"""`sleevesight bench replay` through the real processes, once: everything that is measured was really there."""

import json
import os
import subprocess
from pathlib import Path

from running import PATIENCE_S, SLEEVESIGHT

from bench.latency import STAGES
from bus.topics import PIPELINE

SMALL = "[scene]\nwidth = 480\nheight = 480\ncount = 12\n"
FRAMES = 120


def test_a_scene_is_measured_scored_and_the_same_twice(catalogue: Path, short: Path) -> None:
    """A figure that stays empty in a real run is kept by every budget; and lockstep gives the same bytes twice."""
    (short / "c.toml").write_text(f'{SMALL}[sinks]\nenabled = ["jsonl"]\njsonl = "{short}/sink.jsonl"\n')
    command = [*SLEEVESIGHT, "bench", "replay", "scene:sleeves", "--catalog", catalogue, "--config", short / "c.toml"]
    more = [
        "--profile",
        "ci",
        "--mode",
        "lockstep",
        "--repeat",
        "2",
        "--json",
        short / "r.json",
        "--html",
        short / "r.html",
    ]
    environment = {**os.environ, "TMPDIR": str(short)}
    done = subprocess.run(
        [*map(str, command), *map(str, more)], capture_output=True, text=True, timeout=4 * PATIENCE_S, env=environment
    )
    assert "Traceback" not in done.stderr, done.stderr
    report = json.loads((short / "r.json").read_text())
    broken = [row for row in report["budgets"] if row["verdict"] == "broken"]
    assert (done.returncode, broken) == (0, []), done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("scene:sleeves, lockstep, ci: ")

    assert report["differing"] == 0
    assert report["summary"]["answered"] == FRAMES == len(report["frames"]["frame"])
    assert set(report["latency_ms"]["new_card"]) == {*STAGES, "total"}
    assert set(report["latency_ms"]["cached"]) == {*STAGES, "total"} - {"embed", "match"}
    assert report["summary"]["embeddings"] >= sum(report["frames"]["crops"]) > 0
    assert set(report["processes"]) == {*PIPELINE, "sink.jsonl", "launcher"}
    for name, process in report["processes"].items():
        assert process["pss_mb"] > 1, name
        assert process["cpu_s"] is not None, name
        assert name == "launcher" or process["ready_s"] > 0, name
    assert report["ready_s"] > 0
    assert report["score"]["presences"] == 6
    assert report["score"]["wrong"] == report["score"]["flicker"] == 0
    assert all(len(report["made"][key]) == 64 for key in ("stream", "model", "catalog", "config"))
    assert "<svg" in (short / "r.html").read_text()
    assert sorted(path.name for path in short.iterdir()) == ["c.toml", "r.html", "r.json", "sink.jsonl"]
