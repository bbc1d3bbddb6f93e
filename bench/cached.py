"""What a frame costs whose cards are all known: `python -m bench.cached`.

Selector and smoother on a fake bus, with the real ring and a rendered 1520x1520 table: CPU time per frame of both
together, after the cards have settled. The budget is 2 ms at p50.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path

import cv2
import numpy as np

from actors.config import Config
from actors.selector import Selector
from actors.smoother import SmootherActor
from bus import messages as m
from bus.clock import SystemClock
from bus.fake import FakeBus
from bus.ring import RingServer, RingWriter
from bus.topics import FRAME, MATCHES, TRACKS
from synth.cards import deck, draw
from synth.scene import scenario
from vision.quad import corners


def measure(frames: int) -> dict[str, float]:
    """Cards in the scene, and CPU time per cached frame in ms."""
    scene = scenario("still", [(spec.id, draw(spec)) for spec in deck(20)])
    with tempfile.TemporaryDirectory() as folder:
        clock = SystemClock()  # leases are real here
        bus = FakeBus(Path(folder), clock=clock)
        server = RingServer(bus.address.ring)
        server.writer = RingWriter(1520, 1520, 8, 200.0, clock)
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        selector, smoother = Selector(bus, Config()), SmootherActor(bus, Config())
        times, cards = [], 0
        middle = scene.frames // 2
        for number in range(frames):
            rendered = scene.frame(middle)
            ref = None
            while ref is None:
                ref = server.writer.write(rendered.image)
            boxes = [m.Box(corners(card.quad), 0.95) for card in rendered.truth]
            frame = m.Frame(stream="s", frame=number, t_ns=number * 33_333_333, ref=ref, detections=boxes)
            begun = time.process_time_ns()
            bus.feed(selector, FRAME, frame)
            tracks = bus.take(m.Tracks)
            for one in tracks:
                bus.feed(smoother, TRACKS, one)
            spent = (time.process_time_ns() - begun) / 1e6
            asked = bus.take(m.Crops)
            for crops in asked:
                bus.feed(selector, MATCHES, _answer(crops))
                bus.feed(smoother, MATCHES, _answer(crops))
            if not asked and number > frames // 4:
                times.append(spent)
                cards = len(rendered.truth)
        server.close()
    return {
        "cards": cards,
        "frames": len(times),
        "p50_ms": round(float(np.median(times)), 3),
        "p95_ms": round(float(np.percentile(times, 95)), 3),
    }


def _serve(server: RingServer) -> None:
    while True:
        try:
            server.serve()
        except OSError:
            return
        time.sleep(0.001)


def _answer(crops: m.Crops) -> m.Matches:
    return m.Matches(
        stream=crops.stream,
        frame=crops.frame,
        t_ns=crops.t_ns,
        catalog="",
        matches=[
            m.Match(
                crop.track,
                crop.frame,
                "confirmed",
                0,
                0.05,
                0.5,
                [f"card-{crop.track}"],
                [m.Candidate(f"card-{crop.track}", "Card", "Set", "1", 0.05, 1.4)],
            )
            for crop in crops.crops
        ],
    )


def main() -> None:
    """Print the row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=300)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    row = measure(arguments.frames)
    print(
        f"cached frame with {row['cards']} cards: selector + smoother CPU p50 {row['p50_ms']:.2f} ms, "
        f"p95 {row['p95_ms']:.2f} ms over {row['frames']} frames (budget: 2 ms at p50)"
    )


if __name__ == "__main__":
    main()
