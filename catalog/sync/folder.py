"""What lies in the folder of a sync: card data, pictures, checksums, and the catalogue that is built from them."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec

from catalog.metadata import decode
from catalog.picture import SUFFIXES, PictureError
from catalog.pictures import file_stem
from catalog.swap import recover
from catalog.sync.checksums import Checksums
from catalog.sync.content import picture_suffix
from catalog.sync.shapes import Card, SetInfo, Size
from catalog.whole import write_whole

CATALOGUE, PICTURES, METADATA = "catalogue", "pictures", "metadata"
ORIGIN, LOCK = "source.json", ".sync.lock"
DAMAGED, PLACEHOLDER = ".damaged", ".placeholder"
"""Suffixes of files that were set aside: no longer pictures to a build, and still there for a person."""


class Origin(msgspec.Struct, frozen=True):
    """Where a folder's contents come from. One folder has one: ids of two would get in each other's way."""

    source: str = "pokemontcg"
    language: str = "en"
    images: Size = "small"


class Remembered(msgspec.Struct, frozen=True):
    """An answer that need not be sent again while its ETag is the same."""

    url: str
    etag: str
    body: str


class Folder:
    """The folder of a sync. Every file in it is written whole or not at all."""

    def __init__(self, root: Path) -> None:
        """ValueError when something else lies there."""
        if root.exists() and not root.is_dir():
            raise ValueError(f"{root} is a file; name a folder")
        if (
            root.is_dir()
            and any(root.iterdir())
            and not any((root / name).exists() for name in (METADATA, ORIGIN, LOCK))
        ):
            raise ValueError(f"{root} exists and is no folder of `catalog sync`; name a new one")
        self.root, self.pictures, self.catalogue = root, root / PICTURES, root / CATALOGUE
        self.cards_of_all = root / METADATA / "cards"
        self._answers = root / METADATA / "answers"

    @contextmanager
    def held(self) -> Iterator[Checksums]:
        """The list of checksums, while no other process works here. ValueError when one does."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(f"{self.root}: {error.strerror}; name another folder") from None
        with (self.root / LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ValueError(f"another sync works in {self.root}; wait for its end") from None
            self._clear_up()
            sums = Checksums(self.root)
            try:
                yield sums
                sums.tidy()
            finally:
                sums.close()

    def origin(self, **wanted: str | None) -> Origin:
        """Where the contents come from: as the folder says, else as is wanted. ValueError when the two differ."""
        given = {key: value for key, value in wanted.items() if value is not None}
        path = self.root / ORIGIN
        if not path.exists():
            return msgspec.convert(given, Origin)
        try:
            there = msgspec.json.decode(path.read_bytes(), type=Origin)
        except msgspec.MsgspecError as error:
            raise ValueError(
                f"{path} is damaged ({error}); remove it, and give --source, --language and --images"
            ) from None
        for key, value in given.items():
            if (held := getattr(there, key)) != value:
                raise ValueError(f"{self.root} is a folder with {key} {held}, not {value}: name another folder")
        return there

    def write_origin(self, origin: Origin) -> None:
        """Note where the contents come from."""
        _write(self.root / ORIGIN, origin)

    def sets(self) -> list[SetInfo]:
        """The list of sets that lies here, and after it those of which there are only cards."""
        listed = self._read(self.root / METADATA / "sets.json", list[SetInfo]) or []
        known = {one.id for one in listed}
        files = {file.name.removesuffix(".gz").removesuffix(".json") for file in self.cards_of_all.glob("*.json*")}
        return [*listed, *(SetInfo(id=set_id) for set_id in sorted(files - {file_stem(one) for one in known}))]

    def write_sets(self, sets: Sequence[SetInfo]) -> None:
        """Keep the list of sets."""
        _write(self.root / METADATA / "sets.json", sets)

    def cards(self, set_id: str) -> list[Card] | None:
        """A set's cards; None when they are not here."""
        cards: list[Card] | None = self._read(self.cards_of_all / f"{file_stem(set_id)}.json", list[Card])
        return cards

    def write_cards(self, set_id: str, cards: Sequence[Card]) -> None:
        """Keep a set's cards."""
        _write(self.cards_of_all / f"{file_stem(set_id)}.json", cards)

    def remembered(self, url: str) -> Remembered | None:
        """The last answer of an address, if it had an ETag and is whole."""
        try:
            found = msgspec.json.decode(self._answer(url).read_bytes(), type=Remembered)
        except (OSError, msgspec.MsgspecError):
            return None
        return found if found.url == url else None

    def remember(self, url: str, etag: str, body: bytes) -> None:
        """Keep an answer that could be read."""
        if etag:
            _write(self._answer(url), Remembered(url, etag, body.decode()))

    def sound_pictures(self, set_id: str, sums: Checksums) -> dict[str, Path]:
        """A set's pictures by the ids of their cards. One that is not what its checksum says is set aside.

        A file without a checksum, from another hand, is taken if it is a whole picture.
        """
        folder = self.pictures / file_stem(set_id)
        files = sorted(file for file in folder.glob("*") if file.suffix.lower() in SUFFIXES)
        return {unquote(file.stem): file for file in files if self._sound(file, sums)}

    def add_picture(self, set_id: str, card_id: str, data: bytes, suffix: str, sums: Checksums) -> None:
        """Keep a picture, in the place of what was set aside for it."""
        path = self.pictures / file_stem(set_id) / f"{file_stem(card_id)}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        sums.add(self._name(path), data)
        write_whole(path, data)
        for other in SUFFIXES:
            for aside in (DAMAGED, PLACEHOLDER):
                path.with_suffix(other + aside).unlink(missing_ok=True)

    def set_aside(self, path: Path, why: str) -> None:
        """Take a file out of the pictures, and leave it for a person to look at."""
        path.replace(path.with_name(path.name + why))

    def was_placeholder(self, set_id: str, card_id: str) -> bool:
        """Whether the picture of a card was set aside as one."""
        folder = self.pictures / file_stem(set_id)
        return any((folder / f"{file_stem(card_id)}{suffix}{PLACEHOLDER}").exists() for suffix in SUFFIXES)

    def _clear_up(self) -> None:
        """Remove what a killed process left half-written."""
        recover(self.catalogue)
        for path in self.root.rglob("*.partial-*"):
            path.unlink(missing_ok=True)

    def _sound(self, path: Path, sums: Checksums) -> bool:
        data, listed = path.read_bytes(), sums.get(self._name(path))
        if listed is None:
            try:
                picture_suffix(data)
            except PictureError:
                self.set_aside(path, DAMAGED)
                return False
            sums.add(self._name(path), data)
        elif hashlib.sha256(data).hexdigest() != listed:
            self.set_aside(path, DAMAGED)
            return False
        return True

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _answer(self, url: str) -> Path:
        return self._answers / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.json"

    def _read(self, path: Path, kind: Any) -> Any:
        for file in (path, path.with_name(f"{path.name}.gz")):
            if file.exists():
                return decode(file, kind)
        return None


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, msgspec.json.encode(content))
