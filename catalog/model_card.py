"""The model card: what is known about a model file, as JSON beside it (`x.onnx` has `x.json`)."""

from __future__ import annotations

from pathlib import Path

import msgspec

from catalog.decide import Thresholds
from catalog.embedding import ModelError


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about one model file. Keys that are not listed here (training data, metrics) are for readers."""

    name: str
    dim: int
    licence: str
    description: str = ""
    thresholds: Thresholds = Thresholds()


def card_path(model: Path) -> Path:
    """Where the card of a model file lies."""
    return model.with_suffix(".json")


def read_card(model: Path) -> ModelCard | None:
    """The card beside a model file; None when there is none. Raises ModelError for one that cannot be read."""
    path = card_path(model)
    try:
        return msgspec.json.decode(path.read_bytes(), type=ModelCard)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise ModelError(f"model card {path}: {error}; correct it or remove it") from error
