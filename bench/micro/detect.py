"""Finding the cards of a stream: looking where something changed, beside a full look at every frame."""

from __future__ import annotations

import time
from collections.abc import Callable

from actors.backends.detector import open_detector
from bench.micro.options import Options, say
from bench.micro.table import Table, rows
from bench.micro.timing import Sample, Way, alternate
from synth.cards import deck, draw
from synth.scene import Scene, scenario
from vision.detect import Detector
from vision.detector.pyramid import Pixels
from vision.watch import Watcher

OURS, FULL = "looking where something changed", "a full look at every frame"
SCENES = {"all is still": ("still", 0), "hands move": ("demo", 60)}
"""Scene and first frame; in the first two seconds of the demonstration there is little to see."""
_SETTLED = 10
"""Frames after which a still table counts as still."""


def measure(options: Options) -> list[Table]:
    """The one table."""
    say(f"detect: {(rounds := 10 if options.quick else 120)} frames of each scene")
    cards = [(spec.id, draw(spec)) for spec in deck(60)]
    return [table({figure: Film(scenario(name, cards), first) for figure, (name, first) in SCENES.items()}, rounds)]


def table(films: dict[str, Film], rounds: int) -> Table:
    """Both ways on the same frames of every film, in their order."""
    detector = open_detector()
    ways = {OURS: watched(films, detector), FULL: full(films, detector)}
    height, width = next(iter(films.values()))(0).shape[:2]
    return Table(
        title=f"The cards of a frame of {width}x{height} px, CPU time of one thread.",
        rows=rows(alternate(ways, rounds, warm_up=_SETTLED), OURS),
        libraries=("onnxruntime", "opencv-python-headless"),
    )


class Film:
    """A scene from its frame `first` on. The last frame is kept: two ways see it, and it is rendered once."""

    def __init__(self, scene: Scene, first: int = 0) -> None:
        self._scene, self._first = scene, first
        self._last: tuple[int, Pixels] | None = None

    def __call__(self, index: int) -> Pixels:
        """Frame `index` from the first, uint8 RGB."""
        if self._last is None or self._last[0] != index:
            self._last = index, self._scene.frame(self._first + index).image
        return self._last[1]


def watched(films: dict[str, Film], detector: Detector) -> Way:
    """As capture does it: each film has a watcher of its own."""
    watchers = {figure: Watcher(detector) for figure in films}

    def way(number: int) -> Sample:
        return {figure: _cpu_ms(watchers[figure].update, film(number)) for figure, film in films.items()}

    return way


def full(films: dict[str, Film], detector: Detector) -> Way:
    """Nothing is known of the frame before."""
    return lambda number: {figure: _cpu_ms(detector, film(number)) for figure, film in films.items()}


def _cpu_ms(find: Callable[[Pixels], object], frame: Pixels) -> float:
    begun = time.thread_time_ns()
    find(frame)
    return (time.thread_time_ns() - begun) / 1e6
