"""A folder of pictures as a stream, in the order of their names."""

from __future__ import annotations

from pathlib import Path

from actors.sources.base import Finds, SourceError, SourceFrame
from bus.log import get_logger
from catalog.picture import SUFFIXES, PictureError, read_picture

log = get_logger("images")


class ImagesSource:
    """Every readable picture of a folder is one frame; the others are named in the log and left out."""

    live = False
    finds: Finds = "nothing"

    def __init__(self, folder: Path, fps: float) -> None:
        if not folder.is_dir():
            raise SourceError(f"{folder}: no such folder")
        self._files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
        if not self._files:
            raise SourceError(f"{folder} holds no pictures ({', '.join(sorted(SUFFIXES))})")
        self._folder = folder
        self._next = 0
        self._frames = 0
        self._fps = fps
        self.title = f"{len(self._files)} pictures in {folder}"

    def read(self) -> SourceFrame | None:
        """The next picture that can be read."""
        while self._next < len(self._files):
            path = self._files[self._next]
            self._next += 1
            try:
                pixels = read_picture(path)
            except PictureError as error:
                log.warning("picture left out", reason=str(error))
                continue
            self._frames += 1
            return SourceFrame(pixels, round((self._frames - 1) / self._fps * 1e9))
        if self._frames == 0:
            raise SourceError(f"none of the {len(self._files)} pictures in {self._folder} can be read")
        return None

    def close(self) -> None:
        """Nothing is held."""
