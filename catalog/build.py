"""Build a catalogue from a folder of card pictures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from catalog.embedding import Embedder, normalise
from catalog.groups import reprint_groups
from catalog.metadata import MetadataError, read_metadata
from catalog.picture import PictureError, read_picture
from catalog.pictures import Picture, assign, find_pictures
from catalog.store import ModelRef, check_target, write
from vision.phash import perceptual_hashes
from vision.rectify import CROP_HEIGHT, CROP_WIDTH

_BATCH = 32

Progress = Callable[[int, int], None]
"""Called with the pictures done and the pictures in all."""


class BuildReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a build did. Unreadable pictures are left out of the catalogue, warnings are for people."""

    cards: int
    groups: int
    grouped_cards: int
    unnamed: int
    unreadable: tuple[str, ...]
    warnings: tuple[str, ...]
    seconds: float


def build(
    images: Path,
    metadata: Sequence[Path],
    out: Path,
    embedder: Embedder,
    progress: Progress | None = None,
) -> BuildReport:
    """Embed and hash every picture below `images` and write the catalogue folder `out`.

    Pictures are named by the `metadata` sources (see `catalog.metadata`) or, without an entry, by their file name.
    An existing catalogue at `out` is replaced at the end, anything else there is refused (CatalogueError).
    Raises MetadataError for missing, empty or contradicting sources; EmbedTimeout from the engine ends the build.
    """
    started = time.monotonic()
    check_target(out)
    known = read_metadata(metadata, images)
    pictures, warnings = assign(find_pictures(images), known)
    unreadable: list[str] = []
    kept, vectors, hashes = _embed(pictures, embedder, unreadable, progress)
    if not kept:
        raise MetadataError(f"no picture in {images} can be read")
    groups = [[kept[row].card_id for row in rows] for rows in reprint_groups(hashes, vectors)]
    write(
        out,
        ids=[picture.card_id for picture in kept],
        cards={picture.card_id: picture.card for picture in kept},
        embeddings=vectors,
        hashes=hashes,
        groups=groups,
        model=ModelRef(embedder.model_hash, embedder.name, embedder.dim),
        sources=[images.as_posix(), *(source.as_posix() for source in metadata)],
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    if unreadable:
        warnings.append(f"{len(unreadable)} pictures cannot be read and were left out: {', '.join(unreadable[:5])}")
    return BuildReport(
        cards=len(kept),
        groups=len(groups),
        grouped_cards=sum(len(group) for group in groups),
        unnamed=sum(not picture.named for picture in kept),
        unreadable=tuple(unreadable),
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


def _embed(
    pictures: list[Picture], embedder: Embedder, unreadable: list[str], progress: Progress | None
) -> tuple[list[Picture], NDArray[np.float32], NDArray[np.uint8]]:
    kept: list[Picture] = []
    vectors, hashes = [], []
    for start, batch, crops in _batches(pictures, unreadable):
        if batch:
            kept += batch
            vectors.append(_unit(batch, embedder.embed(crops)))
            hashes.append(perceptual_hashes(crops))
        if progress:
            progress(min(start + _BATCH, len(pictures)), len(pictures))
    if not kept:
        return [], np.empty((0, embedder.dim), np.float32), np.empty((0, 64), np.uint8)
    return kept, np.concatenate(vectors), np.concatenate(hashes)


def _unit(pictures: list[Picture], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    try:
        return normalise(vectors)
    except ValueError as error:
        good = np.isfinite(vectors).all(axis=1) & vectors.any(axis=1)
        names = [str(picture.path) for picture, fine in zip(pictures, np.atleast_1d(good), strict=True) if not fine]
        raise MetadataError(f"{', '.join(names[:5])}: {error}; remove the picture if it shows no card") from error


def _batches(pictures: list[Picture], unreadable: list[str]) -> Iterator[tuple[int, list[Picture], NDArray[np.uint8]]]:
    for start in range(0, len(pictures), _BATCH):
        read = [(picture, read_crop(picture.path)) for picture in pictures[start : start + _BATCH]]
        unreadable += [str(picture.path) for picture, crop in read if crop is None]
        batch = [picture for picture, crop in read if crop is not None]
        crops = [crop for _, crop in read if crop is not None]
        yield start, batch, np.stack(crops) if crops else np.empty((0, CROP_HEIGHT, CROP_WIDTH, 3), np.uint8)
