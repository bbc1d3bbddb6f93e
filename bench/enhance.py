"""Does `vision.enhance` help the model? Top-1, distance and gap with and without it, on clean and degraded crops.

Run with `python -m bench.enhance PICTURES [--model FILE.onnx] [--crops 300]`. It decides the selector's default:
on only if it helps on degraded crops and costs nothing on clean ones.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from actors.backends import open_backend
from actors.sections import EmbedderConfig
from bench.accuracy.degradations import HARSH, MEDIUM, Level, degrade
from catalog.build import build, read_crop
from catalog.embedding import Embedder
from catalog.match import Match, Matcher
from catalog.store import Catalogue
from vision.enhance import enhance
from vision.phash import perceptual_hashes

Crops = NDArray[np.uint8]

_BATCH = 64

DARK = Level(corner=0.02, noise=4, exposure=0.2)
"""A dim room, which is what enhancement is for; the crops are darkened before."""
_DIM = 0.25


@dataclass(frozen=True, slots=True)
class Score:
    """Results of one set of crops: share of right groups at rank 1, medians of distance and of the signed gap.

    The signed gap is the margin to the next group, negative where the wrong card won.
    """

    top1: float
    distance: float
    gap: float


def conditions(crops: Crops, rng: np.random.Generator) -> dict[str, Crops]:
    """The crops [n, h, w, 3] under each condition, by name."""
    levels = {"clean": Level(), "medium": MEDIUM, "harsh": HARSH}
    shown = {name: _each(crops, level, rng) for name, level in levels.items()}
    shown["dark"] = _each((crops * _DIM).astype(np.uint8), DARK, rng)
    return shown


def score(crops: Crops, truth: Sequence[str], embedder: Embedder, matcher: Matcher) -> Score:
    """How well the crops are recognised as the card ids `truth`."""
    matches: list[Match] = []
    for start in range(0, len(crops), _BATCH):
        batch = crops[start : start + _BATCH]
        matches += matcher.match(embedder.embed(batch)[:, None], perceptual_hashes(batch)[:, None])
    right = np.array([card_id in match.group for card_id, match in zip(truth, matches, strict=True)])
    gaps = np.array([match.gap for match in matches]) * np.where(right, 1.0, -1.0)
    return Score(float(right.mean()), float(np.median([match.distance for match in matches])), float(np.median(gaps)))


def table(rows: dict[str, tuple[Score, Score]]) -> str:
    """A line per condition: without and with enhancement."""
    lines = [f"{'condition':<10} {'top-1 %':>15} {'distance':>15} {'gap':>15}   (without, with)"]
    for name, (plain, enhanced) in rows.items():
        lines.append(
            f"{name:<10} {100 * plain.top1:7.1f} {100 * enhanced.top1:7.1f} {plain.distance:7.3f} "
            f"{enhanced.distance:7.3f} {plain.gap:7.3f} {enhanced.gap:7.3f}"
        )
    return "\n".join(lines)


def measure(pictures: Path, embedder: Embedder, count: int, seed: int = 0) -> dict[str, tuple[Score, Score]]:
    """Build a catalogue of all pictures and query it with `count` of them under every condition."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        build(pictures, [], Path(folder) / "catalog", embedder)
        catalogue = Catalogue.load(Path(folder) / "catalog", mmap=False)
    chosen = rng.permutation(len(catalogue.ids))[:count]
    truth = [catalogue.ids[row] for row in chosen]
    read = [read_crop(pictures / catalogue.cards[card_id].file) for card_id in truth]
    crops = np.stack([crop for crop in read if crop is not None])
    matcher = Matcher(catalogue)
    rows = {}
    for name, shown in conditions(crops, rng).items():
        enhanced = np.stack([enhance(crop) for crop in shown])
        rows[name] = (score(shown, truth, embedder, matcher), score(enhanced, truth, embedder, matcher))
    return rows


def _each(crops: Crops, level: Level, rng: np.random.Generator) -> Crops:
    return np.stack([degrade(crop, level, rng) for crop in crops])


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.enhance", description=__doc__)
    parser.add_argument("pictures", type=Path, help="folder of clean card pictures, one a card")
    parser.add_argument("--model", default="", help="ONNX model; without it the one that ships")
    parser.add_argument("--crops", type=int, default=300, help="how many cards to query")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    embedder = open_backend(EmbedderConfig(model=arguments.model, timeout_ms=60_000))
    print(table(measure(arguments.pictures, embedder, arguments.crops)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
