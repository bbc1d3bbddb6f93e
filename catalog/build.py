"""Build a catalogue from a folder of card pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from catalog.embedding import Embedder, normalise
from catalog.groups import reprint_groups
from catalog.metadata import MetadataError, NothingToBuild, read_metadata
from catalog.picture import PictureError, read_picture
from catalog.pictures import Picture, assign, find_pictures
from catalog.placeholder import flat_rows, shared_groups
from catalog.reuse import DIGEST_BYTES, Embedded, digest, embedded_before
from catalog.store import ModelRef, check_target, write
from vision.phash import HASH_BYTES, perceptual_hashes
from vision.rectify import CROP_HEIGHT, CROP_WIDTH

_BATCH = 32

Progress = Callable[[int, int], None]
"""Called with the pictures done and the pictures in all."""


class BuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a build did. Unreadable pictures are left out of the catalogue, warnings are for people.

    `embedded` is the number of pictures that the engine was asked for; the others stood in the catalogue before.
    `placeholders` are the card ids that were left out because their picture shows no card.
    """

    cards: int
    groups: int
    grouped_cards: int
    unnamed: int
    embedded: int
    unreadable: tuple[str, ...]
    placeholders: tuple[str, ...]
    warnings: tuple[str, ...]
    seconds: float


def build(
    images: Path,
    metadata: Sequence[Path],
    out: Path,
    embedder: Embedder,
    progress: Progress | None = None,
    *,
    drop_placeholders: bool = False,
) -> BuildReport:
    """Embed and hash every picture below `images` and write the catalogue folder `out`.

    Pictures are named by the `metadata` sources (see `catalog.metadata`) or, without an entry, by their file name.
    An existing catalogue at `out` is replaced at the end, and what it says of unchanged pictures is taken over if this
    model embedded it; anything else there is refused (CatalogueError).
    Raises MetadataError for missing, empty or contradicting sources; EmbedTimeout from the engine ends the build.
    """
    started = time.monotonic()
    check_target(out)
    known = read_metadata(metadata, images)
    pictures, warnings = assign(find_pictures(images), known)
    before = embedded_before(out, embedder.model_hash, embedder.dim)
    table = _embed(pictures, embedder, before, progress)
    if not table.pictures:
        raise NothingToBuild(f"no picture in {images} can be read")
    read = {picture.path for picture in table.pictures}
    unreadable = [str(picture.path) for picture in pictures if picture.path not in read]
    groups, placeholders = _groups(table), []
    if drop_placeholders and (placeholders := _placeholders(table, groups)):
        left_out = set(placeholders)
        table = table.only([picture.card_id not in left_out for picture in table.pictures])
        if not table.pictures:
            raise NothingToBuild(f"no picture in {images} shows a card")
        groups = _groups(table)
    write(
        out,
        ids=[picture.card_id for picture in table.pictures],
        cards={picture.card_id: picture.card for picture in table.pictures},
        embeddings=table.vectors,
        hashes=table.hashes,
        groups=groups,
        model=ModelRef(embedder.model_hash, embedder.name, embedder.dim),
        sources=[images.as_posix(), *(source.as_posix() for source in metadata)],
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        images=images,
        pictures=table.digests,
    )
    if unreadable:
        warnings.append(f"{len(unreadable)} pictures cannot be read and were left out: {', '.join(unreadable[:5])}")
    return BuildReport(
        cards=len(table.pictures),
        groups=len(groups),
        grouped_cards=sum(len(group) for group in groups),
        unnamed=sum(not picture.named for picture in table.pictures),
        embedded=table.embedded,
        unreadable=tuple(unreadable),
        placeholders=tuple(placeholders),
        warnings=tuple(warnings),
        seconds=round(time.monotonic() - started, 2),
    )


def read_crop(path: Path) -> NDArray[np.uint8] | None:
    """A picture as a canonical crop uint8 RGB [358, 256, 3]; None when it cannot be read."""
    try:
        picture = read_picture(path)
    except PictureError:
        return None
    return np.asarray(cv2.resize(picture, (CROP_WIDTH, CROP_HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows of a catalogue: their pictures, unit vectors, hashes and files' checksums; and how many are new."""

    pictures: list[Picture]
    vectors: NDArray[np.float32]
    hashes: NDArray[np.uint8]
    digests: NDArray[np.uint8]
    embedded: int

    def only(self, keep: Sequence[bool]) -> _Table:
        rows = np.flatnonzero(keep)
        kept = [self.pictures[row] for row in rows]
        return _Table(kept, self.vectors[rows], self.hashes[rows], self.digests[rows], self.embedded)


def _embed(pictures: list[Picture], embedder: Embedder, before: Embedded, progress: Progress | None) -> _Table:
    """The rows of all pictures that can be read, in order; what was embedded before is copied."""
    digests = [digest(picture.path) for picture in pictures]
    vectors = np.empty((len(pictures), embedder.dim), np.float32)
    hashes = np.empty((len(pictures), HASH_BYTES), np.uint8)
    there = np.array([one in before.rows for one in digests], bool)
    old, new = np.flatnonzero(there), np.flatnonzero(~there)
    taken = [before.rows[digests[row]] for row in old]
    vectors[old], hashes[old] = before.vectors[taken], before.hashes[taken]
    for rows, crops, done in _batches(pictures, new):
        if len(rows):
            vectors[rows] = _unit([pictures[row] for row in rows], embedder.embed(crops))
            hashes[rows] = perceptual_hashes(crops)
            there[rows] = True
        if progress:
            progress(len(old) + done, len(pictures))
    table = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, DIGEST_BYTES)
    return _Table(pictures, vectors, hashes, table, int(there[new].sum())).only(list(there))


def _groups(table: _Table) -> list[list[str]]:
    groups = reprint_groups(table.hashes, table.vectors)
    return [[table.pictures[row].card_id for row in rows] for rows in groups]


def _placeholders(table: _Table, groups: list[list[str]]) -> list[str]:
    names = {picture.card_id: picture.card.name for picture in table.pictures}
    shared = [card_id for group in shared_groups(groups, names) for card_id in group]
    return sorted({*shared, *(table.pictures[row].card_id for row in flat_rows(table.hashes))})


def _unit(pictures: list[Picture], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    try:
        return normalise(vectors)
    except ValueError as error:
        good = np.isfinite(vectors).all(axis=1) & vectors.any(axis=1)
        names = [str(picture.path) for picture, fine in zip(pictures, np.atleast_1d(good), strict=True) if not fine]
        raise MetadataError(f"{', '.join(names[:5])}: {error}; remove the picture if it shows no card") from error


def _batches(
    pictures: list[Picture], rows: NDArray[np.intp]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.uint8], int]]:
    """Of the pictures in these rows: those that can be read, their crops, and how many rows were looked at so far."""
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]
        crops = [read_crop(pictures[row].path) for row in batch]
        good = [crop for crop in crops if crop is not None]
        read = batch[[crop is not None for crop in crops]]
        yield read, np.stack(good) if good else np.empty((0, CROP_HEIGHT, CROP_WIDTH, 3), np.uint8), start + len(batch)
