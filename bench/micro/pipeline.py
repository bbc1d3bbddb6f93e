"""The whole pipeline beside a straight loop in one process, on the same rendered stream."""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from actors.backends import DEFAULT_MODEL
from actors.backends.onnx import OnnxEmbedder
from actors.config import Config, updated
from actors.log import configure
from bench.film import film
from bench.micro.alone import alone
from bench.micro.options import Options, say
from bench.micro.straight import Played, play
from bench.micro.table import Row, Table
from bench.micro.timing import Sample, alternate
from bench.replay import replay
from catalog.build import build
from catalog.store import is_there
from synth.cards import deck, draw, write
from synth.scene import Scene, scenario

OURS, LOOP, CACHE = "the pipeline", "a straight loop", "a straight loop with a naive cache"
LATENCY, CPU = "latency p50, ms", "CPU a frame, ms"
FRAMES, QUICK_FRAMES, START_FRAMES = 360, 90, 30
_CARDS, _IN_SCENE = 200, 60
_LONG_ENOUGH = 30
"""Frames for which a card has to be in view before it counts as one that has to be named."""


def measure(options: Options) -> list[Table]:
    """The one table."""
    frames, rounds = (QUICK_FRAMES, 1) if options.quick else (FRAMES, 3)
    stage = alone(prepared, options.cache, frames)
    say(f"pipeline: {rounds} rounds of {frames} frames, every way paced and flat out")
    return [table(stage, rounds)]


@dataclass(frozen=True)
class Stage:
    """A stream, its first frames alone, the catalogue, and the cards that are in view for long enough."""

    video: Path
    start: Path
    catalogue: Path
    truth: frozenset[str]


def prepared(cache: Path, frames: int, fps: float | None = None) -> Stage:
    """Render the stream and build the catalogue of its cards, where they are not there yet; `fps` as in `film`."""
    cache.mkdir(parents=True, exist_ok=True)
    model = OnnxEmbedder(DEFAULT_MODEL)
    catalogue = cache / f"cards-{model.model_hash[:12]}"
    if not is_there(catalogue):
        say(f"pipeline: building a catalogue of {_CARDS} cards")
        with tempfile.TemporaryDirectory(prefix="sleevesight-") as pictures:
            write(Path(pictures), _CARDS, 0)
            build(Path(pictures), [Path(pictures) / "cards.csv"], catalogue, model)
    specs = deck(_CARDS)
    scene = scenario("demo", [(spec.id, draw(spec)) for spec in specs[:_IN_SCENE]])
    say(f"pipeline: a video of {frames} frames")
    rate = f"-{fps:g}fps" if fps else ""
    video, start = (film(scene, cache / f"demo-{count}{rate}.mp4", count, fps) for count in (frames, START_FRAMES))
    return Stage(video, start, catalogue, in_view(scene, frames) & {spec.id for spec in specs})


def in_view(scene: Scene, frames: int) -> frozenset[str]:
    """The cards that are to be seen for long enough within the first frames."""
    return frozenset(card for card, first, last in scene.visits() if min(last, frames - 1) - first + 1 >= _LONG_ENOUGH)


def table(stage: Stage, rounds: int) -> Table:
    """All ways in turn; of every number the median over the rounds."""
    ways = {
        OURS: lambda _: pipeline(stage),
        LOOP: lambda _: straight(stage, False),
        CACHE: lambda _: straight(stage, True),
    }
    samples = alternate(ways, rounds, warm_up=0)
    ours = samples[OURS]
    return Table(
        title="A rendered video of a table, hands and cards that come and go: latency, losses and load at 30 frames a "
        f"second, the rest as fast as it goes; {len(stage.truth)} cards are to be named.",
        rows=[Row(way=way, facts=_medians(found, ours)) for way, found in samples.items()],
        libraries=("onnxruntime", "usearch", "pyzmq", "opencv-python-headless"),
    )


def _medians(found: list[Sample], ours: list[Sample]) -> dict[str, float]:
    facts = {key: float(np.median([sample[key] for sample in found])) for key in found[0]}
    for key in (LATENCY, CPU):
        facts[f"{key.partition(',')[0]}, × ours"] = float(
            np.median([sample[key] / own[key] for sample, own in zip(found, ours, strict=True)])
        )
    return facts


def straight(stage: Stage, remember: bool) -> Sample:
    """The loop in a process of its own, paced and flat out."""
    paced, fast = (alone(play, stage.video, stage.catalogue, remember, pace) for pace in (True, False))
    return facts(paced, fast, stage.truth)


def pipeline(stage: Stage) -> Sample:
    """The real processes, paced and flat out."""
    paced, fast = (alone(replayed, stage, pace) for pace in ("paced", "flatout"))
    return facts(paced, fast, stage.truth)


def facts(paced: Played, fast: Played, truth: frozenset[str]) -> Sample:
    """What is told of a way: latency, losses and load at the stream's own rate; cost and output as fast as it goes."""
    p50, p99 = np.percentile(paced.latencies_ms, [50, 99])
    return {
        LATENCY: float(p50),
        "p99, ms": float(p99),
        "lost, %": 100 * paced.lost,
        "cores busy": paced.cpu_s / paced.seconds,
        "frames a second": fast.frames / fast.seconds,
        CPU: 1e3 * fast.cpu_s / fast.frames,
        "named": len(fast.named & truth),
        "named wrongly": len(fast.named - truth),
    }


def replayed(stage: Stage, pace: str) -> Played:
    """What the processes make of the stream, less what they make of its first frames: the start costs both the same."""
    config = updated(Config(), "matcher", catalog=str(stage.catalogue.absolute()))
    config = updated(updated(config, "log", level="warning"), "capture", pace=pace)
    configure(config.log)
    start, whole = (_replay(config, video) for video in (stage.start, stage.video))
    return Played(
        frames=whole.frames - start.frames,
        lost=whole.lost,
        seconds=whole.seconds - start.seconds,
        cpu_s=whole.cpu_s - start.cpu_s,
        latencies_ms=whole.latencies_ms,
        named=whole.named,
    )


def _replay(config: Config, video: Path) -> Played:
    with tempfile.TemporaryDirectory(prefix="sleevesight-") as folder:
        config = updated(config, "capture", source=f"video:{video.absolute()}")
        config = updated(config, "sinks", enabled=["jsonl"], jsonl=str(Path(folder) / "sink.jsonl"))
        events = Path(folder) / "events.jsonl"
        begun, cpu_s = time.perf_counter(), _cpu_s()
        summary = replay(config, events)
        seconds, spent_s = time.perf_counter() - begun, _cpu_s() - cpu_s
        *told, _ = (json.loads(line) for line in events.read_text(encoding="utf-8").splitlines())
    return Played(
        frames=summary["frames"],
        lost=1 - summary["answered"] / summary["frames"],
        seconds=seconds,
        cpu_s=spent_s,
        latencies_ms=[frame["latency_ms"]["total"] for frame in told],
        named=frozenset(visit["card_id"] for visit in summary["visits"]),
    )


def _cpu_s() -> float:
    """CPU time of this process and of the children that have ended, user and system."""
    return sum(os.times()[:4])
