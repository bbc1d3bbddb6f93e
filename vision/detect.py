"""Finding every card in a frame: a network says where cards are, another looks at each again, edges settle the rest.

See docs/detection.md. What runs the networks is given from outside: an engine on the CPU or an accelerator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.detection import Detection
from vision.detector.boxed import TURNS, box_of, starts
from vision.detector.canvas import canvas
from vision.detector.closeup import close_ups, moved
from vision.detector.decode import WORTH_A_LOOK, decode, distinct, likelihood, same
from vision.detector.pyramid import Pixels, Pyramid
from vision.detector.refine import sharpen
from vision.quad import CARD_ASPECT, Quad, iou, is_convex, portrait, size, whole

Floats = NDArray[np.float32]
Network = Callable[[Pixels], Floats]


@dataclass(frozen=True, slots=True)
class Networks:
    """What the detector sees with."""

    find: Network
    """A canvas uint8 RGB [h, w, 3], sides multiples of 64, to cells float32 [12, h / 8, w / 8]: `detector.decode`."""
    look: Network
    """Close-ups uint8 RGB [n, 128, 96, 3] to float32 [n, 9]: `detector.closeup`."""


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """What a user may turn: all cards of `min_width_px` frame pixels and up, with at least `min_score`."""

    min_width_px: float = 20.0
    min_score: float = 0.7


_LAY_HERE = 0.85
"""Overlap (IoU) from which a card is looked at from where it was seen before: the first network is off by as much."""
_SCAN_ASPECT, _SCAN_MARGIN = 0.05, 0.03
"""How far a scan's proportions may be from a card's, and its corners from the card's found, in card widths."""


class CloseUps:
    """Cards at places that are known already, looked at from near.

    With `beside` to work in, half of them are looked at there.
    """

    def __init__(self, look: Network, settings: DetectorSettings | None = None, beside: Executor | None = None) -> None:
        self._look = look
        self._settings = settings or DetectorSettings()
        self._beside = beside

    def within(self, frame: Pyramid, boxes: Sequence[Detection], before: Sequence[Detection] = ()) -> list[Detection]:
        """The cards in upright boxes of a frame that another detector found, in which they may lie turned.

        Those that lay there in the frame `before` are looked at from there.
        """
        if not boxes:
            return []
        quads: list[Quad | None] = [
            next((one.quad for one in before if iou(box_of(one.quad), box.quad) >= _LAY_HERE), None) for box in boxes
        ]
        new = [index for index, quad in enumerate(quads) if quad is None]
        for index, quad in zip(new, self._unturned(frame, [boxes[index].quad for index in new]), strict=True):
            quads[index] = quad
        return self.at(frame, np.stack([quad for quad in quads if quad is not None]), np.ones(len(boxes)), before)

    def _unturned(self, frame: Pyramid, boxes: list[Quad]) -> Floats:
        """For each box the start at which most of a card is to be seen, moved onto it, [n, 4, 2]."""
        if not boxes:
            return np.zeros((0, 4, 2), np.float32)
        quads = np.concatenate([starts(box) for box in boxes])
        seen = self.glance(frame, quads)
        best = seen[:, 8].reshape(-1, TURNS).argmax(axis=1) + TURNS * np.arange(len(boxes))
        return moved(quads[best], seen[best, :8])

    def near(self, frame: Pyramid, rough: Sequence[Detection], before: Sequence[Detection] = ()) -> list[Detection]:
        """The cards of a frame that another finder found roughly, with its likelihoods.

        Those that lay there in the frame `before` are looked at from there.
        """
        if not rough:
            return []
        return self.at(frame, np.stack([one.quad for one in rough]), np.array([one.score for one in rough]), before)

    def glance(self, frame: Pyramid, quads: Floats) -> Floats:
        """What the network says of the quads [n, 4, 2] of a frame, [n, 9]: see `detector.closeup`."""
        half = len(quads) // 2
        if self._beside is None or not half:
            return self.glance_here(frame, quads)
        first = self._beside.submit(self.glance_here, frame, quads[:half])
        rest = self.glance_here(frame, quads[half:])
        return np.concatenate([first.result(), rest])

    def glance_here(self, frame: Pyramid, quads: Floats) -> Floats:
        """The same in this thread alone."""
        return self._look(close_ups(frame, quads))

    def at(
        self,
        frame: Pyramid,
        quads: Floats,
        found: NDArray[Any],
        before: Sequence[Detection],
        glances: Floats | None = None,
    ) -> list[Detection]:
        """What there is to be seen at the quads [n, 4, 2] that were found with these likelihoods, [n].

        `glances`: what `glance` has said already of those `before`, if it was asked.
        """
        if not len(quads):
            return []
        lay = np.array([_nearest(quad, before) for quad in quads])
        quads = np.stack(
            [portrait(quad) if at < 0 else before[at].quad for quad, at in zip(quads, lay.tolist(), strict=True)]
        )
        fresh = lay < 0
        if fresh.any():  # found a tenth of its width off, a card is seen better the second time
            quads[fresh] = moved(quads[fresh], self.glance(frame, quads[fresh])[:, :8])
        if glances is None:
            seen = self.glance(frame, quads)
        else:
            seen = glances[lay]
            if fresh.any():
                seen[fresh] = self.glance(frame, quads[fresh])
        quads, scores = moved(quads, seen[:, :8]), np.sqrt(found * likelihood(seen[:, 8]))
        quads, scores = distinct(quads, np.where(scores >= self._settings.min_score, scores, 0))
        if not len(quads):
            return []
        return [
            Detection(portrait(quad), float(score))
            for quad, score in zip(sharpen(frame.level(0), quads), scores, strict=True)
            if is_convex(quad) and size(quad)[0] >= self._settings.min_width_px
        ]


class Detector:
    """Cards in frames.

    With `beside` to work in, cards that were there are looked at while others are being sought, and several by halves.
    """

    def __init__(
        self, networks: Networks, settings: DetectorSettings | None = None, beside: Executor | None = None
    ) -> None:
        self._find = networks.find
        self._close_ups = CloseUps(networks.look, settings, beside)
        self._beside = beside

    def __call__(self, frame: Pixels) -> list[Detection]:
        """Every card in a frame uint8 RGB [h, w, 3], the surest first; quads in its pixels, by `vision.quad.portrait`.

        Raises ValueError for anything that is not a colour picture of 8 bits.
        """
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise ValueError(f"a frame is uint8 RGB [height, width, 3], not {frame.dtype} {list(frame.shape)}")
        return self.look(Pyramid(frame))

    def look(
        self,
        frame: Pyramid,
        known: Sequence[Detection] = (),
        before: Sequence[Detection] = (),
        within: Floats | None = None,
    ) -> list[Detection]:
        """The same in a stream: cards that are `known` to lie where they lay are not looked at again.

        Those that lay there in the frame `before` are looked at from there. What is not known is sought `within` a box
        alone, its first and last corner [2, 2].
        """
        moving = [one for one in before if not any(one is other for other in known)]
        image, origin, factors = canvas(frame, within)
        glances = self._glances(frame, moving)
        rough, found = decode(self._find(image), WORTH_A_LOOK)
        quads = np.asarray((origin + rough + 0.5) * factors - 0.5, np.float32)
        new = np.array([not any(same(quad, one.quad) for one in known) for quad in quads], bool)
        seen = glances.result() if glances else None
        cards = [*known, *self._close_ups.at(frame, quads[new], found[new], moving, seen)]
        return _in_order(frame, cards)

    def again(self, frame: Pyramid, cards: Sequence[Detection]) -> list[Detection]:
        """The cards of the frame before where they lay, looked at again; nothing new is sought."""
        quads, found = np.stack([card.quad for card in cards]), np.array([card.score for card in cards])
        return _in_order(frame, self._close_ups.at(frame, quads, found, cards))

    def _glances(self, frame: Pyramid, cards: Sequence[Detection]) -> Future[Floats] | None:
        """What is to be seen where the cards of the frame before lay, on its way; None where nobody asked for it."""
        if self._beside is None or not cards:
            return None
        return self._beside.submit(self._close_ups.glance_here, frame, np.stack([card.quad for card in cards]))


def _nearest(quad: Quad, before: Sequence[Detection]) -> int:
    """Which of the cards of the frame before lay here; -1 for none."""
    return next((place for place, one in enumerate(before) if iou(quad, one.quad) >= _LAY_HERE), -1)


def _in_order(frame: Pyramid, cards: list[Detection]) -> list[Detection]:
    """The surest first; or the one card that the frame is a scan of."""
    height, width = frame.level(0).shape[:2]
    if len(cards) == 1 and _is_scan(width, height, cards[0].quad):
        return [Detection(whole(width, height), cards[0].score)]
    return sorted(cards, key=lambda card: -card.score)


def _is_scan(width: int, height: int, quad: Quad) -> bool:
    """Whether a frame shows one card and nothing else: no table is to be seen, so no edge of the card either."""
    alike = abs(np.log(width / height / CARD_ASPECT)) < _SCAN_ASPECT
    return bool(alike and np.abs(quad - whole(width, height)).max() < _SCAN_MARGIN * width)
