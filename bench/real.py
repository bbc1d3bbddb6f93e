"""The main job on real input: `python -m bench.real --shared DIR` on the photos and the video that lie there.

Builds a catalogue from the card pictures plus one enrolled photo of each card that the video and the photo pairs show,
names every photo, and replays the video through the real processes. Everything else in the photos is not in the
catalogue and must not be confirmed as something else.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from actors.backends import DEFAULT_MODEL, open_backend
from actors.backends.detector import open_detector
from actors.config import Config, updated
from actors.sections import EmbedderConfig
from actors.still import Identified, Identifier
from bench.replay import replay
from catalog.build import build
from catalog.decide import Thresholds
from catalog.match import Matcher
from catalog.model_card import read_card
from catalog.picture import read_picture
from catalog.store import Catalogue
from vision.quad import as_quad, iou
from vision.rectify import rectify

ENROLLED = ("25_arrokuda_scan.jpg", "30_eevee_still.jpg", "34_woobat_photo.jpg")
FOUND_IOU = 0.7


@dataclass(frozen=True)
class Labelled:
    """A card in a photo, as a person marked it; `card_id` is empty for what is no Pokemon card."""

    file: Path
    card_id: str
    quad: Any


def labelled(real: Path) -> Iterator[Labelled]:
    """All marked cards of the photos and of the other games' cards."""
    for name in ("photos", "unknown"):
        with (real / f"{name}.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                quad = as_quad(np.array(row["quad"].split(), np.float32).reshape(4, 2))
                yield Labelled(real / row["file"], row.get("card_id", ""), quad)


def build_catalogue(shared: Path, work: Path, model: Path) -> Path:
    """A catalogue of all card pictures and the enrolled photos, under `work`."""
    pictures = work / "pictures"
    for row in csv.DictReader((shared / "cards" / "cards.csv").open(newline="")):
        link = pictures / row["file"]
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to((shared / "cards" / row["file"]).resolve())
    for one in labelled(shared / "real"):
        if one.file.name in ENROLLED:
            crop = rectify(read_picture(one.file), one.quad)
            cv2.imwrite(str(pictures / f"{one.card_id}.png"), cv2.cvtColor(crop, cv2.COLOR_RGB2BGR))
    table = pictures / "cards.csv"
    table.write_text((shared / "cards" / "cards.csv").read_text())
    out = work / "catalog"
    embedder = open_backend(EmbedderConfig(model=str(model), timeout_ms=60_000))
    build(pictures, [table, shared / "metadata"], out, embedder)
    return out


def photos(shared: Path, identifier: Identifier, known: set[str]) -> list[dict[str, Any]]:
    """Per marked card: whether it was found, and what it was called."""
    by_file: dict[Path, list[Labelled]] = {}
    for one in labelled(shared / "real"):
        by_file.setdefault(one.file, []).append(one)
    for row in csv.DictReader((shared / "real" / "empty.csv").open(newline="")):
        by_file.setdefault(shared / "real" / row["file"], [])
    rows = []
    for file, marked in sorted(by_file.items()):
        left = identifier.identify(read_picture(file))
        for one in marked:
            best = max(left, key=lambda found: iou(found.quad, one.quad), default=None)
            if best is not None and iou(best.quad, one.quad) < FOUND_IOU:
                best = None
            left = [found for found in left if found is not best]
            expected = one.card_id if one.card_id in known else "unknown"
            rows.append(_row(file, expected, best))
        rows += [_row(file, "nothing", found) for found in left]
    return rows


def _row(file: Path, expected: str, found: Identified | None) -> dict[str, Any]:
    answer = "not found" if found is None else "unknown"
    if found is not None and found.status != "unknown":
        answer = found.match.candidates[0].card_id
    group = found.match.group if found is not None else ()
    return {
        "file": file.name,
        "expected": expected,
        "answer": answer,
        "status": found.status if found else "-",
        "distance": round(found.match.distance, 3) if found else None,
        "gap": round(found.match.gap, 3) if found else None,
        "right": answer == expected or expected in group,
        "wrong": found is not None and found.status == "confirmed" and answer != expected and expected not in group,
    }


def video(shared: Path, catalog: Path, model: Path) -> dict[str, Any]:
    """The in-hand video in lockstep through the real processes: expected and confirmed visits."""
    config = updated(Config(), "matcher", catalog=str(catalog.absolute()))
    config = updated(config, "embedder", model=str(model.absolute()))
    config = updated(config, "log", level="warning")
    source = f"video:{(shared / 'real' / 'video' / 'in_hand.mp4').absolute()}"
    summary = replay(updated(config, "capture", source=source, pace="lockstep"))
    with (shared / "real" / "video" / "labels.csv").open(newline="") as file:
        labels = [row["card_id"] for row in csv.DictReader(file)]
    return {"expected": labels, "confirmed": [visit["card_id"] for visit in summary["visits"]], "summary": summary}


def main() -> int:
    """Print the table; exit 1 if the video's visits are wrong or a wrong card was confirmed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("build/real"))
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="default: the one that ships")
    parser.add_argument("--json", type=Path, help="write the rows and the video's summary")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    model = arguments.model
    catalog = build_catalogue(arguments.shared, arguments.work, model)
    catalogue = Catalogue.load(catalog)
    card = read_card(model)
    embedder = open_backend(EmbedderConfig(model=str(model)))
    identifier = Identifier(open_detector(), embedder, Matcher(catalogue), card.thresholds if card else Thresholds())
    rows = photos(arguments.shared, identifier, set(catalogue.ids))
    for row in rows:
        print(
            f"{row['file']:<28} expected {row['expected']:<12} answer {row['answer']:<20} {row['status']:<10} "
            f"distance {row['distance']} gap {row['gap']} {'WRONG' if row['wrong'] else ''}"
        )
    marked = [row for row in rows if row["expected"] != "nothing"]
    seen = video(arguments.shared, catalog, model)
    print(
        f"\n{sum(row['status'] != '-' for row in marked)} of {len(marked)} marked cards found, "
        f"{sum(row['expected'] == 'nothing' for row in rows)} false detections; "
        f"{sum(row['right'] for row in marked)} answered right, {sum(row['wrong'] for row in rows)} wrongly confirmed"
    )
    print(f"video: expected {seen['expected']}, confirmed {seen['confirmed']}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"photos": rows, "video": seen}, indent=1))
    return 0 if seen["expected"] == seen["confirmed"] and not any(row["wrong"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
