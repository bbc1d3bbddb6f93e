"""The identify command: names for the cards in photos."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from actors.still import Identified, Identifier
    from catalog.embedding import Embedder


def identify(arguments: argparse.Namespace) -> int:
    """Every picture in turn; one that cannot be read is said so and makes the exit code 1."""
    import cv2

    from cli.catalog import open_model

    cv2.setNumThreads(1)
    with closing(open_model(arguments.model)) as embedder:
        return _identify(arguments, _identifier(arguments, embedder))


def _identify(arguments: argparse.Namespace, identifier: Identifier) -> int:
    from cli.progress import progress

    failed = 0
    with progress("identifying") as report:
        for done, path in enumerate(arguments.images, 1):
            answer = _answer(identifier, path, arguments.cropped)
            if "error" in answer:
                failed += 1
                print(f"sleevesight: {answer['error']}", file=sys.stderr)
            if arguments.json or "error" not in answer:
                print(json.dumps(answer, ensure_ascii=False) if arguments.json else _text(answer), flush=True)
            if report is not None and len(arguments.images) > 1:
                report(done, len(arguments.images))
    return 1 if failed else 0


def _identifier(arguments: argparse.Namespace, embedder: Embedder) -> Identifier:
    from actors.backends.detector import open_detector
    from actors.still import Identifier
    from catalog.decide import Thresholds
    from catalog.match import Matcher
    from catalog.model_card import read_card
    from catalog.store import Catalogue, check_model
    from cli.catalog import model_or_default

    catalogue = Catalogue.load(arguments.catalog)
    check_model(catalogue, embedder.model_hash)
    card = read_card(model_or_default(arguments.model))
    thresholds = card.thresholds if card else Thresholds()
    return Identifier(open_detector(), embedder, Matcher(catalogue), thresholds, arguments.top)


def _answer(identifier: Identifier, path: Path, cropped: bool) -> dict[str, Any]:
    from catalog.picture import PictureError, read_picture

    try:
        found = identifier.identify(read_picture(path), cropped)
    except PictureError as error:
        return {"file": str(path), "error": str(error)}
    except ValueError as error:
        return {"file": str(path), "error": f"{path}: {error}"}
    return {"file": str(path), "cards": [_card(one) for one in found]}


def _card(found: Identified) -> dict[str, Any]:
    from vision.quad import corners

    match = found.match
    best = match.candidates[0] if match.candidates and found.status != "unknown" else None
    return {
        "quad": corners(found.quad),
        "status": found.status,
        "card_id": best.card_id if best else None,
        "name": best.name if best else None,
        "distance": round(match.distance, 4),
        "gap": round(match.gap, 4),
        "matches": [
            {
                "card_id": one.card_id,
                "name": one.name,
                "set_name": one.set_name,
                "number": one.number,
                "distance": round(one.distance, 4),
            }
            for one in match.candidates
        ],
    }


def _text(answer: dict[str, Any]) -> str:
    lines = [f"{answer['file']}: {len(answer['cards'])} card(s)"]
    for card in answer["cards"]:
        nearest = card["matches"][0] if card["matches"] else None
        what = {
            "confirmed": f"{card['name']} ({card['card_id']})",
            "uncertain": f"{card['name']} ({card['card_id']})?",
            "unknown": "not in the catalogue" + (f", nearest {nearest['name']}" if nearest else ""),
        }[card["status"]]
        lines.append(f"  {card['status']:<10} {what}  distance {card['distance']:.3f} gap {card['gap']:.3f}")
    return "\n".join(lines)
