"""What it costs to look at a stream only where it changes: `python -m bench.watching`, on rendered scenes."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np

from actors.backends.detector import open_detector
from synth.cards import deck, draw
from synth.scene import Scene, scenario
from vision.detection import Detection
from vision.detector.pyramid import Pixels
from vision.quad import corner_error, iou
from vision.watch import Watcher

SCENES = ("still", "demo", "hand", "swap", "binder")
FOUND_IOU, VISIBLE = 0.7, 0.8
MOST_FRAMES = 300


def measure(scene: Scene, find: Callable[[Pixels], list[Detection]], every: int) -> dict[str, float]:
    """Recall, corner error in card widths, false ones per frame and CPU time over a scene's frames."""
    found = cards = false = 0
    errors, times = [], []
    for index in range(0, min(scene.frames, MOST_FRAMES), every):
        frame = scene.frame(index)
        begun = time.process_time()
        detections = find(frame.image)
        times.append((time.process_time() - begun) * 1e3)
        for card in (card for card in frame.truth if card.visible >= VISIBLE):
            cards += 1
            best = max(detections, key=lambda one: iou(one.quad, card.quad), default=None)
            if best is not None and iou(best.quad, card.quad) > FOUND_IOU:
                found += 1
                errors.append(corner_error(best.quad, card.quad))
        false += sum(all(iou(one.quad, card.quad) < 0.5 for card in frame.truth) for one in detections)
    return {
        "recall": found / max(1, cards),
        "error_p50": float(np.median(errors)) if errors else float("nan"),
        "false_per_frame": false / len(times),
        "ms_p50": float(np.median(times)),
        "ms_p95": float(np.percentile(times, 95)),
    }


def main() -> None:
    """Print two rows for each scene."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="other cards on other tables")
    seed = parser.parse_args().seed
    cv2.setNumThreads(1)
    detect = open_detector()
    cards = [(spec.id, draw(spec)) for spec in deck(60, seed)]
    print(f"{'':<18}{'recall':>8}{'corners':>9}{'false':>7}{'ms p50':>8}{'p95':>7}")
    for name in SCENES:
        for way, find, every in (("every", detect, 5), ("watched", Watcher(detect).update, 1)):
            row = measure(scenario(name, cards, seed), find, every)
            print(
                f"{name:<8}{way:<10}{row['recall']:>8.2f}{row['error_p50']:>9.3f}{row['false_per_frame']:>7.2f}"
                f"{row['ms_p50']:>8.1f}{row['ms_p95']:>7.1f}"
            )


if __name__ == "__main__":
    main()
