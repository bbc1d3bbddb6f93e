"""A model's file, whatever engine runs it."""

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


class ModelFile:
    """What an embedder says of the file it runs; an engine sets the four as it comes to know them."""

    path: Path
    card: ModelCard | None
    _hash: str
    _dim: int

    @property
    def name(self) -> str:
        """What people call the model: the card's name, or the file's."""
        return self.card.name if self.card else self.path.stem

    @property
    def model_hash(self) -> str:
        """SHA-256 of the model file, hex."""
        return self._hash

    @property
    def dim(self) -> int:
        """Length of an embedding."""
        return self._dim
