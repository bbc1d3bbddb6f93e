"""Quads whose four sides are lines of the picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.detector.lines import Floats, Lines
from vision.detector.profile import Profile
from vision.quad import CARD_ASPECT

STEP = 20.0
"""A colour step of this many levels across a side is as good as any."""

_OPPOSITE, _ADJACENT = 0.5, 0.6
"""|sine| of the angle between opposite sides is below, between adjacent ones above: a card tilted up to about 60°."""

_MOST_SIDES, _MOST_ALIKE, _MOST_QUADS = 14, 3, 120
"""Bounds on work: sides tried between two lines, quads kept of those that nearly agree, quads in all."""

_WEAK_SIDE, _WEAK_QUAD = 0.3, 0.6
"""Below this a side has too little edge to be one, and four sides too little to be a quad (1 is a full edge)."""

_OVERRUN, _CORNER = 0.06, 5.0
"""How far past a corner an edge is looked for: 4 mm of 63 mm, and at least 5 px."""

Index = NDArray[np.intp]


def crossings(lines: Lines) -> tuple[Floats, Floats]:
    """[n, n]: where along line i line j crosses it, and the sine of the angle between them."""
    p, u = lines.point, lines.direction
    sine = u[:, None, 0] * u[None, :, 1] - u[:, None, 1] * u[None, :, 0]
    delta = p[None] - p[:, None]
    along = delta[..., 0] * u[None, :, 1] - delta[..., 1] * u[None, :, 0]
    parted = np.where(np.abs(sine) < 0.05, np.float32(1), sine)
    return np.asarray(along / parted, np.float32), np.asarray(sine, np.float32)


def _opposites(lines: Lines, sine: Floats, shortest: float) -> tuple[Index, Index, Floats]:
    """Pairs of lines that can be opposite sides, and their distance: nearly parallel, side by side, not far apart."""
    length = lines.extent[:, 1] - lines.extent[:, 0]
    middle = lines.point + lines.direction * lines.extent.mean(axis=1)[:, None]
    delta = middle[None] - middle[:, None]
    ux, uy = lines.direction[:, :1], lines.direction[:, 1:]
    apart = np.abs(delta[..., 0] * uy - delta[..., 1] * ux)
    apart = (apart + apart.T) / 2
    shifted = np.abs(delta[..., 0] * ux + delta[..., 1] * uy)
    longer, shorter = np.maximum(length[:, None], length), np.minimum(length[:, None], length)
    # The long sides are at most 0.72 of their length apart, the short ones 1.4; half an edge may be hidden, and of
    # one of the two all but a quarter.
    near = (apart > 0.8 * shortest) & (apart < 3.2 * longer) & (apart < 6 * shorter) & (shifted < 1.2 * longer)
    i, k = np.nonzero(np.triu(near & (np.abs(sine) < _OPPOSITE), 1))
    return i, k, np.asarray(apart[i, k], np.float32)


def _between(lines: Lines, pairs: tuple[Index, Index, Floats], shortest: float) -> tuple[Index, Index, Floats, Floats]:
    """Lines j that cross both lines of pair p: p, j, and where on line j, with an edge on 15 % of the way between."""
    along, sine = crossings(lines)
    steep = np.abs(sine) > _ADJACENT
    i, k, apart = pairs
    start, end = along.T[i], along.T[k]
    length = np.abs(end - start)
    pair, j = np.nonzero(steep[i] & steep[k] & (length > 0.7 * shortest) & (length < 1.6 * apart[:, None]))
    start, end = start[pair, j], end[pair, j]
    seen = np.nonzero(lines.coverage(j, start, end) > 0.15 * np.abs(end - start))[0]
    return pair[seen], j[seen], start[seen], end[seen]


def _side(lines: Lines, profile: Profile, j: Index, start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """How much speaks for a side on each line j between two positions, and how much edge runs on past them (0 to 1)."""
    length, onward = np.abs(end - start), np.sign(end - start)
    reach = np.maximum(_OVERRUN * length, _CORNER)
    over = np.minimum(lines.coverage(j, end + onward, end + onward * (1 + reach)), reach)
    over += np.minimum(lines.coverage(j, start - onward, start - onward * (1 + reach)), reach)
    over /= 2 * reach
    edge = lines.coverage(j, start, end) / length
    evidence = 0.7 * profile.strength(j, start, end, 3, STEP) + 0.3 * np.minimum(1, edge / 0.8) - 0.5 * over
    return np.asarray(evidence, np.float32), np.asarray(over, np.float32)


def _couples(pair: Index, j: Index, evidence: Floats) -> tuple[Index, Index, Index]:
    """Any two of the best sides between the same two lines: (pair, j, l)."""
    order = np.lexsort((-evidence, pair))
    rank = np.arange(len(pair)) - np.searchsorted(pair[order], pair[order])
    order = order[rank < _MOST_SIDES]
    pair, j = pair[order], j[order]
    first = [np.nonzero(pair[:-o] == pair[o:])[0] for o in range(1, min(_MOST_SIDES, len(pair)))]
    if not first:
        return pair[:0], j[:0], j[:0]
    one = np.concatenate(first)
    other = np.concatenate([f + o for o, f in enumerate(first, 1)])
    return pair[one], j[one], j[other]


def of_lines(lines: Lines, profile: Profile, shortest: float) -> tuple[Floats, Floats]:
    """Quads [n, 4, 2] with a card's proportions and their overrun [n, 4]: the share of edge just past each side's ends.

    `shortest` is the smallest card width in pixels. An edge that runs on past a corner is no card's edge: the line
    under the artwork makes a card-shaped quad with the upper halves of the long sides.
    """
    along, sine = crossings(lines)
    i, k, apart = _opposites(lines, sine, shortest)
    pair, j, start, end = _between(lines, (i, k, apart), shortest)
    evidence, over = _side(lines, profile, j, start, end)
    good = np.nonzero(evidence > _WEAK_SIDE)[0]
    pair, j, evidence, over = pair[good], j[good], evidence[good], over[good]
    table = np.full((*sine.shape, len(sine)), np.float32(-9))
    runs = np.zeros_like(table)
    for a, b in ((i[pair], k[pair]), (k[pair], i[pair])):
        table[j, a, b], runs[j, a, b] = evidence, over
    of_pair, q, r = _couples(pair, j, evidence)
    i, k = i[of_pair], k[of_pair]
    mean = np.asarray((table[q, i, k] + table[k, q, r] + table[r, i, k] + table[i, q, r]) / 4, np.float32)
    good = np.nonzero(mean > _WEAK_QUAD)[0]
    i, k, q, r, mean = i[good], k[good], q[good], r[good], mean[good]
    kept = _various(lines, along, (i, k, q, r), mean)
    sides = np.stack([q[kept], k[kept], r[kept], i[kept]], axis=1)
    before, after = np.roll(sides, 1, axis=1), np.roll(sides, -1, axis=1)
    corners = lines.point[sides] + lines.direction[sides] * along[sides, before][..., None]
    return np.asarray(corners, np.float32), np.asarray(runs[sides, before, after], np.float32)


def _various(lines: Lines, along: Floats, sides: tuple[Index, ...], mean: Floats) -> Index:
    """Quads with a card's proportions, the best few of those with nearly the same centre, size and angle."""
    i, k, q, r = sides
    iq, ir, kq, kr = along[i, q], along[i, r], along[k, q], along[k, r]
    a, b = np.abs(iq - ir), np.abs(kq - kr)
    c, d = np.abs(along[q, i] - along[q, k]), np.abs(along[r, i] - along[r, k])
    aspect = (c + d) / np.maximum(a + b, 1e-3)
    # Each quad is met twice, once from either pair of opposite sides: the long ones count. Tilted by 60° a card's
    # opposite sides differ by up to 1 : 0.55.
    even = (np.minimum(a, b) > 0.55 * np.maximum(a, b)) & (np.minimum(c, d) > 0.55 * np.maximum(c, d))
    fits = np.nonzero((aspect > 0.5) & (aspect < 0.97) & even)[0]
    size = np.sqrt(((a + b) * (c + d))[fits]) / 2
    rank = mean[fits] - np.abs(np.log(aspect[fits] / CARD_ASPECT)) + 0.4 * np.log(size)
    of_i = lines.point[i] + lines.direction[i] * ((iq + ir) / 2)[:, None]
    of_k = lines.point[k] + lines.direction[k] * ((kq + kr) / 2)[:, None]
    level = np.round(np.log(size) / 0.15)
    cell = np.round(((of_i + of_k) / 2)[fits] / (0.12 * np.exp(0.15 * level))[:, None])
    angle = np.round(np.arctan2(lines.direction[i, 1], lines.direction[i, 0])[fits] / (np.pi / 12)) % 12
    key = _mixed([level, cell[:, 0], cell[:, 1], angle])
    order = np.lexsort((-rank, key))
    alike = np.arange(len(order)) - np.searchsorted(key[order], key[order])
    order = order[alike < _MOST_ALIKE]
    return np.asarray(fits[order[np.argsort(-mean[fits][order], kind="stable")[:_MOST_QUADS]]])


def _mixed(parts: list[NDArray[Any]]) -> NDArray[np.int64]:
    key = np.zeros(len(parts[0]), np.int64)
    for part in parts:
        key = key * 4099 + part.astype(np.int64)
    return key
