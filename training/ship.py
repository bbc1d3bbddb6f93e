"""From a run to a model that ships: the ONNX file and the card beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from training.export import export
from training.hailo.prepare import crops
from training.quantise import CROPS, quantise
from training.recipes import learnt_from, trained

LICENCE = "MIT"


def ship(run: Path, out: Path, name: str, *, int8: bool = False) -> str:
    """Export a run's best network to `out`, with 8 bits if wanted, and write its card; what a person is told.

    The card's thresholds are the defaults until `sleevesight bench calibrate` has measured them.
    """
    recipe, settings, network, size = trained(run)
    export(network, size, out)
    if int8:
        quantise(out, crops(*learnt_from(run), CROPS), out)
    facts = msgspec.to_builtins(settings, enc_hook=str)
    card: dict[str, Any] = {
        "name": name,
        "dim": int(_dim(facts)),
        "licence": LICENCE,
        "description": f"Recipe {recipe} of sleevesight, {size[1]} x {size[0]} px, trained from scratch.",
        "precision": "int8" if int8 else "float32",
        "training": {"recipe": recipe, "settings": facts},
    }
    out.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(card)) + b"\n")
    return f"{out}: {out.stat().st_size} bytes"


def _dim(facts: dict[str, Any]) -> int:
    return int(facts["network"]["dim"] if "network" in facts else facts.get("dim", 768))
