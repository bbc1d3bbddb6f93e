"""What a source is, and how one is named: `camera:0`, `imx500:F.rpk`, `video:F`, `images:DIR`, `scene:NAME`."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bus.actor import ROUND_S
from vision.detection import Detection

Pixels = NDArray[np.uint8]


Finds = Literal["nothing", "boxes", "places", "cards"]
"""What a source's own detector says: nothing, upright boxes around cards, roughly their corners, or their corners."""


class SourceError(ValueError):
    """A source that cannot be opened or read: one line that names it and the remedy."""


class NothingYet(Exception):
    """A live source has no frame just now, and says why: ask again. It keeps the loop going while a camera is away.

    `may_take_s`: how long asking again may take, where that is longer than usual.
    """

    def __init__(self, why: str, may_take_s: float = ROUND_S) -> None:
        super().__init__(why)
        self.may_take_s = may_take_s


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """A picture uint8 RGB [h, w, 3], good until the next one is read, and its time.

    `t_ns` counts from the beginning of the stream for a stored source and is the bus clock for a live one.
    `detections` counts only if the source finds anything: None then means that there is no answer for this frame.
    """

    pixels: Pixels
    t_ns: int
    detections: Sequence[Detection] | None = None


class Source(Protocol):
    """Where frames come from."""

    @property
    def live(self) -> bool:
        """Whether frames come when they come; a stored source waits to be read and paces nothing."""

    @property
    def finds(self) -> Finds:
        """What its frames' own detections are (of a camera with a network on the chip, a recording)."""

    @property
    def title(self) -> str:
        """What to call it in a log."""

    def read(self) -> SourceFrame | None:
        """The next frame; None at the end of the stream. May wait for a frame's time; SourceError if it is lost.

        NothingYet from a live source that looks after its camera itself.
        """

    def close(self) -> None:
        """Let go of the device or file."""


SCHEMES = ("camera", "imx500", "video", "images", "recording", "scene")


def parse(spec: str) -> tuple[str, str]:
    """Scheme and argument of a source; a bare path is a folder of images, a recording or a video by what it is.

    Raises SourceError for an unknown scheme or a path that does not exist.
    """
    if not spec:
        raise SourceError("no source is named: give a file, a folder, camera:0 or scene")
    scheme, colon, argument = spec.partition(":")
    if scheme in SCHEMES and (colon or scheme in ("camera", "imx500", "scene")):
        return scheme, argument
    path = Path(spec)
    if path.is_dir():
        return "images", spec
    if path.is_file():
        return ("recording" if path.suffix == ".mcap" else "video"), spec
    if colon:
        near = difflib.get_close_matches(scheme, SCHEMES, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"the sources are {', '.join(SCHEMES)}"
        raise SourceError(f"there is no source {scheme!r} ({hint}), and no file or folder {spec}")
    raise SourceError(f"{spec}: no such file or folder (other sources: camera:0, imx500, scene)")
