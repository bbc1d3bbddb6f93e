"""A model's file before any engine has seen it."""

from __future__ import annotations

from pathlib import Path

from catalog.embedding import ModelError
from catalog.model_card import ModelCard, read_card


def read_model(path: Path) -> bytes:
    """The bytes of a model file. ModelError for one that cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"model {path} cannot be read ({error.strerror}); give the path of an .onnx file, or of a .hef"
        ) from error


def card_for(path: Path, dim: int) -> ModelCard | None:
    """The card beside a model file of `dim` dimensions, if there is one. ModelError for the card of another model."""
    card = read_card(path)
    if card is not None and card.dim != dim:
        raise ModelError(
            f"model {path}: its card says {card.dim} dimensions, the file has {dim}; "
            "put the card that belongs to this file beside it"
        )
    return card
