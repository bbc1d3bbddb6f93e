"""The fused ranking: candidates by embedding and by perceptual hash, ordered by both together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from catalog.embedding import normalise
from catalog.index import Cosines, Rows, nearest_hashes
from catalog.store import Catalogue
from vision.phash import HASH_BYTES, agreement, hamming

WEIGHT = 1.0
"""Share of the hash agreement (-1 to 1) in the score, beside a cosine of weight 1."""

_BY_VECTOR, _BY_HASH = 24, 16
"""How many rows each of the two searches proposes."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One printing that a crop may show: cosine distance (0 is the same) and fused score (higher is better)."""

    card_id: str
    name: str
    set_name: str
    number: str
    distance: float
    score: float


@dataclass(frozen=True, slots=True)
class Match:
    """What one crop looks like.

    `turn` is the reading that fits best, in quarters (2 = the crop is upside down). `candidates` are the best
    printings, best first; `group` holds the ids of all printings with the picture of the first, which is among them.
    `distance` is the first candidate's; `gap` is its score's margin over the best candidate outside the group.
    """

    turn: int
    candidates: tuple[Candidate, ...]
    group: tuple[str, ...]
    distance: float
    gap: float


@dataclass(frozen=True, slots=True)
class _Ranking:
    """Rows of one query, best first, each in the reading that suits it best."""

    rows: Rows
    scores: NDArray[np.float32]
    cosines: Cosines
    readings: NDArray[np.intp]


class Matcher:
    """Searches one catalogue."""

    def __init__(self, catalogue: Catalogue, weight: float = WEIGHT) -> None:
        if not 0 <= weight < np.inf:
            raise ValueError(f"the weight of the hash must be 0 or more, not {weight}")
        self.catalogue = catalogue
        self.weight = weight
        order = np.argsort(catalogue.groups, kind="stable")
        self._members = order
        self._sorted_groups = catalogue.groups[order]

    def match(
        self, vectors: NDArray[np.float32], hashes: NDArray[np.uint8], turns: Sequence[int] = (0,), top: int = 5
    ) -> list[Match]:
        """Matches of n queries, each read in r ways.

        `vectors` [n, r, dim] are raw embeddings, `hashes` uint8 [n, r, 64] the hashes of the same crops, `turns` the r
        readings in quarters. Raises ValueError for other shapes or types and for vectors that are not finite.
        """
        self._check(vectors, hashes, turns)
        if top < 1:
            raise ValueError(f"top must be 1 or more, not {top}")
        if len(vectors) == 0:
            return []
        unit = normalise(vectors)
        proposed = self._propose(unit, hashes, ceil(top / _BY_VECTOR))
        return [self._match(self._rank(*query), turns, top) for query in zip(unit, hashes, *proposed, strict=True)]

    def _check(self, vectors: NDArray[np.float32], hashes: NDArray[np.uint8], turns: Sequence[int]) -> None:
        readings, dim = len(turns), self.catalogue.manifest.model.dim
        if vectors.ndim != 3 or vectors.shape[1:] != (readings, dim):
            raise ValueError(
                f"vectors must be [n, {readings}, {dim}] for {readings} readings, not {list(vectors.shape)}"
            )
        if hashes.dtype != np.uint8 or hashes.shape != (len(vectors), readings, HASH_BYTES):
            raise ValueError(
                f"hashes must be uint8 [{len(vectors)}, {readings}, {HASH_BYTES}], "
                f"not {hashes.dtype} {list(hashes.shape)}"
            )

    def _propose(self, unit: NDArray[np.float32], hashes: NDArray[np.uint8], times: int) -> tuple[Rows, Cosines]:
        """Candidate rows [n, r, k] of both searches, `times` the usual number, and their cosines.

        What both searches found is there twice.
        """
        queries, readings = unit.shape[:2]
        flat = unit.reshape(queries * readings, -1)
        by_vector, cosines = self.catalogue.index.search(flat, times * _BY_VECTOR)
        by_hash = nearest_hashes(self.catalogue.hashes, hashes.reshape(queries * readings, -1), times * _BY_HASH)
        rows = np.concatenate([by_vector, by_hash], axis=1)
        cosines = np.concatenate([cosines, self.catalogue.index.cosines(by_hash, flat)], axis=1)
        return rows.reshape(queries, readings, -1), cosines.reshape(queries, readings, -1)

    def _match(self, ranking: _Ranking, turns: Sequence[int], top: int) -> Match:
        groups = self.catalogue.groups[ranking.rows]
        outside = np.flatnonzero(groups != groups[0])
        # A stranger scores about 0, which stands in where the catalogue holds nothing else.
        rival = float(ranking.scores[outside[0]]) if len(outside) else 0.0
        return Match(
            turn=turns[int(ranking.readings[0])],
            candidates=tuple(self._candidate(ranking, place) for place in range(min(top, len(ranking.rows)))),
            group=self._group(int(groups[0])),
            distance=_distance(ranking.cosines[0]),
            gap=float(ranking.scores[0]) - rival,
        )

    def _rank(self, unit: NDArray[np.float32], hashes: NDArray[np.uint8], rows: Rows, cosines: Cosines) -> _Ranking:
        known, times = self.catalogue, 1
        while _of_one_group(known.groups[rows]) and times * _BY_HASH < len(known.ids):
            times *= 4  # a large group fills the lists of a reading: its rivals are not in sight
            wider, wider_cosines = self._propose(unit[None], hashes[None], times)
            rows, cosines = wider[0], wider_cosines[0]
        scores = cosines + self.weight * agreement(hamming(known.hashes[rows], hashes[:, None]))
        order = np.argsort(-scores, axis=None, kind="stable")
        first: dict[int, int] = {}
        for place in order.tolist():
            first.setdefault(rows.item(place), place)
        best = np.fromiter(first.values(), np.intp)
        return _Ranking(rows.ravel()[best], scores.ravel()[best], cosines.ravel()[best], best // rows.shape[1])

    def _candidate(self, ranking: _Ranking, place: int) -> Candidate:
        card_id = self.catalogue.ids[ranking.rows[place]]
        card = self.catalogue.cards[card_id]
        return Candidate(
            card_id,
            card.name,
            card.set_name or card.set,
            card.number,
            _distance(ranking.cosines[place]),
            float(ranking.scores[place]),
        )

    def _group(self, number: int) -> tuple[str, ...]:
        begin, end = np.searchsorted(self._sorted_groups, [number, number + 1])
        return tuple(self.catalogue.ids[row] for row in self._members[begin:end])


def _of_one_group(groups: NDArray[np.int32]) -> bool:
    """Whether some reading's candidates [r, k] are all of one group."""
    return bool((groups == groups[:, :1]).all(axis=1).any())


def _distance(cosine: np.float32) -> float:
    """Cosine distance; f16 rounds the cosine of equal vectors to either side of 1."""
    return max(0.0, float(1.0 - cosine))
