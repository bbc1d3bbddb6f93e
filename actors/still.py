"""The same recognition for still pictures, in one process: detect, rectify, embed, match, decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from catalog.decide import Thresholds, Verdict, decide
from catalog.embedding import Embedder
from catalog.match import Match, Matcher
from vision.detect import Detector
from vision.detection import Detection
from vision.phash import perceptual_hashes
from vision.quad import Quad, turn, whole
from vision.rectify import Image, half_turn, rectify

READINGS = (0, 2)


@dataclass(frozen=True, slots=True)
class Identified:
    """A card in a picture: where, what the catalogue says, and whether to believe it."""

    quad: Quad
    status: Verdict
    match: Match


class Identifier:
    """Names the cards in pictures. `top` is how many candidates each answer carries."""

    def __init__(
        self, detector: Detector, embedder: Embedder, matcher: Matcher, thresholds: Thresholds, top: int = 5
    ) -> None:
        self._detect = detector
        self._embedder = embedder
        self._matcher = matcher
        self._thresholds = thresholds
        self._top = top

    def identify(self, picture: Image, cropped: bool = False) -> list[Identified]:
        """Every card in a picture uint8 RGB [h, w, 3], from the top left; with `cropped`, the picture is one card."""
        if cropped:
            height, width = picture.shape[:2]
            if height < 8 or width < 8:
                raise ValueError(f"a picture of {width}x{height} px shows no card")
            return self.name(picture, [Detection(whole(width, height), 1.0)])
        return self.name(picture, _reading_order(self._detect(picture)))

    def name(self, picture: Image, found: Sequence[Detection]) -> list[Identified]:
        """The cards that were found in a picture, in the order given."""
        if not found:
            return []
        crops = [rectify(picture, one.quad) for one in found]
        readings = np.stack([reading for crop in crops for reading in (crop, half_turn(crop))])
        vectors = self._embedder.embed(readings).reshape(len(found), len(READINGS), -1)
        hashes = perceptual_hashes(readings).reshape(len(found), len(READINGS), -1)
        matches = self._matcher.match(vectors, hashes, READINGS, self._top)
        return [
            Identified(turn(one.quad, match.turn), decide(match.distance, match.gap, self._thresholds), match)
            for one, match in zip(found, matches, strict=True)
        ]


def _reading_order(found: Sequence[Detection]) -> list[Detection]:
    """Row by row, as a page is read: cards whose centres differ by less than half a card's height share a row."""
    rest = sorted(found, key=lambda one: float(one.quad[:, 1].mean()))
    rows: list[list[Detection]] = []
    for one in rest:
        height = float(np.ptp(one.quad[:, 1]))
        if rows and float(one.quad[:, 1].mean() - rows[-1][0].quad[:, 1].mean()) < height / 2:
            rows[-1].append(one)
        else:
            rows.append([one])
    return [one for row in rows for one in sorted(row, key=lambda one: float(one.quad[:, 0].mean()))]
