"""Who competes: ways to find a crop's card among references, each with its own score and how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from catalog.embedding import normalise
from catalog.match import WEIGHT, Matcher
from catalog.store import Catalogue
from vision.phash import HASH_BITS, agreement, hamming
from vision.rectify import half_turn

Floats = NDArray[np.float32]
READINGS = (0, 2)
TOP = 5
BACKGROUND = 10
_KEPT = 64


@dataclass(frozen=True, slots=True)
class Query:
    """A crop in both readings: pictures [2, h, w, 3], embeddings [2, dim], hashes [2, 64]."""

    crops: NDArray[np.uint8]
    vectors: Floats
    hashes: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Answer:
    """The best rows, best first, and three ways to say how sure that is.

    `gap` is the score's margin over the best row of another picture, `lead` its margin over the mean of the next
    `BACKGROUND` rows of other pictures (score normalisation), `nearness` the score itself; for the fused ranking the
    cosine, which is what the matcher calls 1 - distance.
    """

    rows: tuple[int, ...]
    gap: float
    lead: float
    nearness: float


class Ranker(Protocol):
    """Finds a query among the rows of one catalogue."""

    def __call__(self, query: Query) -> Answer:
        """The best rows and how surely."""


def ranked(scores: Floats, groups: NDArray[np.int32]) -> Answer:
    """The answer of the scores [rows] of all rows of a catalogue."""
    best = np.argpartition(-scores, min(_KEPT, len(scores) - 1))[:_KEPT]
    best = best[np.argsort(-scores[best], kind="stable")]
    return _answer(best, scores[best], groups, float(scores[best[0]]))


def _answer(rows: NDArray[np.intp], scores: Floats, groups: NDArray[np.int32], nearness: float) -> Answer:
    others = scores[groups[rows] != groups[rows[0]]][:BACKGROUND]
    if not len(others):
        others = np.zeros(1, np.float32)
    first = float(scores[0])
    return Answer(tuple(rows[:TOP].tolist()), first - float(others[0]), first - float(others.mean()), nearness)


def by_hash(catalogue: Catalogue) -> Ranker:
    """Perceptual hashes (dHash and pHash), 512 bits, every row compared; the better reading counts."""

    def rank(query: Query) -> Answer:
        scores = agreement(hamming(catalogue.hashes[None], query.hashes[:, None])).max(axis=0)
        return ranked(np.asarray(scores, np.float32), catalogue.groups)

    return rank


def by_net(catalogue: Catalogue) -> Ranker:
    """Cosine of the embeddings, every row compared; the better reading counts."""

    def rank(query: Query) -> Answer:
        scores = (normalise(query.vectors) @ catalogue.embeddings.T).max(axis=0)
        return ranked(np.asarray(scores, np.float32), catalogue.groups)

    return rank


def fused(catalogue: Catalogue, weight: float = WEIGHT) -> Ranker:
    """The matcher as it runs: both searches propose, cosine and `weight` times the hash agreement decide."""
    matcher = Matcher(catalogue, weight)
    row_of = {card_id: row for row, card_id in enumerate(catalogue.ids)}

    def rank(query: Query) -> Answer:
        match = matcher.match(query.vectors[None], query.hashes[None], READINGS, _KEPT)[0]
        rows = np.array([row_of[one.card_id] for one in match.candidates])
        scores = np.array([one.score for one in match.candidates], np.float32)
        answer = _answer(rows, scores, catalogue.groups, 1 - match.distance)
        return replace(answer, gap=match.gap)

    return rank


class HashThenOrb:
    """pHash proposes 20 rows, ORB features that agree on one homography order them: what most hobby scanners do."""

    PROPOSED, FEATURES, RATIO = 20, 400, 0.75

    def __init__(self, catalogue: Catalogue, read: Callable[[int], NDArray[np.uint8]]) -> None:
        self._catalogue, self._read = catalogue, read
        self._orb = cv2.ORB.create(self.FEATURES)
        self._matcher = cv2.BFMatcher(cv2.NORM_HAMMING)
        self._known: dict[str, tuple[Sequence[cv2.KeyPoint], NDArray[np.uint8] | None]] = {}

    def __call__(self, query: Query) -> Answer:
        """Inliers are the score; the hash breaks ties."""
        away = hamming(self._catalogue.hashes[None], query.hashes[:, None])
        near = away.min(axis=0)
        rows = np.argsort(near, kind="stable")[: self.PROPOSED]
        seen = {reading: self._features(query.crops[reading]) for reading in {int(r) for r in away[:, rows].argmin(0)}}
        scores = np.full(len(near), -1.0, np.float32)
        for row in rows.tolist():
            inliers = self._inliers(seen[int(away[:, row].argmin())], self._reference(row))
            scores[row] = inliers + 1 - near[row] / HASH_BITS
        return ranked(scores, self._catalogue.groups)

    def _features(self, crop: NDArray[np.uint8]) -> tuple[Sequence[cv2.KeyPoint], NDArray[np.uint8] | None]:
        grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        points, features = self._orb.detectAndCompute(grey, None)
        return points, None if features is None else np.asarray(features, np.uint8)

    def _reference(self, row: int) -> tuple[Sequence[cv2.KeyPoint], NDArray[np.uint8] | None]:
        card_id = self._catalogue.ids[row]
        if card_id not in self._known:
            self._known[card_id] = self._features(self._read(row))
        return self._known[card_id]

    def _inliers(
        self,
        one: tuple[Sequence[cv2.KeyPoint], NDArray[np.uint8] | None],
        other: tuple[Sequence[cv2.KeyPoint], NDArray[np.uint8] | None],
    ) -> int:
        if one[1] is None or other[1] is None or len(other[1]) < 2:
            return 0
        pairs = [
            pair[0]
            for pair in self._matcher.knnMatch(one[1], other[1], k=2)
            if len(pair) == 2 and pair[0].distance < self.RATIO * pair[1].distance
        ]
        if len(pairs) < 4:
            return 0
        source = np.array([one[0][pair.queryIdx].pt for pair in pairs], np.float32)
        target = np.array([other[0][pair.trainIdx].pt for pair in pairs], np.float32)
        _, mask = cv2.findHomography(source, target, cv2.RANSAC, 5.0)
        return int(mask.sum()) if mask is not None else 0


def both_readings(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The crop as it is and turned by 180 degrees, [2, h, w, 3]."""
    return np.stack([crop, half_turn(crop)])
