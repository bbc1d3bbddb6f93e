"""Scenes: cards on a table in front of a camera, frame by frame, with the truth of what is to be seen.

A frame depends on the scene and its index alone: frames may be asked for in any order and are the same bytes each time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from synth.conditions import CONDITIONS
from synth.painter import Painter
from synth.placing import Hands, Placed, cards_at, pan_at, panned
from synth.scripts import SCRIPTS
from synth.showing import Script
from synth.truth import TruthCard, shares

Image = NDArray[np.uint8]

VISIT_SHARE = 0.6
"""A card counts as in view where at least this share of it is to be seen."""

_SCRIPTS = {**SCRIPTS, **CONDITIONS}
SCENARIOS = tuple(_SCRIPTS)


@dataclass(frozen=True, slots=True, eq=False)
class RenderedFrame:
    """A picture uint8 RGB [height, width, 3] and the cards in it, the lowest first."""

    image: Image
    truth: list[TruthCard]


class Scene:
    """A script that can be rendered. `width` and `height` in pixels, `fps` frames per second, `frames` in all.

    For one thread at a time. Raises ValueError for a size, a length or a rate that cannot be.
    """

    def __init__(self, script: Script, size: tuple[int, int] = (1520, 1520), fps: float = 30.0, seed: int = 0) -> None:
        self.width, self.height = size
        if min(size) < 64 or max(size) > 8192:
            raise ValueError(f"a scene is 64 to 8192 px wide and high, not {self.width} x {self.height}")
        if script.frames < 1 or not fps > 0:
            raise ValueError(f"a scene has 1 frame or more and more than 0 per second, not {script.frames} at {fps}")
        if not script.settings or script.settings[0].first_frame != 0:
            raise ValueError("a scene needs a setting from frame 0 on")
        self.script, self.frames, self.fps, self.seed = script, script.frames, fps, seed
        self._hands = Hands(script, self.width, self.height)
        self._painter = Painter(script, self._hands, self.width, self.height, seed)

    def frame(self, index: int) -> RenderedFrame:
        """The picture and truth of one frame. IndexError outside the scene."""
        time, pan, cards, seen = self._placed(index)
        image = self._painter.paint(index, time, cards, seen, pan)
        return RenderedFrame(image, [card for _, card in self._truth(seen, time) if card.visible > 0])

    def image(self, index: int) -> Image:
        """The picture of one frame alone, uint8 RGB [height, width, 3]; the truth takes a while, too."""
        time, pan, cards, seen = self._placed(index)
        return self._painter.paint(index, time, cards, seen, pan)

    def truth(self, index: int) -> list[TruthCard]:
        """The truth of one frame, without rendering it: the cards of which anything is to be seen, the lowest first."""
        return [card for _, card in self.showings(index) if card.visible > 0]

    def showings(self, index: int) -> list[tuple[int, TruthCard]]:
        """The truth of one frame with the number of each card's stay in the script, seen or not, the lowest first."""
        time, _, _, seen = self._placed(index)
        return self._truth(seen, time)

    def visits(self) -> list[tuple[str, int, int]]:
        """Each stay of a card in view, `VISIT_SHARE` or more of it to be seen: (card_id, first frame, last frame)."""
        spans: dict[int, tuple[str, int, int]] = {}
        for index in range(self.frames):
            for number, card in self.showings(index):
                if card.visible >= VISIT_SHARE:
                    spans[number] = (card.card_id, spans[number][1] if number in spans else index, index)
        return sorted(spans.values(), key=lambda span: span[1:])

    def _truth(self, seen: list[Placed], time: float) -> list[tuple[int, TruthCard]]:
        """Each card's place in the script, and its truth."""
        visible = shares(seen, self._hands, time, self.width, self.height)
        return [
            (card.index, TruthCard(card.showing.card_id, card.quad, share, card.showing.sleeve))
            for card, share in zip(seen, visible, strict=True)
        ]

    def _placed(self, index: int) -> tuple[float, tuple[int, int], list[Placed], list[Placed]]:
        """When the frame is, how far the camera has moved, and the cards as they lie and as it sees them."""
        time = self._time(index)
        cards, pan = cards_at(self.script, time, self.fps), pan_at(self.script, time)
        return time, pan, cards, panned(cards, pan)

    def _time(self, index: int) -> float:
        if not 0 <= index < self.frames:
            raise IndexError(f"the scene has frames 0 to {self.frames - 1}, not {index}")
        return index / self.fps


def scenario(
    name: str, cards: Sequence[tuple[str, Image]], seed: int = 0, size: tuple[int, int] = (1520, 1520)
) -> Scene:
    """A ready-made scene with `cards`, pairs of id and picture (uint8 RGB of any size), used in their order.

    The names are in `SCENARIOS`. ValueError for another name, for no cards and for a seed below 0.
    """
    if name not in _SCRIPTS:
        raise ValueError(f"no scenario is called {name!r}; there are {', '.join(SCENARIOS)}")
    if not cards and name != "empty":
        raise ValueError(f"the scenario {name!r} needs at least one card")
    if seed < 0:
        raise ValueError(f"a scene's seed is 0 or more, not {seed}")
    return Scene(_SCRIPTS[name](cards, np.random.default_rng((seed, 71)), size), size, seed=seed)


def visits(scene: Scene) -> list[tuple[str, int, int]]:
    """What counting is scored against, in the order of their first frames; see `Scene.visits`."""
    return scene.visits()


def write_frames(scene: Scene, folder: Path) -> None:
    """Writes `00000.jpg`, ... and `truth.json`: per frame a list of {card_id, quad, visible, sleeve}."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = []
    for index in range(scene.frames):
        rendered = scene.frame(index)
        file = folder / f"{index:05d}.jpg"
        if not cv2.imwrite(str(file), cv2.cvtColor(rendered.image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95]):
            raise OSError(f"cannot write {file}")
        truth.append(
            [
                {"card_id": card.card_id, "quad": card.quad.tolist(), "visible": card.visible, "sleeve": card.sleeve}
                for card in rendered.truth
            ]
        )
    (folder / "truth.json").write_text(json.dumps(truth), encoding="utf-8")
