"""Finding every card in a frame without a learned model.

A reduced picture gives edge lines; quads of lines and of closed outlines are weighed by the colours along their sides;
the set that explains most of the picture is kept, and its sides are refined in the full frame. See docs/detection.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
from vision.quad import Quad, is_convex, portrait, size


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """What a user may turn: all cards of `min_width_px` frame pixels and up, with at least `min_score`."""

    min_width_px: float = 20.0
    min_score: float = 0.5


_DEFAULTS = DetectorSettings()

_REDUCED_PX = 400
"""Longer side of the picture that lines are looked for in. More costs time and finds no more: lettering and wood grain
then crowd out the sides of cards."""

_SMALLEST = 14.0
"""Width in pixels of the reduced picture below which a card's sides are shorter than the noise of their ends allows."""

_SMALL = 30.0
"""Width in pixels of the reduced picture below which a border is less than two pixels wide: such quads are weighed in
the full frame."""

_PROMISING, _MOST_SMALL = 0.65, 16
"""Evidence in the reduced picture from which it is worth it, and for how many."""

_NONE, _SURE = 0.68, 0.94
"""Evidence and support together: where scores begin and where they reach 1."""


def detect(
    frame: NDArray[np.uint8], settings: DetectorSettings = _DEFAULTS, known: Sequence[Quad] = ()
) -> list[Detection]:
    """Every card in a frame uint8 RGB [h, w, 3], the surest first; quads in frame pixels, by `vision.quad.portrait`.

    What lies under the quads `known` is not looked at: cards that are followed already cost nothing to look past.
    Raises ValueError for anything that is not a colour picture of 8 bits.
    """
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise ValueError(f"a frame is uint8 RGB [height, width, 3], not {frame.dtype} {list(frame.shape)}")
    reduced, scale = _reduced(frame)
    hidden = [(quad + 0.5) / scale - 0.5 for quad in known]
    quads, evidence = _find(reduced, frame, scale, hidden)
    if not known and is_scan(reduced, quads):
        found = [Detection(whole(frame), SCAN_SCORE)]
    else:
        found = _detections(frame, scale, quads, evidence)
    kept = [card for card in found if card.score >= settings.min_score and size(card.quad)[0] >= settings.min_width_px]
    return sorted(kept, key=lambda card: -card.score)


def _detections(frame: Pixels, scale: Floats, quads: Floats, evidence: Floats) -> list[Detection]:
    """Quads of the reduced picture, refined in the frame, with scores."""
    if not len(quads):
        return []
    quads, support = _sharpen(frame, (quads + 0.5) * scale - 0.5, float(scale.max()))
    scores = np.clip((0.6 * evidence + 0.4 * support.mean(axis=1) - _NONE) / (_SURE - _NONE), 0, 1)
    return [
        Detection(portrait(quad), float(score))
        for quad, score in zip(quads, scores, strict=True)
        if np.isfinite(quad).all() and is_convex(quad)
    ]


def _reduced(frame: Pixels) -> tuple[Pixels, Floats]:
    """The frame at no more than `_REDUCED_PX`, slightly blurred, and the (x, y) factors back to the frame."""
    height, width = frame.shape[:2]
    factor = min(1.0, _REDUCED_PX / max(height, width))
    to = max(1, round(width * factor)), max(1, round(height * factor))
    # Not INTER_AREA: 11 ms against 1 for 1520 px; the blur below takes what it aliases.
    small = cv2.resize(frame, to, interpolation=cv2.INTER_LINEAR) if factor < 1 else frame
    back = np.array([width / to[0], height / to[1]], np.float32)
    return np.asarray(cv2.GaussianBlur(small, (3, 3), 0), np.uint8), back


def _find(picture: Pixels, frame: Pixels, scale: Floats, hidden: Sequence[Quad]) -> tuple[Floats, Floats]:
    """Quads [n, 4, 2] of the cards in a reduced picture outside of the `hidden` ones, and their evidence [n]."""
    found, gradient = chains(picture, hidden)
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
    small = small[better]
    quads = _replaced(quads, small, ((moved + 0.5) / scale - 0.5)[better])
    score = _replaced(evidence.score, small, again.score[better])
    even = _replaced(evidence.even, small, again.even[better])
    blank = _replaced(evidence.blank, small, again.blank[better])
    return quads, Evidence(score, even, blank)


def _replaced(values: NDArray[Any], index: NDArray[np.intp], new: NDArray[Any]) -> NDArray[Any]:
    values = values.copy()
    values[index] = new
    return values


def _sharpen(frame: Pixels, quads: Floats, scale: float) -> tuple[Floats, Floats]:
    """Quads on the edges of the full frame: first within what reduction may have moved them, then more finely.

    A reduced pixel is a few of the frame, but 3 % of a card is less than its border.
    """
    reach = np.minimum(1.5 * scale + 1, np.maximum(0.03 * widths(quads), 0.8 * scale))
    quads, _ = refine(frame, quads, reach, 6)
    return refine(frame, quads, np.maximum(reach / 2.5, 1.5), 5)
