"""Recognition as most programs do it: one process, one loop, a frame after the other from the source to the output.

Same source, detector, model, search and verdict as the pipeline's; every library may use every core.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from actors.backends import DEFAULT_MODEL
from actors.backends.detector import open_detector
from actors.backends.onnx import OnnxEmbedder
from actors.selection import SelectionSettings
from actors.sources.video import VideoSource
from actors.still import Identified, Identifier
from catalog.decide import Thresholds
from catalog.match import Matcher
from catalog.store import Catalogue
from vision.detect import Detector
from vision.detection import Detection
from vision.quad import Quad, iou
from vision.rectify import Image

Name = Callable[[Image, list[Detection]], list[str | None]]
"""The ids of the cards that were found in a picture; None for one that is not recognised."""


@dataclass(frozen=True)
class Played:
    """What came of a stream: frames, the share of them that was lost, wall and CPU time, latencies, cards named."""

    frames: int
    lost: float
    seconds: float
    cpu_s: float
    latencies_ms: list[float]
    named: frozenset[str]


def play(video: Path, catalogue: Path, remember: bool, paced: bool) -> Played:
    """Run the loop over a video, in its own time or as fast as it goes, with or without a naive cache."""
    cores = os.cpu_count() or 1
    cv2.setNumThreads(cores)
    embedder, detector = OnnxEmbedder(DEFAULT_MODEL, cores), open_detector(threads=cores)
    thresholds = embedder.card.thresholds if embedder.card else Thresholds()
    identifier = Identifier(detector, embedder, Matcher(Catalogue.load(catalogue)), thresholds)
    embedder.warm_up()
    return loop(VideoSource(video), detector, Remembering(identifier) if remember else every_card(identifier), paced)


def loop(source: VideoSource, detect: Detector | Callable[[Image], list[Detection]], name: Name, paced: bool) -> Played:
    """Read, find, name, print. Paced, it is given the newest frame, as a camera would; what it missed is lost."""
    frames, named, latencies = 0, set[str](), list[float]()
    begun, cpu_s, base, period = time.perf_counter(), time.process_time(), 0.0, 0.0
    with Path(os.devnull).open("w", encoding="utf-8") as out:
        while (frame := source.read()) is not None:
            due = base + frame.t_ns / 1e9
            if frames == 0:
                begun = base = due = time.perf_counter()
                cpu_s = time.process_time()
            elif frames == 1:
                period = due - base
            frames += 1
            if paced and time.perf_counter() > due + period > base:
                continue  # the next frame is there already
            if paced:
                time.sleep(max(0.0, due - time.perf_counter()))
            taken = time.perf_counter()
            found = detect(frame.pixels)
            cards = name(frame.pixels, found)
            print(json.dumps({"frame": frames - 1, "cards": cards}), file=out)
            latencies.append((time.perf_counter() - taken) * 1e3)
            named |= {card for card in cards if card is not None}
    seconds, spent_s = time.perf_counter() - begun, time.process_time() - cpu_s
    return Played(frames, 1 - len(latencies) / frames, seconds, spent_s, latencies, frozenset(named))


def every_card(identifier: Identifier) -> Name:
    """Embed every card of every frame."""
    return lambda picture, found: [_card(one) for one in identifier.name(picture, found)]


@dataclass(frozen=True)
class _Known:
    quad: Quad
    card: str | None
    age: int


class Remembering:
    """Embed what does not lie where a card of the frame before lay: the usual cache, by overlap and age alone."""

    def __init__(self, identifier: Identifier, settings: SelectionSettings | None = None) -> None:
        self._identifier = identifier
        self._settings = settings or SelectionSettings()
        self._before: list[_Known] = []

    def __call__(self, picture: Image, found: list[Detection]) -> list[str | None]:
        """See `Name`."""
        known = [self._known(one) for one in found]
        new = [one for one, old in zip(found, known, strict=True) if old is None]
        answers = iter(self._identifier.name(picture, new))
        self._before = [
            _Known(one.quad, _card(next(answers)), 0) if old is None else old
            for one, old in zip(found, known, strict=True)
        ]
        return [one.card for one in self._before]

    def _known(self, one: Detection) -> _Known | None:
        for old in self._before:
            if old.age < self._settings.cache_age and iou(old.quad, one.quad) >= self._settings.cache_iou:
                return _Known(np.asarray(one.quad), old.card, old.age + 1)
        return None


def _card(one: Identified) -> str | None:
    return one.match.candidates[0].card_id if one.status == "confirmed" else None
