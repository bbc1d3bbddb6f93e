"""How well cards are found: `python -m bench.detection [--real DIR] [--json FILE] [--draw DIR] [--chip FILE] …`.

Real photos and a video (where `--real` is), and rendered scenes with their truth. A card counts as found at an IoU of
0.8 with its true quad; a detection that shares less than half with any card, marked or not, is false.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from actors.backends import MODELS
from actors.backends.detector import open_close_ups, open_detector
from bench.chip import ChipDetector
from synth.cards import deck, draw
from synth.scene import scenario
from vision.detect import CloseUps
from vision.detection import Detection
from vision.detector.boxed import box_of
from vision.detector.pyramid import Pyramid
from vision.quad import Quad, as_quad, corner_distances, iou, portrait, size
from vision.rectify import Image

FOUND, FALSE = 0.8, 0.5
SEEN = 0.6
"""Share of a card that has to be to be seen, in the picture as a whole, before it has to be found."""

HELD = as_quad([[311, 57], [494, 55], [507, 325], [310, 328]])
"""Where the hand of the video holds its cards, marked by hand in frame 10; they move by a few pixels."""

SCENES = (
    ("demo", 0),
    ("still", 1),
    ("still", 4),
    ("binder", 2),
    ("hand", 3),
    ("clutter", 4),
    ("swap", 5),
    ("empty", 6),
)
STEP = 20


@dataclass(frozen=True)
class Sample:
    """A picture uint8 RGB, the cards that have to be found in it, and further ones that may be."""

    group: str
    name: str
    picture: Image
    cards: list[Quad]
    others: list[Quad] = field(default_factory=list)
    complete: bool = True
    """Whether all cards of the picture are known, so that false detections can be counted."""


@dataclass(frozen=True)
class Outcome:
    """What the detector made of a sample: for each card the best IoU and how far off its worst corner is and the four
    are on average, in card widths; false detections; thread time."""

    group: str
    name: str
    widths: list[float]
    overlaps: list[float]
    worst: list[float]
    means: list[float]
    false: int | None
    ms: float


def real(folder: Path) -> Iterator[Sample]:
    """The marked photos, the pictures without cards, and the frames of the video in which a card is held up whole."""
    for name in ("photos", "unknown", "empty"):
        marked: dict[str, list[Quad]] = {}
        with (folder / f"{name}.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                quads = marked.setdefault(row["file"], [])
                if "quad" in row:
                    quads.append(as_quad(np.array(row["quad"].split(), np.float32).reshape(4, 2)))
        for path, quads in marked.items():
            yield Sample(name, path, _read(folder / path), quads, complete=name == "empty")
    yield from video(folder / "video")


def video(folder: Path) -> Iterator[Sample]:
    """The labelled frames of the video."""
    with (folder / "labels.csv").open(newline="") as file:
        spans = [(row["file"], int(row["first"]), int(row["last"])) for row in csv.DictReader(file)]
    for name in sorted({name for name, _, _ in spans}):
        capture, index = cv2.VideoCapture(str(folder.parent / name)), 0
        while (read := capture.read())[0]:
            if any(first <= index <= last for file_name, first, last in spans if file_name == name):
                picture = np.asarray(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB), np.uint8)
                yield Sample("video", f"{name}:{index}", picture, [HELD])
            index += 1


def rendered() -> Iterator[Sample]:
    """Every `STEP`-th frame of the scenes, with generated cards."""
    for name, seed in SCENES:
        scene = scenario(name, [(spec.id, draw(spec)) for spec in deck(14, seed)], seed)
        for index in range(STEP // 2, scene.frames, STEP):
            frame = scene.frame(index)
            whole = [card for card in frame.truth if card.visible >= SEEN and _inside(card.quad, frame.image)]
            others = [card.quad for card in frame.truth if not any(card is one for one in whole)]
            yield Sample(f"scene {name}", f"{name}-{seed}:{index}", frame.image, [c.quad for c in whole], others)


def _inside(quad: Quad, picture: Image) -> bool:
    height, width = picture.shape[:2]
    return bool((quad > -1).all() and (quad < [width, height]).all())


def _read(path: Path) -> Image:
    data = cv2.imread(str(path))
    if data is None:
        raise FileNotFoundError(f"{path} is no picture that can be read: is --real the folder with photos.csv?")
    return np.asarray(cv2.cvtColor(data, cv2.COLOR_BGR2RGB), np.uint8)


def _box(card: Quad, off: float, rng: np.random.Generator) -> Detection:
    """The box of a card as a network on a camera gives it: each side is off by a share of the box, normally."""
    box = box_of(card)
    left_top, right_bottom = box[[0, 2]] + rng.normal(0, off, (2, 2)) * (box[2] - box[0])
    return Detection(box_of(np.array([left_top, right_bottom], np.float32)), 1.0)


def _look_into(close_ups: CloseUps, boxes: list[Detection], picture: Image) -> list[Detection]:
    return close_ups.within(Pyramid(picture), boxes)


def measure(detect: Callable[[Image], list[Detection]], sample: Sample) -> tuple[Outcome, list[Detection]]:
    """Runs a detector on a sample."""
    start = time.thread_time()
    found = detect(sample.picture)
    ms = 1000 * (time.thread_time() - start)
    overlaps, worst, means = [], [], []
    for card in sample.cards:
        best = max(found, key=lambda one: iou(one.quad, card), default=None)
        overlaps.append(iou(best.quad, card) if best else 0.0)
        off = corner_distances(best.quad, portrait(card)) if best else np.ones(4, np.float32)
        worst.append(float(off.max()))
        means.append(float(off.mean()))
    known = sample.cards + sample.others
    false = sum(all(iou(one.quad, card) < FALSE for card in known) for one in found)
    widths = [min(size(card)) for card in sample.cards]
    outcome = Outcome(sample.group, sample.name, widths, overlaps, worst, means, false if sample.complete else None, ms)
    return outcome, found


def summary(outcomes: list[Outcome]) -> dict[str, float | int | None]:
    """One row of the table."""
    found = [
        (worst, mean)
        for o in outcomes
        for worst, mean, overlap in zip(o.worst, o.means, o.overlaps, strict=True)
        if overlap >= FOUND
    ]
    hits, means = [worst for worst, _ in found], [mean for _, mean in found]
    cards = sum(len(o.overlaps) for o in outcomes)
    false = [o.false for o in outcomes if o.false is not None]
    return {
        "pictures": len(outcomes),
        "cards": cards,
        "found": len(hits),
        "recall": round(len(hits) / cards, 3) if cards else None,
        "corner_median": round(float(np.median(hits)), 4) if hits else None,
        "corner_mean": round(float(np.median(means)), 4) if hits else None,
        "corner_p90": round(float(np.percentile(hits, 90)), 4) if hits else None,
        "false_per_picture": round(sum(false) / len(false), 3) if false else None,
        "ms_median": round(float(np.median([o.ms for o in outcomes])), 1),
    }


def by_width(outcomes: list[Outcome]) -> dict[str, dict[str, int]]:
    """Rendered cards found, by the width of the card in pixels."""
    pairs = [
        (width, overlap >= FOUND)
        for o in outcomes
        if o.group.startswith("scene")
        for width, overlap in zip(o.widths, o.overlaps, strict=True)
    ]
    bounds = (0, 60, 90, 120, 180, 260, 10_000)
    rows = {}
    for low, high in itertools.pairwise(bounds):
        of = [hit for width, hit in pairs if low <= width < high]
        rows[f"{low}-{high} px" if high < 10_000 else f"{low} px and up"] = {"cards": len(of), "found": sum(of)}
    return rows


def save(folder: Path, sample: Sample, found: list[Detection]) -> None:
    """The picture with its true quads in red and the detections in green."""
    canvas = cv2.cvtColor(sample.picture, cv2.COLOR_RGB2BGR)
    thick = max(1, max(canvas.shape) // 500)
    for quads, colour in ((sample.cards, (40, 40, 230)), ([one.quad for one in found], (60, 220, 60))):
        cv2.polylines(canvas, [np.round(quad).astype(np.int32) for quad in quads], True, colour, thick, cv2.LINE_AA)
    folder.mkdir(parents=True, exist_ok=True)
    name = "".join(c if c.isalnum() else "_" for c in f"{sample.group}_{sample.name}")
    cv2.imwrite(str(folder / f"{name}.jpg"), canvas)


def main() -> None:
    """Prints one row per group."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, help="folder with photos.csv, unknown.csv, empty.csv and video/")
    parser.add_argument("--json", type=Path, help="write the table here as well")
    parser.add_argument("--draw", type=Path, help="write every picture with its detections into this folder")
    parser.add_argument(
        "--boxes", type=float, metavar="OFF", help="look into the true cards' boxes, whose sides are off by this share"
    )
    parser.add_argument("--models", type=Path, default=MODELS, help="folder with finder.onnx and closeup.onnx")
    parser.add_argument("--chip", type=Path, help="the AI camera's network finds the cards: models/imx500.onnx")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    detect: Callable[[Image], list[Detection]] = open_detector(options.models)
    if options.chip:
        detect = ChipDetector(options.chip, options.models)
    looked_into = open_close_ups(options.models)
    rng = np.random.default_rng(0)
    outcomes: list[Outcome] = []
    for samples in ([real(options.real)] if options.real else []) + [rendered()]:
        for sample in samples:
            if options.boxes is not None:
                boxes = [_box(card, options.boxes, rng) for card in sample.cards]
                detect = partial(_look_into, looked_into, boxes)
            outcome, found = measure(detect, sample)
            outcomes.append(outcome)
            if options.draw:
                save(options.draw, sample, found)
    table = {g: summary([o for o in outcomes if o.group == g]) for g in dict.fromkeys(o.group for o in outcomes)}
    print(f"{'':14} {' '.join(f'{key:>17}' for key in next(iter(table.values())))}")
    for group, row in table.items():
        print(f"{group:14} {' '.join(f'{value!s:>17}' for value in row.values())}")
    widths = by_width(outcomes)
    print("rendered cards found by width:", ", ".join(f"{k}: {v['found']}/{v['cards']}" for k, v in widths.items()))
    if options.json:
        options.json.write_text(json.dumps({"groups": table, "by_width": widths}, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
