"""What a network on a sensor says, as outlines of cards: boxes, the corners of a pose network, or our own finder's.

The tensors are boxes [n, 4], scores [n] and classes [n], as the networks of Raspberry Pi with `_pp` in their name and
the exports with built-in suppression give them, and perhaps keypoints [n, 8] or [n, 12]: x, y (and how sure) each.
The finder's (deploy/imx500) are maps [4, h, w], shape [8, h, w] and scale [1, h, w], in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vision.detection import Detection
from vision.detector.decode import STRIDE, WORTH_A_LOOK, decode
from vision.detector.heads import MAPS, SCALE, SHAPE, cells
from vision.quad import is_convex, portrait
from vision.sensor import View

Gives = Literal["boxes", "corners", "places"]
"""Upright boxes around cards, their corners, or roughly their corners: to be looked at again."""
Floats = NDArray[np.float32]

_BEYOND = 2.0
"""No card lies as far outside of the picture as its own width: shares above this are pixels."""


class LayoutError(ValueError):
    """Tensors that mean no cards: one line that says what they are and what they should be."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read the tensors. `classes`: the numbers of the classes that are cards, None for all."""

    input_size: tuple[int, int]
    """Width and height of the network's input."""
    pixels: bool
    """Whether coordinates are pixels of the input, and not shares of it."""
    x_first: bool
    """Whether a box is x, y, x, y and not y, x, y, x. Keypoints are always x, y."""
    min_score: float
    classes: frozenset[int] | None = None

    def outlines(self, tensors: Sequence[NDArray[Any]]) -> tuple[Floats, Floats]:
        """Outlines [n, 4, 2], clockwise, in shares of the network's picture, and their scores [n].

        Raises LayoutError for other tensors than these.
        """
        gives = what(tensors)
        if gives == "places":
            return self._places(tensors)
        boxes, scores, classes = (np.asarray(tensor) for tensor in tensors[:3])
        kept = scores >= self.min_score
        if self.classes is not None:
            kept &= np.isin(np.round(classes), list(self.classes))
        points = _keypoints(tensors[3]) if gives == "corners" else self._corners_of(boxes)
        points = points[kept] / (self.input_size if self.pixels else 1)
        sound = np.isfinite(points).all(axis=(1, 2))
        points, scores = points[sound], scores[kept][sound]
        if (np.abs(points) > _BEYOND).any():
            raise LayoutError(
                f"the network's coordinates reach {np.abs(points).max():.0f} where 1 is the whole picture: "
                "set cpu.bbox_normalization in its intrinsics"
            )
        return np.asarray(points, np.float32), np.asarray(scores, np.float32)

    def detections(self, tensors: Sequence[NDArray[Any]], view: View) -> list[Detection]:
        """What the network found, in pixels of a stream; what has its middle beyond the stream's edge is left out.

        Raises LayoutError for other tensors than these.
        """
        outlines, scores = self.outlines(tensors)
        upright = what(tensors) == "boxes"
        return [
            Detection(quad if upright else portrait(quad), float(score))
            for quad, score in zip(view.to_stream(outlines), scores, strict=True)
            if view.shows(quad) and is_convex(portrait(quad))
        ]

    def _places(self, tensors: Sequence[NDArray[Any]]) -> tuple[Floats, Floats]:
        """Of the finder; what is worth a look is decided there, and the score by who looks."""
        maps, shape, scale = sorted(tensors, key=lambda tensor: (MAPS, SHAPE, SCALE).index(len(tensor)))
        rows, columns = maps.shape[1:]
        if self.input_size != (columns * STRIDE, rows * STRIDE):
            width, height = self.input_size
            raise LayoutError(
                f"the network gives maps of {columns} x {rows} cells for an input of {width} x {height} pixels, which "
                f"are {width // STRIDE} x {height // STRIDE} cells: build it with deploy/imx500/build.sh"
            )
        quads, scores = decode(cells(maps, shape, scale), WORTH_A_LOOK)
        return np.asarray((quads + 0.5) / self.input_size, np.float32), scores

    def _corners_of(self, boxes: NDArray[Any]) -> NDArray[Any]:
        left, top, right, bottom = boxes.T if self.x_first else boxes.T[[1, 0, 3, 2]]
        return np.stack([left, top, right, top, right, bottom, left, bottom], axis=1).reshape(-1, 4, 2)


def what(tensors: Sequence[NDArray[Any]]) -> Gives:
    """What the tensors say of cards. LayoutError if they say nothing of them."""
    shapes = [tuple(tensor.shape) for tensor in tensors]
    rows = shapes[0][0] if shapes and shapes[0] else 0
    if rows and shapes[:3] == [(rows, 4), (rows,), (rows,)]:
        if shapes[3:] in ([(rows, 8)], [(rows, 12)]):
            return "corners"
        if shapes[3:] in ([], [(1,)]):  # the fourth is how many there are
            return "boxes"
    alike = all(len(shape) == 3 for shape in shapes) and len({shape[1:] for shape in shapes}) == 1
    if alike and sorted(shape[0] for shape in shapes) == sorted((MAPS, SHAPE, SCALE)):
        return "places"
    raise LayoutError(
        f"the network gives tensors {', '.join(str(list(shape)) for shape in shapes) or 'of no shape'}; it has to give "
        "boxes [n, 4], scores [n], classes [n], and for corners four keypoints [n, 8] or [n, 12], or the finder's maps"
    )


def card_classes(labels: Sequence[str] | None, label: str) -> frozenset[int] | None:
    """The numbers of the classes that are cards: all for a network without labels or with one.

    Raises LayoutError where it is not clear which, or `label` is none of them.
    """
    if not labels:
        return None
    wanted = label or "card"
    numbers = frozenset(number for number, name in enumerate(labels) if name.lower() == wanted.lower())
    if numbers or (len(labels) == 1 and not label):
        return numbers or None
    known = ", ".join(labels[:8]) + (", …" if len(labels) > 8 else "")
    raise LayoutError(f"the network's labels ({known}) name no {wanted!r}: set the one that means a card")


def _keypoints(tensor: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(tensor).reshape(len(tensor), 4, -1)[..., :2]
