"""Whether a smaller or compiled form of a model may take its place: `sleevesight bench gate`.

A network for an accelerator has been known to change its answer from run to run, and one with 8-bit weights to see
every card alike; neither shows in a cosine with the original.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.conditions import CONDITIONS
from catalog.build import read_crop
from catalog.embedding import Embedder, normalise
from catalog.pictures import find_pictures

REPEATS = 100
CROWDED = 0.1
"""By how much the mean cosine of two cards may rise."""
GRADED = ("clean", "combined, medium")
_BATCH = 32


@dataclass(frozen=True, slots=True)
class Grade:
    """What was found; `problems` is empty for a form that may be used."""

    repeats: bool
    """Whether the same crop gave the same bytes every time."""
    crowd: tuple[float, float]
    """Mean cosine of two different cards: the model's and the candidate's."""
    top1: dict[str, tuple[float, float]]
    """By condition, percent: the model's and the candidate's."""
    points: float
    """By how much the candidate's may be lower."""

    @property
    def problems(self) -> list[str]:
        """What speaks against the candidate, each in a line."""
        found = [] if self.repeats else [f"the same crop gives different vectors in {REPEATS} runs"]
        if self.crowd[1] > self.crowd[0] + CROWDED:
            found.append(f"cards are seen alike: mean cosine {self.crowd[1]:.2f}, the model's is {self.crowd[0]:.2f}")
        found += [
            f"{name}: {theirs:.2f} % right, the model {ours:.2f} %: more than {self.points} points lost"
            for name, (ours, theirs) in self.top1.items()
            if theirs < ours - self.points
        ]
        return found

    def text(self) -> str:
        """For people."""
        rows = [f"{name}: model {ours:.2f} %, candidate {theirs:.2f} %" for name, (ours, theirs) in self.top1.items()]
        crowd = f"mean cosine of two cards: model {self.crowd[0]:.3f}, candidate {self.crowd[1]:.3f}"
        verdict = [f"refused: {problem}" for problem in self.problems] or ["accepted"]
        return "\n".join([*rows, crowd, *verdict])


def grade(model: Embedder, candidate: Embedder, images: Path, *, every: int = 4, points: float = 1.0) -> Grade:
    """Grade `candidate` beside `model` on the card pictures below `images`; every n-th of them is asked for.

    ValueError for a picture that cannot be read.
    """
    clean = np.stack([_read(file) for file in find_pictures(images).files])
    asked = list(range(0, len(clean), every))
    seen = {
        name: np.stack([CONDITIONS[name](clean[row], np.random.default_rng([number, row])) for row in asked])
        for number, name in enumerate(GRADED)
    }
    index = [_embed(one, clean) for one in (model, candidate)]
    top1 = {
        name: tuple(
            _right(_embed(one, shown), known, asked) for one, known in zip((model, candidate), index, strict=True)
        )
        for name, shown in seen.items()
    }
    return Grade(_repeats(candidate, clean[:1]), (_crowd(index[0]), _crowd(index[1])), top1, points)  # type: ignore[arg-type]


def _read(file: Path) -> NDArray[np.uint8]:
    crop = read_crop(file)
    if crop is None:
        raise ValueError(f"{file} cannot be read: replace it or take it out of the folder")
    return crop


def _repeats(candidate: Embedder, crop: NDArray[np.uint8]) -> bool:
    first = candidate.embed(crop).tobytes()
    return all(candidate.embed(crop).tobytes() == first for _ in range(REPEATS - 1))


def _crowd(vectors: NDArray[np.float32]) -> float:
    count, total = len(vectors), vectors.sum(axis=0, dtype=np.float64)
    return float((total @ total - count) / (count * (count - 1)))


def _right(queries: NDArray[np.float32], index: NDArray[np.float32], asked: Sequence[int]) -> float:
    """Twins count as right: their cosine with the card asked for is as good as 1."""
    found = (queries @ index.T).argmax(axis=1)
    same = (index[found] * index[list(asked)]).sum(axis=1) > _SAME
    return 100 * float(((found == np.asarray(asked)) | same).mean())


_SAME = 0.97


def _embed(embedder: Embedder, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    parts = [embedder.embed(crops[start : start + _BATCH]) for start in range(0, len(crops), _BATCH)]
    return normalise(np.concatenate(parts))
