"""Which picture file shows which card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

import msgspec

from catalog.metadata import Metadata, MetadataError, NothingToBuild
from catalog.picture import SUFFIXES
from catalog.store import Printing


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture file and the card that it shows; `named` is False when no metadata knows the card."""

    path: Path
    card_id: str
    card: Printing
    named: bool


@dataclass(frozen=True, slots=True)
class PictureFolder:
    """The picture files below a folder, sorted by path."""

    root: Path
    files: tuple[Path, ...]


def find_pictures(root: Path) -> PictureFolder:
    """All pictures below a folder. Raises MetadataError when there is no folder or no picture in it."""
    if not root.is_dir():
        raise NothingToBuild(f"picture folder {root} does not exist")
    files = tuple(sorted(file for file in root.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file()))
    if not files:
        raise NothingToBuild(f"picture folder {root} holds no picture ({', '.join(sorted(SUFFIXES))})")
    return PictureFolder(root, files)


def assign(folder: PictureFolder, metadata: Metadata) -> tuple[list[Picture], list[str]]:
    """Pictures with their cards, and warnings.

    A picture belongs to the card that a CSV gives it, else to the card whose id is its name (as `file_stem` writes it),
    else it is kept under its own name. The same picture twice for one card counts once; two different ones raise
    MetadataError.
    """
    pictures: dict[str, Picture] = {}
    repeated: list[Path] = []
    for file in folder.files:
        picture = _picture(file, folder.root, metadata)
        first = pictures.setdefault(picture.card_id, picture)
        if first is picture:
            continue
        if first.path.read_bytes() != file.read_bytes():
            raise MetadataError(
                f"card {picture.card_id} has two different pictures, {first.path} and {file}: remove one, or give each "
                "an id of its own in a CSV (columns file,id,name,set,number)"
            )
        repeated.append(file)
    return list(pictures.values()), _warnings(list(pictures.values()), repeated)


def file_stem(card_id: str) -> str:
    """A card's id as the name of a file, without a suffix: `ex10-?` is `ex10-%3F`, and no id leads out of a folder."""
    stem = quote(card_id, safe=" '!()&+,=@")
    return f"%2E{stem[1:]}" if stem.startswith(".") else stem


def _picture(file: Path, root: Path, metadata: Metadata) -> Picture:
    stem = unquote(file.stem) if unquote(file.stem) in metadata.cards else file.stem
    card_id = metadata.pictures.get(file.resolve(), stem)
    card = metadata.cards.get(card_id)
    name = file.relative_to(root).as_posix()
    if card is None:
        return Picture(file, card_id, Printing(name=card_id, file=name), named=False)
    return Picture(file, card_id, msgspec.structs.replace(card, file=name), named=True)


def _warnings(pictures: list[Picture], repeated: list[Path]) -> list[str]:
    warnings = []
    unnamed = [picture.path.name for picture in pictures if not picture.named]
    if unnamed:
        warnings.append(f"{len(unnamed)} pictures have no metadata and keep their file name: {', '.join(unnamed[:5])}")
    if repeated:
        files = ", ".join(str(file) for file in repeated[:5])
        warnings.append(f"{len(repeated)} pictures repeat one of the same card and were left out: {files}")
    return warnings
