"""Grading: every condition, every ranker, cards that are in the catalogue and the same cards when they are not."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.accuracy.conditions import CONDITIONS
from bench.accuracy.rankers import Answer, Query, Ranker, both_readings
from catalog.build import read_crop
from catalog.embedding import Embedder
from catalog.index import VectorIndex
from catalog.store import Catalogue
from vision.phash import perceptual_hashes

TRUE_ACCEPTS = 0.95
WITNESSES = ("gap", "lead", "nearness")
"""By what an absent card may be told from a present one."""
_BATCH = 32


class Truth(msgspec.Struct, frozen=True):
    """Per row of the catalogue: which picture (`printing`) and which artwork (`card`) it shows, and its set."""

    printing: tuple[str, ...]
    card: tuple[str, ...]
    sets: tuple[str, ...]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What one ranker did under one condition; percent. `accepts` are false accepts, by each witness."""

    condition: str
    ranker: str
    queries: int
    printing: tuple[float, float, float]
    """Right among the first 1, 3 and 5, by printing (all that show the very same picture)."""
    card: tuple[float, float, float]
    """The same by artwork."""
    accepts: dict[str, float]


@dataclass(frozen=True, slots=True)
class Graded:
    """Answers of one ranker under one condition: for cards that are there (and whether each is right), and absent."""

    present: list[Answer]
    right: NDArray[np.bool_]
    absent: list[Answer]


def read_truth(catalogue: Catalogue, labels: Path) -> Truth:
    """The truth from a CSV with the columns id, set, group and artwork. ValueError for cards that it does not list."""
    with labels.open(encoding="utf-8", newline="") as file:
        lines = {line["id"]: line for line in csv.DictReader(file)}
    unknown = [card_id for card_id in catalogue.ids if card_id not in lines]
    if unknown:
        raise ValueError(
            f"{labels} does not list {unknown[0]} ({len(unknown)} cards): give the labels of this catalogue"
        )
    of = [lines[card_id] for card_id in catalogue.ids]
    return Truth(*(tuple(line.get(key) or line["id"] for line in of) for key in ("group", "artwork", "set")))


def chosen(truth: Truth, sets: Iterable[str], every: int, start: int = 0) -> list[int]:
    """Every n-th row of these sets. ValueError for a set without cards."""
    wanted = set(sets)
    missing = wanted - set(truth.sets)
    if missing:
        raise ValueError(f"the catalogue has no card of the set {sorted(missing)[0]}")
    return [row for row, name in enumerate(truth.sets) if name in wanted][start::every]


def make_queries(
    catalogue: Catalogue, images: Path, rows: Sequence[int], embedder: Embedder, condition: str
) -> Iterator[Query]:
    """The cards of these rows under a condition; the same at every run, whatever is asked for beside them."""
    number = list(CONDITIONS).index(condition)
    for start in range(0, len(rows), _BATCH):
        crops = []
        for row in rows[start : start + _BATCH]:
            clean = reference(catalogue, images, row)
            crops.append(both_readings(CONDITIONS[condition](clean, np.random.default_rng([number, row]))))
        flat = np.concatenate(crops)
        vectors, hashes = embedder.embed(flat), perceptual_hashes(flat)
        for at, crop in enumerate(crops):
            two = slice(2 * at, 2 * at + 2)
            yield Query(crop, vectors[two], hashes[two])


def reference(catalogue: Catalogue, images: Path, row: int) -> NDArray[np.uint8]:
    """The picture that a row was made from. FileNotFoundError where it is not."""
    file = images / catalogue.cards[catalogue.ids[row]].file
    crop = read_crop(file)
    if crop is None:
        raise FileNotFoundError(f"{file} cannot be read: give the folder that {catalogue.path} was built from")
    return crop


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


def strangers(catalogue: Catalogue, truth: Truth, rows: Sequence[int]) -> Catalogue:
    """The catalogue without the artworks of these rows: what they are strangers to."""
    away = {truth.card[row] for row in rows} | {truth.printing[row] for row in rows}
    gone = [card in away or printing in away for card, printing in zip(truth.card, truth.printing, strict=True)]
    return without(catalogue, np.array(gone))


def grade(
    queries: Iterable[Query], rows: Sequence[int], truth: Truth, here: Ranker, away: Ranker
) -> tuple[Graded, tuple[float, float, float], tuple[float, float, float]]:
    """Answers of a ranker among all cards (`here`) and among strangers (`away`); top 1, 3, 5 by printing and card."""
    present, absent = [], []
    for query in queries:
        present.append(here(query))
        absent.append(away(query))
    tops = []
    for names in (truth.printing, truth.card):
        hits = [
            [names[found] == names[row] for found in answer.rows] for answer, row in zip(present, rows, strict=True)
        ]
        tops.append(tuple(100 * float(np.mean([any(hit[:k]) for hit in hits])) for k in (1, 3, 5)))
    right = np.array([truth.printing[a.rows[0]] == truth.printing[r] for a, r in zip(present, rows, strict=True)])
    return Graded(present, right, absent), tops[0], tops[1]  # type: ignore[return-value]


def false_accepts(graded: Sequence[Graded], witness: str) -> float:
    """Percent of absent cards that are accepted where 95 % of the present ones are; a wrong answer is no true one."""
    value: Callable[[Answer], float] = lambda answer: getattr(answer, witness)  # noqa: E731
    good = np.array(
        [value(a) if ok else -np.inf for one in graded for a, ok in zip(one.present, one.right, strict=True)]
    )
    bad = np.array([value(a) for one in graded for a in one.absent])
    limit = np.sort(good)[int((1 - TRUE_ACCEPTS) * len(good))]
    return 100 * float((bad >= limit).mean()) if np.isfinite(limit) else 100.0
