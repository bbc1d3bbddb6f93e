"""What cards exist: card data from pokemontcg.io files or a CSV, and which picture shows which card."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from catalog.store import Printing

_COLUMNS = ("file", "id", "name", "set", "number")
_JSON_NAMES = ("*.json", "*.json.gz")
_SETS_NAMES = ("sets.json", "sets.json.gz")


class MetadataError(ValueError):
    """Card data that is missing, unreadable or contradicts itself: names the file and the remedy."""


class NothingToBuild(MetadataError):
    """There is no picture that a catalogue could be built from."""


class _Set(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    ptcgoCode: str = ""


class _Card(msgspec.Struct):
    """The fields that are used of the pokemontcg.io schema (https://docs.pokemontcg.io)."""

    id: str
    name: str
    number: str = ""
    rarity: str = ""
    supertype: str = ""
    set: _Set | None = None


@dataclass
class Metadata:
    """Cards by id, and the ids that a CSV gives to pictures (absolute paths)."""

    cards: dict[str, Printing] = field(default_factory=dict)
    pictures: dict[Path, str] = field(default_factory=dict)

    def add(self, card_id: str, card: Printing) -> None:
        """Note a card. What an earlier source said stays; what it left empty is filled in."""
        known = self.cards.get(card_id)
        if known is not None:
            empty = {key: value for key, value in msgspec.structs.asdict(card).items() if not getattr(known, key)}
            card = msgspec.structs.replace(known, **empty)
        self.cards[card_id] = card


def read_metadata(sources: Sequence[Path], images: Path) -> Metadata:
    """Card data of all sources, in order: pokemontcg.io JSON (file or folder, also .gz) or CSV.

    A CSV has the columns file, id, name, set, number; `file` is relative to the picture folder or to the CSV itself.
    Raises MetadataError for a source that is missing or cannot be read.
    """
    metadata = Metadata()
    for source in sources:
        if source.is_dir():
            _read_folder(source, metadata)
        elif source.suffix.lower() == ".csv":
            _read_csv(source, images, metadata)
        elif source.name.endswith((".json", ".json.gz")):
            _read_cards(source, _sets(source.parent), metadata)
        elif source.exists():
            raise MetadataError(f"metadata {source}: give a .csv, .json or .json.gz file, or a folder of JSON files")
        else:
            raise MetadataError(f"metadata {source} does not exist")
    return metadata


def _read_folder(folder: Path, metadata: Metadata) -> None:
    files = sorted(file for name in _JSON_NAMES for file in folder.rglob(name) if file.name not in _SETS_NAMES)
    if not files:
        raise MetadataError(f"metadata folder {folder} holds no .json or .json.gz file")
    sets = _sets(folder)
    for file in files:
        _read_cards(file, sets, metadata)


def _read_cards(file: Path, sets: dict[str, _Set], metadata: Metadata) -> None:
    for card in decode(file, list[_Card]):
        set_id = card.set.id if card.set else card.id.rpartition("-")[0]
        own, listed = card.set or _Set(set_id), sets.get(set_id, _Set(set_id))
        metadata.add(
            card.id,
            Printing(
                name=card.name,
                set=set_id,
                set_name=own.name or listed.name,
                set_code=own.ptcgoCode or listed.ptcgoCode,
                number=card.number,
                rarity=card.rarity,
                supertype=card.supertype,
            ),
        )


def _sets(folder: Path) -> dict[str, _Set]:
    """Sets by id from the sets file in a folder or the one above it; empty without such a file."""
    for place in (folder, folder.parent):
        for name in _SETS_NAMES:
            if (place / name).is_file():
                return {one.id: one for one in decode(place / name, list[_Set])}
    return {}


def decode(file: Path, kind: Any) -> Any:
    """A JSON file, also .gz, as a type. MetadataError when it is missing, damaged or of another shape."""
    try:
        content = file.read_bytes()
        if file.suffix == ".gz":
            content = gzip.decompress(content)
        return msgspec.json.decode(content, type=kind)
    except FileNotFoundError:
        raise MetadataError(f"metadata {file} does not exist") from None
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError) as error:
        raise MetadataError(f"metadata {file}: {error}; a list of cards as from pokemontcg.io is expected") from error


def _read_csv(file: Path, images: Path, metadata: Metadata) -> None:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise MetadataError(f"metadata {file} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise MetadataError(f"metadata {file}: {error}; save it as UTF-8 CSV") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [column for column in _COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise MetadataError(
            f"metadata {file}: column {', '.join(missing)} is missing; the first line must name {','.join(_COLUMNS)}"
        )
    for line in reader:
        _add_line(file, reader.line_num, line, images, metadata)


def _add_line(file: Path, number: int, line: dict[str, Any], images: Path, metadata: Metadata) -> None:
    values = {column: (line[column] or "").strip() for column in _COLUMNS}
    if None in line or not values["file"] or not values["id"]:
        raise MetadataError(f"metadata {file}, line {number}: file and id must be given and no field may be left over")
    card_id = values["id"]
    metadata.add(card_id, Printing(name=values["name"] or card_id, set=values["set"], number=values["number"]))
    for base in (images, file.parent):
        picture = (base / values["file"]).resolve()
        if metadata.pictures.setdefault(picture, card_id) != card_id:
            raise MetadataError(
                f"metadata {file}, line {number}: {values['file']} is {card_id}, but was {metadata.pictures[picture]}"
            )
