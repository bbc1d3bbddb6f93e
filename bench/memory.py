"""What a system costs: `python -m bench.memory [--rows N] [--dim D] [--model FILE] [--source S] [--supervised]`.

Starts all processes on a video of 1520x1520 px (of a rendered table, made first: the renderer's memory is none of the
system's) with the model and a catalogue of that size (random unit vectors of its length), lets them run, and prints per
process the memory (PSS, so that what several processes share is counted once), the share of a core, and how long the
start took. The budget is 300 MB for all of them.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from actors.backends import DEFAULT_MODEL
from actors.backends.onnx import OnnxEmbedder
from actors.config import Config, updated
from actors.sources.scene import open_scene
from bench.film import film
from bench.probe import cpu_s, pss_mb
from bench.supervised import Supervised
from bench.system import System
from catalog.embedding import normalise
from catalog.store import ModelRef, Printing, write
from vision.phash import HASH_BYTES

BUDGET_MB = 300
LOAD_BUDGET_S = 2.0
READY_S = 120.0
START_S = 5.0
"""By how much a video is longer than what is measured: it may begin before everybody says that he is ready."""


class TooShort(RuntimeError):
    """The source ended before the system could be measured."""


def widened(model: Path, dim: int, out: Path) -> Path:
    """A model at `out` that says what `model` says, again and again, in `dim` numbers.

    For what longer vectors cost all who handle them. ValueError if `dim` is no multiple of the model's own.
    """
    import onnx  # noqa: PLC0415 - only who asks for this needs it

    graph = (copy := onnx.load(model)).graph
    batch, own = graph.output[0].type.tensor_type.shape.dim
    if dim % own.dim_value:
        raise ValueError(f"{dim} is no multiple of the {own.dim_value} numbers that {model} gives")
    repeated = [graph.output[0].name] * (dim // own.dim_value)
    graph.node.append(onnx.helper.make_node("Concat", repeated, ["widened"], axis=1))
    shape = [batch.dim_param, dim]
    graph.output.pop()
    graph.output.append(onnx.helper.make_tensor_value_info("widened", onnx.TensorProto.FLOAT, shape))
    onnx.save(copy, out)
    return out


def make_catalogue(path: Path, model: OnnxEmbedder, rows: int, rng: np.random.Generator) -> None:
    """Write a catalogue of random unit vectors and hashes with names of the usual length."""
    ids = [f"sv{row // 250 + 1}-{row % 250 + 1}" for row in range(rows)]
    cards = {
        card_id: Printing(
            name=f"A Card of {row % 1000}",
            set=card_id.split("-")[0],
            set_name=f"Set number {row // 250 + 1}",
            number=str(row % 250 + 1),
            rarity="Common",
            file=f"{card_id}.jpg",
        )
        for row, card_id in enumerate(ids)
    }
    write(
        path,
        ids=ids,
        cards=cards,
        embeddings=normalise(rng.standard_normal((rows, model.dim)).astype(np.float32)),
        hashes=rng.integers(0, 256, (rows, HASH_BYTES), np.uint8),
        groups=[],
        model=ModelRef(model.model_hash, model.name, model.dim),
        sources=["bench.memory"],
        created="never",
    )


def measure(config: Config, seconds: float, kind: type[System] = System) -> dict[str, Any]:
    """Run a system for some seconds; per process its memory and load, and the times of its start."""
    system = kind(config)
    try:
        system.ear.until(lambda: all(map(system.ready, system.actors)), f"ready; see {system.log}", READY_S)
        ready = {actor: (system.readied_ns(actor) - system.begun_ns) / 1e9 for actor in system.actors}
        pids = {kind.parent: system.process.pid, **{actor: system.pid(actor) for actor in system.actors}}
        before, started = {name: cpu_s(pid) for name, pid in pids.items()}, time.monotonic()
        alive = [Path(f"/proc/{pid}") for pid in pids.values()]
        while (spent := time.monotonic() - started) < seconds:
            if not all(process.exists() for process in alive):
                raise TooShort(
                    f"{config.capture.source} was over {spent:.1f} s after everybody was ready: give a longer one, "
                    f"or --seconds below {seconds:g}"
                )
            system.ear.listen()
        processes = {name: pss_mb(pid) | {"cpu": (cpu_s(pid) - before[name]) / spent} for name, pid in pids.items()}
        system.stop()  # to the last heartbeats, which have the last counts
    finally:
        system.close()
    last = {actor: beat for actor in system.actors if (beat := system.ear.life(actor)) is not None}
    return {
        "processes": processes,
        "ready_s": ready,
        "load_s": (system.readied_ns("matcher") - last["matcher"].started_ns) / 1e9,
        "frames": last["smoother"].counts.get("frames", 0),
        "crops": last["selector"].counts.get("crops", 0),
    }


def configured(folder: Path, source: str, rows: int, model: Path) -> Config:
    """A system in a folder, with a catalogue of so many random cards."""
    catalogue = folder / "catalog"
    make_catalogue(catalogue, OnnxEmbedder(model), rows, np.random.default_rng(0))
    config = updated(Config(), "bus", run_dir=str(folder / "run"))
    config = updated(config, "capture", source=source)
    config = updated(config, "embedder", model=str(model.absolute()))
    config = updated(config, "sinks", enabled=["jsonl"], jsonl=os.devnull)
    return updated(config, "matcher", catalog=str(catalogue))


def _video(path: Path, seconds: float) -> Path:
    scene = open_scene("demo", Config().scene)
    print(f"rendering {seconds:g} s of a table", file=sys.stderr)
    return film(scene, path, round(seconds * scene.fps))


def lines(result: dict[str, Any]) -> list[str]:
    """The result for people."""
    processes: dict[str, dict[str, float]] = result["processes"]
    text = [f"{'process':<14}{'PSS MB':>8}{'anon':>8}{'files':>8}{'shared':>8}{'core %':>8}{'ready s':>9}"]
    columns = ("Pss", "Pss_Anon", "Pss_File", "Pss_Shmem")
    for name, one in processes.items():
        ready = result["ready_s"].get(name)
        row = "".join(f"{one[column]:8.1f}" for column in columns)
        text.append(f"{name:<14}{row}{100 * one['cpu']:8.1f}" + (f"{ready:9.2f}" if ready is not None else ""))
    total = {column: sum(one[column] for one in processes.values()) for column in (*columns, "cpu")}
    row = "".join(f"{total[column]:8.1f}" for column in columns)
    text.append(f"{'together':<14}{row}{100 * total['cpu']:8.1f}{max(result['ready_s'].values()):9.2f}")
    text.append(f"{result['frames']} frames, {result['crops']} crops; matcher loaded in {result['load_s']:.2f} s")
    return text


def main() -> int:
    """Print the table; 1 if it is over the budget."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--rows", type=int, default=17_592, help="cards in the catalogue")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="ONNX model (default: the one that ships)")
    parser.add_argument("--dim", type=int, help="as if the model gave so many numbers, a multiple of its own")
    parser.add_argument("--source", help="any source that plays long enough (default: a video, rendered first)")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to measure after everybody is ready")
    parser.add_argument("--supervised", action="store_true", help="the service, as supervisord starts it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sleevesight-") as folder:
        model: Path = arguments.model
        try:
            model = widened(model, arguments.dim, Path(folder) / "wide.onnx") if arguments.dim else model
            source = arguments.source or f"video:{_video(Path(folder) / 'demo.mp4', arguments.seconds + START_S)}"
            config = configured(Path(folder), source, arguments.rows, model)
            result = measure(config, arguments.seconds, Supervised if arguments.supervised else System)
        except (TooShort, ValueError) as error:
            sys.exit(f"sleevesight: {error}")
    print("\n".join(lines(result)))
    total = sum(one["Pss"] for one in result["processes"].values())
    good = total <= BUDGET_MB and result["load_s"] <= LOAD_BUDGET_S
    print(f"budget {BUDGET_MB} MB and {LOAD_BUDGET_S:g} s to load: {'kept' if good else 'exceeded'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
