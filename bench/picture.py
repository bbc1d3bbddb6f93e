"""The picture of the README: `python -m bench.picture --out FILE` recognises one frame of the demo and draws it."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np

from actors.backends import DEFAULT_MODEL, open_backend
from actors.backends.detector import open_detector
from actors.sections import EmbedderConfig
from actors.still import Identified, Identifier
from catalog.build import build
from catalog.decide import Thresholds
from catalog.match import Matcher
from catalog.model_card import read_card
from catalog.store import Catalogue
from synth.cards import deck, draw, write
from synth.scene import scenario
from vision.rectify import Image

COLOURS = {"confirmed": (40, 200, 80), "uncertain": (240, 180, 40), "unknown": (230, 70, 70)}


def annotate(picture: Image, found: list[Identified]) -> Image:
    """The picture with every card's outline, its top edge marked, and its name."""
    canvas = picture.copy()
    for one in found:
        colour = COLOURS[one.status]
        points = np.round(one.quad).astype(np.int32)
        cv2.polylines(canvas, [points], True, colour, 4, cv2.LINE_AA)
        cv2.line(canvas, points[0].tolist(), points[1].tolist(), colour, 12, cv2.LINE_AA)
        name = one.match.candidates[0].name if one.status != "unknown" else "not in the catalogue"
        _label(canvas, f"{name}  {one.match.distance:.2f}", one.quad, colour)
    return canvas


def _label(canvas: Image, text: str, quad: np.ndarray, colour: tuple[int, int, int]) -> None:
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, canvas.shape[1] / 1800
    (width, height), base = cv2.getTextSize(text, font, scale, 2)
    x = int(np.clip(quad[:, 0].mean() - width / 2, 4, canvas.shape[1] - width - 4))
    y = int(min(quad[:, 1].max() + height + 14, canvas.shape[0] - base - 4))
    cv2.rectangle(canvas, (x - 6, y - height - 8), (x + width + 6, y + base + 4), (20, 20, 20), -1)
    cv2.putText(canvas, text, (x, y), font, scale, colour, 2, cv2.LINE_AA)


def main() -> None:
    """Render, recognise, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--frame", type=int, default=215)
    arguments = parser.parse_args()
    cards = [(spec.id, draw(spec)) for spec in deck(200)[:60]]
    embedder = open_backend(EmbedderConfig())
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        write(work / "cards", 200)
        build(work / "cards", [work / "cards" / "cards.csv"], work / "catalog", embedder)
        card = read_card(DEFAULT_MODEL)
        matcher = Matcher(Catalogue.load(work / "catalog", mmap=False))
        identifier = Identifier(open_detector(), embedder, matcher, card.thresholds if card else Thresholds())
        picture = scenario("demo", cards).frame(arguments.frame).image
        drawn = annotate(picture, identifier.identify(picture))
    small = cv2.resize(drawn, (960, 960), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(arguments.out), cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
