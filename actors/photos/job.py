"""What is asked of every picture, and the answer: the same wherever it is computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from actors.backends import HEF, model_path, open_backend
from actors.backends.detector import open_detector
from actors.photos.annotate import annotated
from actors.sections import EmbedderConfig
from actors.still import Identified, Identifier
from catalog.decide import Thresholds
from catalog.match import Matcher
from catalog.model_card import read_card
from catalog.picture import PictureError, decode_picture, read_bytes
from catalog.store import Catalogue, check_model
from vision.quad import corners

_TIMEOUT_MS = 60_000.0
"""Nobody waits for a photo as for a frame."""


class Job(Struct, frozen=True, kw_only=True):
    """How pictures are to be looked at. `model`: empty for the one that ships; `cropped`: a picture is one card."""

    catalog: str
    model: str = ""
    cropped: bool = False
    top: int = 5
    annotate: bool = False


class Answer(Struct, frozen=True):
    """What became of a picture: the object of docs/events.md, and a JPEG with what was found drawn in, if asked for."""

    found: dict[str, Any]
    drawn: bytes | None = None


class Workers(Protocol):
    """Whoever does the work: this process, processes on all cores, or a cluster."""

    def answers(self, files: Iterable[Path]) -> Iterator[Answer]:
        """An answer to each file, in their order; a file that cannot be read, or kills its worker, is answered too."""

    def close(self) -> None:
        """Let go of what was started."""


class Looker:
    """Everything that a job needs, opened once. ValueError for a catalogue or model that is none, or do not fit."""

    def __init__(self, job: Job) -> None:
        self._job = job
        config = EmbedderConfig(model=job.model, timeout_ms=_TIMEOUT_MS)
        catalogue = Catalogue.load(Path(job.catalog))
        path = model_path(config)
        self.alone = path.suffix == HEF
        """Whether it holds a device that there is one of: nobody else can look meanwhile."""
        self._embedder = embedder = open_backend(config)
        check_model(catalogue, embedder.model_hash)
        card = read_card(path)
        thresholds = card.thresholds if card else Thresholds()
        self._identifier = Identifier(open_detector(), embedder, Matcher(catalogue), thresholds, job.top)
        self.asked: dict[str, Any] = {
            "catalog": catalogue.manifest.created,
            "model": embedder.model_hash,
            "cropped": job.cropped,
            "top": job.top,
        }
        """What an answer depends on, besides the picture."""

    def close(self) -> None:
        """Let go of the engine."""
        self._embedder.close()

    def read(self, file: Path) -> Answer:
        """The answer to a file."""
        try:
            return self.look(str(file), read_bytes(file))
        except PictureError as error:
            return Answer({"file": str(file), "error": str(error)})

    def look(self, name: str, data: bytes) -> Answer:
        """The answer to a file of this name and content."""
        try:
            picture = decode_picture(data, name)
            found = self._identifier.identify(picture, self._job.cropped)
        except PictureError as error:
            return Answer({"file": name, "error": str(error)})
        except ValueError as error:
            return Answer({"file": name, "error": f"{name}: {error}"})
        cards = [_card(one) for one in found]
        return Answer({"file": name, "cards": cards}, annotated(picture, cards) if self._job.annotate else None)


class Here:
    """One picture after the other, in this process."""

    def __init__(self, looker: Looker) -> None:
        self._looker = looker

    def answers(self, files: Iterable[Path]) -> Iterator[Answer]:
        """See `Workers`."""
        return map(self._looker.read, files)

    def close(self) -> None:
        """Let go of the engine."""
        self._looker.close()


def _card(found: Identified) -> dict[str, Any]:
    match = found.match
    best = match.candidates[0] if match.candidates and found.status != "unknown" else None
    return {
        "quad": corners(found.quad),
        "status": found.status,
        "card_id": best.card_id if best else None,
        "name": best.name if best else None,
        "distance": round(match.distance, 4),
        "gap": round(match.gap, 4),
        "matches": [
            {
                "card_id": one.card_id,
                "name": one.name,
                "set_name": one.set_name,
                "number": one.number,
                "distance": round(one.distance, 4),
            }
            for one in match.candidates
        ],
    }
