"""How well a catalogue is recognised: `python -m bench.retrieval --catalogue DIR --images DIR --model FILE`.

Every n-th card is degraded in each way of `bench.degradations` and looked up. Two tables come out: how often the card
(or a printing with the same picture) comes first, by each way of searching; and, for the very same queries against a
catalogue from which their cards were removed, how often an absent card is accepted.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from actors.backends.onnx import OnnxEmbedder
from bench.degradations import LEVELS, degrade
from catalog.build import read_crop
from catalog.decide import Thresholds, decide
from catalog.embedding import Embedder, normalise
from catalog.index import HashIndex, VectorIndex, exact_search
from catalog.match import WEIGHT, Match, Matcher
from catalog.store import Catalogue, check_model
from vision.phash import perceptual_hashes
from vision.rectify import half_turn

UPRIGHT, BOTH = (0,), (0, 2)


@dataclass(frozen=True, slots=True)
class Queries:
    """Crops of known cards under one condition, in two readings: vectors [n, 2, dim], hashes [n, 2, 64]."""

    rows: NDArray[np.intp]
    vectors: NDArray[np.float32]
    hashes: NDArray[np.uint8]


def make_queries(catalogue: Catalogue, images: Path, embedder: Embedder, every: int) -> dict[str, Queries]:
    """Every n-th card of the catalogue under each condition; the same ones at every run."""
    rows = np.arange(every // 4, len(catalogue.ids), every)
    clean = [read_crop(images / catalogue.cards[catalogue.ids[row]].file) for row in rows]
    if any(crop is None for crop in clean):
        raise ValueError(f"{images} is not the picture folder that {catalogue.path} was built from")
    queries = {}
    for number, (name, level) in enumerate(LEVELS.items()):
        readings = []
        for row, crop in zip(rows, clean, strict=True):
            assert crop is not None
            seen = degrade(crop, level, np.random.default_rng([number, int(row)]))
            readings += [seen, half_turn(seen)]
        vectors = np.concatenate([embedder.embed(np.stack(readings[i : i + 32])) for i in range(0, len(readings), 32)])
        hashes = perceptual_hashes(np.stack(readings))
        queries[name] = Queries(rows, vectors.reshape(len(rows), 2, -1), hashes.reshape(len(rows), 2, -1))
    return queries


def without(catalogue: Catalogue, gone: NDArray[np.bool_]) -> Catalogue:
    """The catalogue less the rows that are gone, in memory."""
    left = np.flatnonzero(~gone)
    ids = tuple(catalogue.ids[row] for row in left)
    vectors = np.ascontiguousarray(catalogue.embeddings[left])
    return replace(
        catalogue,
        ids=ids,
        cards={card_id: catalogue.cards[card_id] for card_id in ids},
        embeddings=vectors,
        hashes=np.ascontiguousarray(catalogue.hashes[left]),
        groups=catalogue.groups[left],
        index=VectorIndex.build(vectors),
    )


def artworks(catalogue: Catalogue, csv_file: Path | None) -> NDArray[np.intp]:
    """Per row a number that cards of one artwork share: by the CSV's columns id and artwork, else the reprint group."""
    if csv_file is None:
        return catalogue.groups.astype(np.intp)
    with csv_file.open(encoding="utf-8", newline="") as file:
        artwork = {line["id"]: line["artwork"] for line in csv.DictReader(file)}
    return np.unique([artwork.get(card_id, card_id) for card_id in catalogue.ids], return_inverse=True)[1]


def top1_table(catalogue: Catalogue, queries: dict[str, Queries], weight: float) -> None:
    """Print the share of queries whose first answer shows the right picture."""
    groups, hash_index, matcher = catalogue.groups, HashIndex(catalogue.hashes), Matcher(catalogue, weight)
    row_of = {card_id: row for row, card_id in enumerate(catalogue.ids)}

    def right(asked: Queries, rows: Sequence[int] | NDArray[np.int64]) -> float:
        return float((groups[np.asarray(rows)] == groups[asked.rows]).mean() * 100)

    def fused(asked: Queries, turned: bool, turns: tuple[int, ...]) -> float:
        order = [1, 0] if turned else [0, 1]
        kept = order[: len(turns)]
        found = matcher.match(asked.vectors[:, kept], asked.hashes[:, kept], turns)
        return right(asked, [row_of[match.candidates[0].card_id] for match in found])

    print("top-1 %     embedding   hash  fused | fused, both readings: upright  upside down | upside down, one reading")
    for name, asked in queries.items():
        by_vector = exact_search(catalogue.embeddings, normalise(asked.vectors[:, 0]), 1)[:, 0]
        by_hash = hash_index.search(asked.hashes[:, 0], 1)[:, 0]
        alone = f"{right(asked, by_vector):10.1f} {right(asked, by_hash):6.1f} {fused(asked, False, UPRIGHT):6.1f}"
        both = f"{fused(asked, False, BOTH):29.1f} {fused(asked, True, BOTH):12.1f}"
        print(f"{name:10s} {alone} | {both} | {fused(asked, True, UPRIGHT):24.1f}")


def rejection_table(
    catalogue: Catalogue, queries: dict[str, Queries], artwork: NDArray[np.intp], weight: float, limits: Thresholds
) -> None:
    """Print what the verdicts are for cards that are there and for the same queries once their artwork is gone."""
    asked_rows = next(iter(queries.values())).rows
    matcher = Matcher(catalogue, weight)
    stranger = Matcher(without(catalogue, np.isin(artwork, artwork[asked_rows])), weight)
    present, absent = [], []
    print("verdict %   present: confirmed (wrong) uncertain unknown | absent: confirmed uncertain unknown")
    for name, asked in queries.items():
        here = [
            (match, catalogue.ids[row] in match.group)
            for match, row in zip(matcher.match(asked.vectors, asked.hashes, BOTH), asked.rows, strict=True)
        ]
        away = stranger.match(asked.vectors, asked.hashes, BOTH)
        print(f"{name:10s} {_verdicts(here, limits)} | {_verdicts([(match, True) for match in away], limits, False)}")
        present += here
        absent += away
    print(f"{'all':10s} {_verdicts(present, limits)} | {_verdicts([(m, True) for m in absent], limits, False)}")
    _print_limits(present, absent)


def _verdicts(found: list[tuple[Match, bool]], limits: Thresholds, wrong: bool = True) -> str:
    verdicts = [(decide(match.distance, match.gap, limits), right) for match, right in found]

    def share(verdict: str, right: bool | None = None) -> float:
        hits = sum(v == verdict and right in (None, r) for v, r in verdicts)
        return 100 * hits / len(verdicts)

    confirmed = f"{share('confirmed', True):19.1f} ({share('confirmed', False):4.1f})" if wrong else ""
    confirmed = confirmed or f"{share('confirmed'):17.1f}"
    return f"{confirmed} {share('uncertain'):9.1f} {share('unknown'):7.1f}"


def _print_limits(present: list[tuple[Match, bool]], absent: list[Match]) -> None:
    """How well gap and distance tell present from absent, and the gap at each rate of false accepts."""
    gaps = np.array([match.gap if right else -1.0 for match, right in present])
    near = np.array([-match.distance if right else -2.0 for match, right in present])
    for name, good, bad in (
        ("gap", gaps, np.array([match.gap for match in absent])),
        ("distance", near, np.array([-match.distance for match in absent])),
    ):
        at95 = 100 * float((bad >= np.quantile(good, 0.05)).mean())
        line = f"{name:9s} AUROC {_auroc(good, bad):.4f}; false accepts at 95 % true accepts: {at95:.1f} %;"
        for rate in (0.05, 0.02, 0.01):
            limit = float(np.quantile(bad, 1 - rate))
            line += f" {rate:.0%} false accepts at {abs(limit):.3f}: {100 * float((good > limit).mean()):.1f} % true;"
        print(line)


def _auroc(good: NDArray[np.float64], bad: NDArray[np.float64]) -> float:
    ranks = np.concatenate([good, bad]).argsort().argsort() + 1
    return float((ranks[: len(good)].sum() - len(good) * (len(good) + 1) / 2) / (len(good) * len(bad)))


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.retrieval", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True, help="the folder that the catalogue was built from")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--every", type=int, default=12, help="query every n-th card (default 12)")
    parser.add_argument(
        "--artworks", type=Path, help="CSV with columns id and artwork: what goes when a card is absent"
    )
    parser.add_argument("--weight", type=float, default=WEIGHT, help=f"of the hash (default {WEIGHT})")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    catalogue, embedder = Catalogue.load(options.catalogue), OnnxEmbedder(options.model)
    check_model(catalogue, embedder.model_hash)
    limits = embedder.card.thresholds if embedder.card else Thresholds()
    started = time.monotonic()
    queries = make_queries(catalogue, options.images, embedder, options.every)
    count = sum(len(asked.rows) for asked in queries.values())
    print(
        f"model {embedder.name}, {len(catalogue.ids)} cards, {count} queries made in {time.monotonic() - started:.0f} s"
    )
    top1_table(catalogue, queries, options.weight)
    rejection_table(catalogue, queries, artworks(catalogue, options.artworks), options.weight, limits)


if __name__ == "__main__":
    main()
