"""The vectors of new cards, as the embedder makes them: beside other settings, the other form, and a hash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from actors.backends import DEFAULT_MODEL, MODELS
from actors.backends.onnx import OnnxEmbedder
from actors.sections import EmbedderConfig
from bench.micro.options import Options, say
from bench.micro.table import Table, rows
from bench.micro.timing import Way, alternate, timed
from catalog.embedding import model_input, normalise
from synth.cards import deck, draw
from vision.phash import perceptual_hashes
from vision.quad import whole
from vision.rectify import rectify

HALF = MODELS / "embedder_hailo.onnx"
OURS = f"{DEFAULT_MODEL.name}, 1 thread"
Crops = NDArray[np.uint8]
Embed = Callable[[Crops], NDArray[np.float32]]


def measure(options: Options) -> list[Table]:
    """The one table."""
    say(f"embed: {(rounds := 10 if options.quick else 200)} rounds")
    return [table(rounds)]


def table(rounds: int) -> Table:
    """Every way on the same crops of generated cards."""
    crops = np.stack([rectify(card, whole(card.shape[1], card.shape[0])) for card in map(draw, deck(5))])
    ways: dict[str, Way] = {name: _timed(embed, crops) for name, embed in engines().items()}
    ways["perceptual hash"] = _timed(perceptual_hashes, crops)
    return Table(
        title="Unit vectors of crops of 256x358 px, resized for the model.",
        rows=rows(alternate(ways, rounds, warm_up=3), OURS),
        libraries=("onnxruntime", "numpy", "opencv-python-headless"),
    )


def engines() -> dict[str, Embed]:
    """What makes unit vectors of crops, by title: ours first, as the actor opens it."""
    found: dict[str, Embed] = {}
    for path in (DEFAULT_MODEL, HALF):
        for threads in (1, 2):
            embedder = OnnxEmbedder(path, threads, EmbedderConfig().timeout_ms / 1e3)
            found[f"{path.name}, {_threads(threads)}"] = _unit(embedder.embed)
    found[f"{DEFAULT_MODEL.name}, ONNX Runtime's own settings"] = _unit(_plain(OnnxEmbedder(DEFAULT_MODEL)))
    return found


def _plain(model: OnnxEmbedder) -> Embed:
    """The model in a session for which nothing was set: a thread for each core, spinning while it waits."""
    session: Any = ort.InferenceSession(model.path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda crops: session.run(None, {name: model_input(crops, model.height, model.width)})[0]


def _unit(embed: Embed) -> Embed:
    return lambda crops: normalise(embed(crops))


def _timed(embed: Callable[[Crops], object], crops: Crops) -> Way:
    return timed({"1 crop": lambda _: embed(crops[:1]), f"{len(crops)} crops": lambda _: embed(crops)})


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"
