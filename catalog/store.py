"""The catalogue folder, as docs/catalog.md specifies it: its files, writing it whole or not at all, loading it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from catalog.index import BASIS, GRAPH, SHORT, VECTORS, VectorIndex
from catalog.picture import SUFFIXES
from catalog.swap import leftovers, replacing
from vision.phash import HASH_BYTES

FORMAT = 2
MANIFEST, IDS, METADATA = "manifest.json", "index.json", "metadata.json"
EMBEDDINGS, HASHES = "embeddings.npy", "hashes.npy"
CONTENT = (EMBEDDINGS, HASHES, GRAPH, BASIS, VECTORS, IDS, METADATA)
"""Every file but the manifest, which lists them with their sizes and checksums."""
PICTURES = "pictures.npy"
"""Checksums of the pictures: for the next build alone, and absent from catalogues that were not built from files."""


class CatalogueError(ValueError):
    """A catalogue that is missing, damaged or does not fit: names the folder and the remedy."""


class Printing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One printed card: `set` is the set's id (sv3pt5), `set_name` what people call it (151), `file` its picture.

    `set_code` is what PTCGL calls the set (MEW), `supertype` Pokémon, Trainer or Energy.
    """

    name: str
    set: str = ""
    set_name: str = ""
    set_code: str = ""
    number: str = ""
    rarity: str = ""
    supertype: str = ""
    file: str = ""


class ModelRef(msgspec.Struct, frozen=True):
    """The model that embedded a catalogue; `hash` is the SHA-256 of its file."""

    hash: str
    name: str
    dim: int


class Printings(Mapping[str, Printing]):
    """Printings by card id, read when they are asked for: a tenth of the memory of 17,592 ready-made ones."""

    def __init__(self, encoded: bytes) -> None:
        self._raw = msgspec.json.decode(encoded, type=dict[str, msgspec.Raw])

    def __getitem__(self, card_id: str) -> Printing:
        """The printing; KeyError for an id that is not there."""
        return msgspec.json.decode(self._raw[card_id], type=Printing)

    def __iter__(self) -> Iterator[str]:
        """The ids."""
        return iter(self._raw)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._raw)


class FileRef(msgspec.Struct, frozen=True):
    """Size and checksum of one file of the folder."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a catalogue folder holds. `groups` lists the card ids of every reprint group of two or more.

    `images` is the folder of the pictures: relative to the catalogue if both lie in one folder, else absolute.
    """

    format: int
    created: str
    model: ModelRef
    cards: int
    sources: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    files: dict[str, FileRef]
    images: str = ""


class Stamp(msgspec.Struct, frozen=True):
    """Tells one build of a folder from the next without reading it."""

    mtime_ns: int
    inode: int


@dataclass(frozen=True, eq=False)
class Catalogue:
    """A loaded catalogue. Row i of `embeddings` (unit length) and `hashes` is the card `ids[i]`."""

    path: Path
    stamp: Stamp
    manifest: Manifest
    ids: tuple[str, ...]
    cards: Mapping[str, Printing]
    embeddings: NDArray[np.float32]
    hashes: NDArray[np.uint8]
    groups: NDArray[np.int32]
    """Per row the number of its reprint group; a card without reprints has a number of its own."""
    index: VectorIndex

    @classmethod
    def load(cls, path: Path | str, mmap: bool = True) -> Catalogue:
        """The catalogue in a folder. With `mmap` vectors and index stay on disk and are paged in as they are used.

        Raises CatalogueError for a folder that is missing, incomplete, of another format or inconsistent.
        """
        path = Path(path)
        for _ in range(3):  # a rebuild may replace the folder while it is read
            stamp = read_stamp(path)
            catalogue = _load(path, stamp, mmap)
            if read_stamp(path) == stamp:
                return catalogue
        raise CatalogueError(f"catalogue {path} is being replaced all the time; wait for the build to end")

    def picture(self, card_id: str) -> Path | None:
        """The file of a card's picture, if it is where the build found it. KeyError for an id that is not there."""
        return picture_file(self.path, self.manifest, self.cards[card_id])

    def changed_on_disk(self) -> bool:
        """Whether the folder holds another build than this one (one stat). False while a swap is under way."""
        try:
            return read_stamp(self.path) != self.stamp
        except CatalogueError:
            return False


def picture_file(catalogue: Path, manifest: Manifest, card: Printing) -> Path | None:
    """The file of a card's picture; None when it is not there, or outside the picture folder."""
    folder = catalogue / manifest.images
    path = folder / card.file
    inside = path.suffix.lower() in SUFFIXES and path.resolve().is_relative_to(folder.resolve())
    return path if manifest.images and inside and path.is_file() else None


def check_model(catalogue: Catalogue, model_hash: str) -> None:
    """Raise CatalogueError unless the catalogue was embedded by the model with this hash."""
    check_built_by(catalogue.path, catalogue.manifest, model_hash)


def check_built_by(path: Path, manifest: Manifest, model_hash: str) -> None:
    """The same of a manifest that was read from a folder."""
    built_by = manifest.model
    if built_by.hash != model_hash:
        raise CatalogueError(
            f"catalogue {path} was built with model {built_by.name} ({built_by.hash[:12]}), "
            f"the embeddings come from model {model_hash[:12]}: rebuild the catalogue with the current model "
            "(`sleevesight catalog build`) or configure the model that it was built with"
        )


def read_stamp(path: Path) -> Stamp:
    """The stamp of a folder; CatalogueError when there is no catalogue."""
    try:
        status = (path / MANIFEST).stat()
    except OSError:
        raise CatalogueError(_absent(path)) from None
    return Stamp(status.st_mtime_ns, status.st_ino)


def read_manifest(path: Path) -> Manifest:
    """The manifest of a folder. Raises CatalogueError when it is missing, damaged or of another format."""
    try:
        content = (path / MANIFEST).read_bytes()
    except OSError:
        raise CatalogueError(_absent(path)) from None
    try:
        version = msgspec.json.decode(content, type=dict[str, Any]).get("format")
        if version != FORMAT:
            raise CatalogueError(f"catalogue {path} has format {version}, this program reads {FORMAT}: rebuild it")
        return msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise damaged(path, MANIFEST, str(error)) from error


def is_there(path: Path) -> bool:
    """Whether a folder holds a catalogue that this program reads."""
    try:
        read_manifest(path)
    except CatalogueError:
        return False
    return True


def read_printings(path: Path) -> Printings:
    """The cards of a folder alone. Raises CatalogueError when they are missing or damaged."""
    manifest = read_manifest(path)
    _check_size(path, METADATA, manifest)
    return _printings(path, manifest)


def damaged(path: Path, name: str, reason: str) -> CatalogueError:
    """The error for a file of a catalogue that cannot be used."""
    return CatalogueError(f"catalogue {path}: {name} is damaged ({reason}); rebuild the catalogue")


def file_ref(path: Path) -> FileRef:
    """Size and checksum of a file."""
    with path.open("rb") as file:
        return FileRef(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def write(
    out: Path,
    *,
    ids: Sequence[str],
    cards: Mapping[str, Printing],
    embeddings: NDArray[np.float32],
    hashes: NDArray[np.uint8],
    groups: Sequence[Sequence[str]],
    model: ModelRef,
    sources: Sequence[str],
    created: str,
    images: Path | None = None,
    pictures: NDArray[np.uint8] | None = None,
) -> None:
    """Write a catalogue folder whole or not at all, replacing the catalogue that may be there.

    `images` is the folder that the cards' files are in, `pictures` the SHA-256 of each row's file, uint8 [rows, 32].
    """
    check_target(out)
    with replacing(out) as folder:
        np.save(folder / EMBEDDINGS, np.ascontiguousarray(embeddings, np.float32), allow_pickle=False)
        np.save(folder / HASHES, np.ascontiguousarray(hashes, np.uint8), allow_pickle=False)
        if pictures is not None:
            np.save(folder / PICTURES, np.ascontiguousarray(pictures, np.uint8), allow_pickle=False)
        VectorIndex.build(embeddings).save(folder)
        _write_json(folder / IDS, list(ids))
        _write_json(folder / METADATA, {card_id: cards[card_id] for card_id in ids})
        manifest = Manifest(
            format=FORMAT,
            created=created,
            model=model,
            cards=len(ids),
            sources=tuple(sources),
            groups=tuple(tuple(group) for group in groups),
            files={name: file_ref(folder / name) for name in (*CONTENT, PICTURES) if (folder / name).exists()},
            images=_place(images, out) if images else "",
        )
        _write_json(folder / MANIFEST, manifest)


def _place(images: Path, out: Path) -> str:
    images, home = images.resolve(), out.resolve().parent
    return os.path.relpath(images, home / out.name) if images.is_relative_to(home) else images.as_posix()


def check_target(out: Path) -> None:
    """Raise CatalogueError when something that is not a catalogue lies where one is to be written."""
    if out.is_dir() and ((out / MANIFEST).exists() or not any(out.iterdir())):
        return
    if out.exists():
        raise CatalogueError(f"{out} exists and is no catalogue; name a new folder, or move what is there away")


def group_rows(ids: Sequence[str], groups: Sequence[Sequence[str]]) -> NDArray[np.int32]:
    """Per row the number of its group. KeyError for an id that is not in `ids`."""
    row_of = {card_id: row for row, card_id in enumerate(ids)}
    numbers = np.arange(len(ids), dtype=np.int32)
    for group in groups:
        rows = [row_of[card_id] for card_id in group]
        numbers[rows] = min(rows)
    return numbers


def _load(path: Path, stamp: Stamp, mmap: bool) -> Catalogue:
    manifest = read_manifest(path)
    for name in CONTENT:
        _check_size(path, name, manifest)
    # The index is parsed by native code, which trusts what it reads, and the printings when they are asked for.
    _check_sum(path, GRAPH, manifest)
    _check_sum(path, BASIS, manifest)  # with another one all of the graph is in the wrong place
    cards = _printings(path, manifest)
    listed = _read_json(path, IDS, list[str])
    ids = tuple(cards) if list(cards) == listed else tuple(listed)  # the same strings, not their copies
    if len(ids) != manifest.cards or len(set(ids)) != len(ids) or cards.keys() != set(ids):
        raise damaged(path, IDS, f"{len(ids)} rows, {len(cards)} cards, {manifest.cards} in the manifest")
    try:
        groups = group_rows(ids, manifest.groups)
    except KeyError as error:
        raise damaged(path, MANIFEST, f"group with the unknown card {error}") from None
    rows, dim = manifest.cards, manifest.model.dim
    basis = read_array(path, BASIS, (dim, min(dim, SHORT)), np.float32, False)
    vectors = read_array(path, VECTORS, (rows, dim), np.float16, mmap)
    try:
        index = VectorIndex.open(path / GRAPH, basis, vectors, view=mmap)
    except (ValueError, RuntimeError) as error:
        raise damaged(path, GRAPH, str(error)) from error
    return Catalogue(
        path=path,
        stamp=stamp,
        manifest=manifest,
        ids=ids,
        cards=cards,
        embeddings=read_array(path, EMBEDDINGS, (rows, dim), np.float32, mmap),
        hashes=read_array(path, HASHES, (rows, HASH_BYTES), np.uint8, False),
        groups=groups,
        index=index,
    )


def read_array(path: Path, name: str, shape: tuple[int, int], dtype: type[np.generic], mmap: bool) -> NDArray[Any]:
    """An array file of a folder. Raises CatalogueError for another shape or type; never unpickles."""
    try:
        array = np.load(path / name, mmap_mode="r" if mmap else None, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise damaged(path, name, str(error)) from error
    if array.shape != shape or array.dtype != dtype:
        raise damaged(path, name, f"{array.dtype} {list(array.shape)} instead of {dtype.__name__} {list(shape)}")
    return np.asarray(array)


def _check_size(path: Path, name: str, manifest: Manifest) -> None:
    if name not in manifest.files:
        raise damaged(path, MANIFEST, f"it does not list {name}")
    try:
        size = (path / name).stat().st_size
    except OSError:
        raise damaged(path, name, "it is missing") from None
    if size != manifest.files[name].bytes:
        raise damaged(path, name, f"{size} bytes instead of {manifest.files[name].bytes}")


def _printings(path: Path, manifest: Manifest) -> Printings:
    _check_sum(path, METADATA, manifest)
    try:
        return Printings((path / METADATA).read_bytes())
    except msgspec.MsgspecError as error:
        raise damaged(path, METADATA, str(error)) from error


def _check_sum(path: Path, name: str, manifest: Manifest) -> None:
    if file_ref(path / name) != manifest.files[name]:
        raise damaged(path, name, "its checksum differs")


def _absent(path: Path) -> str:
    text = f"{path} is no catalogue (no {MANIFEST}); build one with `sleevesight catalog build`"
    if left := leftovers(path):
        text += f"; an interrupted build left {', '.join(p.name for p in left)} beside it"
    return text


def _read_json(path: Path, name: str, kind: Any) -> Any:
    try:
        return msgspec.json.decode((path / name).read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise damaged(path, name, str(error)) from error


def _write_json(path: Path, content: Any) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")
