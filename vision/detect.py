"""Finding every card in a frame without a learned model.

A reduced picture gives edge lines; quads of lines and of closed outlines are weighed by the colours along their sides;
the set that explains most of the picture is kept, and its sides are refined in the full frame. See docs/detection.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.detection import Detection
from vision.detector.choice import choose
from vision.detector.evidence import Evidence, weigh
from vision.detector.lines import Floats, Pixels, chains, join, segments
from vision.detector.margins import settle
from vision.detector.outlines import of_chains
from vision.detector.profile import Profile
from vision.detector.quads import of_lines
from vision.detector.refine import refine
from vision.detector.scan import SCAN_SCORE, is_scan, whole
from vision.detector.shape import ordered, widths
from vision.quad import is_convex, portrait, size


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """What a user may turn: all cards of `min_width_px` and up, with at least `min_score`.

    `reduced_px` is the longer side of the picture that lines are looked for in: more finds smaller cards and takes
    longer.
    """

    min_width_px: float = 20.0
    min_score: float = 0.5
    reduced_px: int = 400


_DEFAULTS = DetectorSettings()

_SMALLEST = 14.0
"""Width in pixels of the reduced picture below which a card's sides are shorter than the noise of their ends allows."""

_SMALL = 30.0
"""Width in pixels of the reduced picture below which a border is less than two pixels wide: such quads are weighed in
the full frame."""

_PROMISING, _MOST_SMALL = 0.65, 16
"""Evidence in the reduced picture from which it is worth it, and for how many."""

_NONE, _SURE = 0.68, 0.94
"""Evidence and support together: where scores begin and where they reach 1."""


def detect(frame: NDArray[np.uint8], settings: DetectorSettings = _DEFAULTS) -> list[Detection]:
    """Every card in a frame uint8 RGB [h, w, 3], the surest first; quads in frame pixels, by `vision.quad.portrait`.

    Raises ValueError for anything that is not a colour picture of 8 bits.
    """
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise ValueError(f"a frame is uint8 RGB [height, width, 3], not {frame.dtype} {list(frame.shape)}")
    reduced, scale = _reduced(frame, settings.reduced_px)
    quads, evidence = _find(reduced, frame, scale)
    if is_scan(reduced, quads):
        return [Detection(whole(frame), SCAN_SCORE)]
    if not len(quads):
        return []
    quads, support = _sharpen(frame, (quads + 0.5) * scale - 0.5, float(scale.max()))
    scores = np.clip((0.6 * evidence + 0.4 * support.mean(axis=1) - _NONE) / (_SURE - _NONE), 0, 1)
    found = [
        Detection(portrait(quad), float(score))
        for quad, score in zip(quads, scores, strict=True)
        if score >= settings.min_score and np.isfinite(quad).all() and is_convex(quad)
    ]
    found = [card for card in found if size(card.quad)[0] >= settings.min_width_px]
    return sorted(found, key=lambda card: -card.score)


def _reduced(frame: Pixels, longest: int) -> tuple[Pixels, Floats]:
    """The frame at no more than `longest` pixels, slightly blurred, and the (x, y) factors back to the frame."""
    height, width = frame.shape[:2]
    factor = min(1.0, longest / max(height, width))
    to = max(1, round(width * factor)), max(1, round(height * factor))
    # Not INTER_AREA: 11 ms against 1 for 1520 px; the blur below takes what it aliases.
    small = cv2.resize(frame, to, interpolation=cv2.INTER_LINEAR) if factor < 1 else frame
    back = np.array([width / to[0], height / to[1]], np.float32)
    return np.asarray(cv2.GaussianBlur(small, (3, 3), 0), np.uint8), back


def _find(picture: Pixels, frame: Pixels, scale: Floats) -> tuple[Floats, Floats]:
    """Quads [n, 4, 2] of the cards in a reduced picture, and their evidence [n]."""
    found, gradient = chains(picture)
    pieces = segments(found, gradient)
    if len(pieces) < 4:
        return np.zeros((0, 4, 2), np.float32), np.zeros(0, np.float32)
    lines = join(pieces, picture.shape[:2])
    quads, overrun = of_lines(lines, Profile(picture, lines), _SMALLEST)
    outlined = of_chains(found, _SMALLEST)
    quads = np.concatenate([quads, outlined])
    if not len(quads):
        return quads, np.zeros(0, np.float32)
    quads, overrun = ordered(quads, np.concatenate([overrun, np.zeros((len(outlined), 4), np.float32)]))
    evidence = weigh(picture, quads, overrun)
    if scale.max() > 1:
        quads, evidence = _closer(frame, scale, quads, overrun, evidence)
    chosen = choose(quads, evidence)
    return (settle(picture, quads[chosen]) if len(chosen) else quads[chosen]), evidence.score[chosen]


def _closer(
    frame: Pixels, scale: Floats, quads: Floats, overrun: Floats, evidence: Evidence
) -> tuple[Floats, Evidence]:
    """The same quads, the small ones moved onto the edges of the full frame and weighed there."""
    small = np.nonzero((widths(quads) < _SMALL) & (evidence.score > _PROMISING))[0]
    small = small[np.argsort(-evidence.score[small], kind="stable")[:_MOST_SMALL]]
    if not len(small):
        return quads, evidence
    moved, _ = _sharpen(frame, (quads[small] + 0.5) * scale - 0.5, float(scale.max()))
    again = weigh(frame, moved, overrun[small])
    better = again.score > evidence.score[small]
    small, quads = small[better], quads.copy()
    quads[small] = (moved[better] + 0.5) / scale - 0.5
    for of_all, of_small in zip(
        (evidence.score, evidence.even, evidence.blank), (again.score, again.even, again.blank), strict=True
    ):
        of_all[small] = of_small[better]
    return quads, evidence


def _sharpen(frame: Pixels, quads: Floats, scale: float) -> tuple[Floats, Floats]:
    """Quads on the edges of the full frame: first within what reduction may have moved them, then more finely.

    A reduced pixel is a few of the frame, but 3 % of a card is less than its border.
    """
    reach = np.minimum(1.5 * scale + 1, np.maximum(0.03 * widths(quads), 0.8 * scale))
    quads, _ = refine(frame, quads, reach, 6)
    return refine(frame, quads, np.maximum(reach / 2.5, 1.5), 5)
