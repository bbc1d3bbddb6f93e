"""From a run to a model that ships: the ONNX file and the card beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from training.export import FromBytes, embedder_form, write
from training.hailo.prepare import crops
from training.quantise import export_small
from training.recipes import learnt_from, trained

LICENCE = "MIT"
Precision = Literal["float32", "float16", "int8"]
"""Of the weights; with int8 also of what passes between the layers."""
_CROPS, _AT_A_TIME = 256, 8
"""Crops by which the ranges of 8 bits are measured."""


def ship(run: Path, out: Path, name: str, precision: Precision = "float32") -> str:
    """Export a run's best network to `out` and write its card; what a person is told.

    The card's thresholds are the defaults until `sleevesight bench calibrate` has measured them.
    """
    recipe, settings, network, size = trained(run)
    model = FromBytes(network)
    if precision == "int8":
        cards, augmentation = learnt_from(run)
        shown = np.array_split(crops(cards.images, augmentation, _CROPS), _CROPS // _AT_A_TIME)
        export_small(model, embedder_form(size), shown, out)
    else:
        half = precision == "float16"
        write(model, embedder_form(size, half=half), out, half=half)
    facts = msgspec.to_builtins(settings, enc_hook=_last_part)
    del facts["out"]
    card: dict[str, Any] = {
        "name": name,
        "dim": int(_dim(facts)),
        "licence": LICENCE,
        "description": f"Recipe {recipe} of sleevesight, {size[1]} x {size[0]} px, trained from scratch.",
        "precision": precision,
        "training": {"recipe": recipe, "settings": facts},
    }
    out.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(card)) + b"\n")
    return f"{out}: {out.stat().st_size} bytes"


def _last_part(path: Any) -> str:
    """Where a folder lay on the machine that trained is nobody's business."""
    return str(path.name)


def _dim(facts: dict[str, Any]) -> int:
    return int(facts["network"]["dim"] if "network" in facts else facts.get("dim", 768))
