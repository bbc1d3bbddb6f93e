"""The cards of many pictures as a CSV, a row each."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from collection.cells import guarded

COLUMNS = ("file", "card", "status", "card_id", "name", "set", "number", "distance", "gap", "nearest")


def write_csv(path: Path, answers: Iterable[dict[str, Any]]) -> None:
    """Write the cards of answers (docs/events.md); the file appears when it is whole.

    `card` counts the cards of a picture from 1; `nearest` is what the catalogue has nearest, also for an unknown card.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS)
            for answer in answers:
                rows.writerows(_row(answer["file"], number, card) for number, card in enumerate(answer["cards"], 1))
        os.replace(part, path)  # noqa: PTH105 - Path.replace says nothing else
    finally:
        part.unlink(missing_ok=True)


def _row(file: str, number: int, card: dict[str, Any]) -> list[Any]:
    nearest = card["matches"][0] if card["matches"] else None
    named = nearest if card["card_id"] is not None else None
    return [
        guarded(file),
        number,
        card["status"],
        *(guarded(named[key]) if named else "" for key in ("card_id", "name", "set_name", "number")),
        card["distance"],
        card["gap"],
        guarded(nearest["name"]) if nearest else "",
    ]
