"""Card pictures in memory, one class for all printings of one picture."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catalog.picture import PictureError, read_picture

_COLUMNS = {"file", "id", "set"}


class DataError(ValueError):
    """Pictures or labels that cannot be learnt from; the message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures uint8 RGB [n, 3, h, w] and, for each, its class 0..k-1 (int64 [n]), its card's id and its set."""

    images: Tensor
    classes: Tensor
    ids: tuple[str, ...]
    sets: tuple[str, ...]

    def __post_init__(self) -> None:
        assert len(self.images) == len(self.classes) == len(self.ids) == len(self.sets)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def count(self) -> int:
        """How many classes there are."""
        return int(self.classes.max()) + 1 if len(self) else 0

    def to(self, device: torch.device) -> Pictures:
        """The same on a device."""
        return Pictures(self.images.to(device), self.classes.to(device), self.ids, self.sets)

    def kept(self, rows: Sequence[int]) -> Pictures:
        """Some of the pictures, with classes numbered anew."""
        at = torch.tensor(rows, dtype=torch.int64)
        classes = torch.unique(self.classes[at], return_inverse=True)[1]
        return Pictures(
            self.images[at], classes, tuple(self.ids[row] for row in rows), tuple(self.sets[row] for row in rows)
        )


def read_pictures(folder: Path, labels: Path, size: tuple[int, int]) -> Pictures:
    """The pictures that the CSV `labels` lists (columns file, id, set; group or the id is the class) at `size` (h, w).

    Files are looked for below `folder`. Raises DataError for a missing column, no line at all, an id that comes twice,
    a label without a picture, and a picture that cannot be read.
    """
    lines = _read_labels(labels)
    files = [folder / line["file"] for line in lines]
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise DataError(
            f"{labels}: {len(missing)} of {len(files)} pictures are not there, the first is {missing[0]}; "
            f"give the folder that the column `file` counts from"
        )
    images = np.stack([read_small(file, size) for file in files])
    classes = np.unique([line.get("group") or line["id"] for line in lines], return_inverse=True)[1]
    return Pictures(
        torch.from_numpy(images),
        torch.from_numpy(classes.astype(np.int64)),
        tuple(line["id"] for line in lines),
        tuple(line["set"] for line in lines),
    )


def parted(pictures: Pictures, held_out: Iterable[str]) -> tuple[Pictures, Pictures]:
    """Pictures to learn from and pictures of whole sets that are held out.

    A class with a printing in a held-out set is not learnt from at all. DataError for a set that is not there.
    """
    away = set(held_out)
    unknown = away - set(pictures.sets)
    if unknown:
        raise DataError(
            f"held_out names the set {sorted(unknown)[0]!r}, and no picture is of it; the sets are "
            f"{', '.join(sorted(set(pictures.sets)))}"
        )
    out = torch.tensor([name in away for name in pictures.sets])
    tainted = torch.isin(pictures.classes, pictures.classes[out])
    learnt = torch.nonzero(~tainted)[:, 0].tolist()
    if not learnt:
        raise DataError(f"with the sets {', '.join(sorted(away))} held out nothing is left to learn from")
    return pictures.kept(learnt), pictures.kept(torch.nonzero(out)[:, 0].tolist()) if away else pictures.kept([])


def joined(one: Pictures, other: Pictures) -> Pictures:
    """Both, no class of one being a class of the other."""
    return Pictures(
        torch.cat([one.images, other.images]),
        torch.cat([one.classes, other.classes + one.count]),
        one.ids + other.ids,
        one.sets + other.sets,
    )


def _read_labels(labels: Path) -> list[dict[str, str]]:
    try:
        with labels.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            lacking = _COLUMNS - set(reader.fieldnames or ())
            lines = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"labels {labels} cannot be read: {error}") from error
    if lacking:
        raise DataError(f"labels {labels} have no column {', '.join(sorted(lacking))}; file, id and set are needed")
    if not lines:
        raise DataError(f"labels {labels} list no picture")
    seen: set[str] = set()
    for number, line in enumerate(lines, start=2):
        if line["id"] in seen:
            raise DataError(
                f"labels {labels}, line {number}: the id {line['id']!r} was there before; give each its own"
            )
        seen.add(line["id"])
    return lines


def read_small(file: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A picture at `size` (h, w), uint8 RGB [3, h, w]. DataError for a file that is none."""
    try:
        picture = read_picture(file)
    except PictureError as error:
        raise DataError(f"{error}; replace the picture or remove its label") from error
    small = cv2.resize(picture, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small.transpose(2, 0, 1))
