"""Which of many overlapping quads are the cards."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision.detector.evidence import Evidence
from vision.detector.lines import Floats
from vision.detector.shape import areas, overlaps, widths

_RIVAL = 0.2
"""Quads whose corners differ by less than this share of their width are readings of one card: art border (5 %),
sleeve (3 %) and toploader (10 %) stay below."""

OUTER = 0.1
"""Of rivals with equal evidence the larger is the card: its artwork's frame is printed as sharply as it is cut."""

_MOST_RIVALS, _MOST = 200, 40
"""Bounds on work: quads compared, and quads left to choose from."""

_WEAK, _FULL = 0.82, 0.93
"""Evidence below the first is no card; above the second more of it says nothing."""

_PLAIN = 0.8
"""Share of one colour in a plain card's border: artwork without a border has less, and so has a group of cards."""


_TILED = 0.85
"""The gaps between the cards of a group take up to 15 % of its area."""


def choose(quads: Floats, evidence: Evidence) -> NDArray[np.intp]:
    """Indices of the quads that together explain the picture best, at most half covered by each other."""
    fit = np.nonzero((evidence.score > _WEAK) & ~evidence.blank)[0]
    kept = fit[_best_readings(quads[fit], evidence.score[fit])]
    return np.asarray(kept[_explain(quads[kept], evidence.score[kept], evidence.even[kept])])


def _best_readings(quads: Floats, score: Floats) -> NDArray[np.intp]:
    order = np.argsort(-score - OUTER * np.log(areas(quads)), kind="stable")[:_MOST_RIVALS]
    quads, width = quads[order], widths(quads[order])
    turned = np.roll(quads, 2, axis=1)
    alive, kept = np.ones(len(quads), bool), []
    for i in range(len(quads)):
        if alive[i]:
            kept.append(i)
            apart = np.minimum(np.abs(quads - quads[i]).max(axis=(1, 2)), np.abs(turned - quads[i]).max(axis=(1, 2)))
            alive &= apart > _RIVAL * np.maximum(width, width[i])
            if len(kept) == _MOST:
                break
    return np.asarray(order[kept])


def _explain(quads: Floats, score: Floats, even: Floats) -> list[int]:
    """A quad is worth its area by its evidence; what is inside it may be worth more together.

    The halves of a card (artwork, text) are worth less than the card, for their sides run on; the cards of a page are
    worth more than the page, for the page has no border.
    """
    area = areas(quads)
    worth = area * np.clip((score - _WEAK) / (_FULL - _WEAK), 0, 1) * np.minimum(1, even / _PLAIN) ** 1.5
    share = overlaps(quads)
    shared = np.maximum(share, share.T)
    best, beaten = worth.copy(), worth <= 0
    for i in np.argsort(area, kind="stable"):
        inside = np.nonzero((share[:, i] > 0.8) & (area < 0.8 * area[i]) & ~beaten)[0]
        parts = _apart(inside[np.argsort(-best[inside], kind="stable")], shared, 0.25)
        together = float(best[parts].sum())
        if together > _TILED * worth[i]:
            beaten[i], best[i] = True, together
    order = np.argsort(-worth, kind="stable")
    return _apart(order[~beaten[order]], shared, 0.5)


def _apart(order: NDArray[np.intp], shared: Floats, limit: float) -> list[int]:
    """The first of each group of quads that share more than `limit` of either."""
    kept: list[int] = []
    for i in order:
        if not kept or shared[i, kept].max() < limit:
            kept.append(int(i))
    return kept
