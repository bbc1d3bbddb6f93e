"""From a run to a model that ships: the ONNX file and the card beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from training.export import export
from training.recipes import trained

LICENCE = "MIT"


def ship(run: Path, out: Path, name: str) -> str:
    """Export a run's best network to `out` and write its card; what a person is told.

    The card's thresholds are the defaults until `sleevesight bench calibrate` has measured them.
    """
    recipe, settings, network, size = trained(run)
    export(network, size, out)
    facts = msgspec.to_builtins(settings, enc_hook=str)
    card: dict[str, Any] = {
        "name": name,
        "dim": int(_dim(facts)),
        "licence": LICENCE,
        "description": f"Recipe {recipe} of sleevesight, {size[1]} x {size[0]} px, trained from scratch.",
        "training": {"recipe": recipe, "settings": facts},
    }
    out.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(card)) + b"\n")
    return f"{out}: {out.stat().st_size} bytes"


def _dim(facts: dict[str, Any]) -> int:
    return int(facts["network"]["dim"] if "network" in facts else facts.get("dim", 768))
