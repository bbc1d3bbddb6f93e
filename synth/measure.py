"""What generated pictures cost on the machine at hand, in CPU time: a busy machine stretches it less than the clock."""

from __future__ import annotations

import time

import cv2
import numpy as np
from numpy.typing import NDArray

from synth.cards import deck, draw
from synth.scene import SCENARIOS, scenario

_CARDS = 40
_MAX_FRAMES = 360


def report(size: tuple[int, int]) -> str:
    """A table of CPU milliseconds per card and, for each scenario at `size`, per frame; OpenCV on one thread."""
    cv2.setNumThreads(1)
    specs = deck(_CARDS)
    started = time.thread_time()
    cards = [(spec.id, draw(spec)) for spec in specs]
    lines = [f"one card: {(time.thread_time() - started) / _CARDS * 1e3:.1f} ms of CPU time", ""]
    lines.append(f"{size[0]} x {size[1]} px, ms of CPU time per frame")
    lines.append(f"{'scenario':10}{'first':>8}{'mean':>8}{'p50':>8}{'p95':>8}{'max':>8}   (all but the first)")
    for name in SCENARIOS:
        spent = _frame_times(name, cards, size)
        rest = spent[1:]
        values = spent[0], rest.mean(), np.median(rest), np.percentile(rest, 95), rest.max()
        lines.append(f"{name:10}" + "".join(f"{float(value):8.1f}" for value in values))
    return "\n".join(lines)


def _frame_times(name: str, cards: list[tuple[str, NDArray[np.uint8]]], size: tuple[int, int]) -> NDArray[np.float64]:
    scene = scenario(name, cards, size=size)
    spent = []
    for index in range(min(scene.frames, _MAX_FRAMES)):
        started = time.thread_time()
        scene.frame(index)
        spent.append((time.thread_time() - started) * 1e3)
    return np.array(spent)
