"""What a smoother leaves to its successor, should it be killed: the visits that are open, in a file beside the sockets.

Without it, every card that still lies on the table would be confirmed, and counted by every sink, once more.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from actors.visits import OpenVisit
from bus.log import get_logger
from bus.messages import Candidate

log = get_logger("smoother")


class Estate(msgspec.Struct, frozen=True, kw_only=True):
    """The visits of a stream that are open, and what their numbers and their tracks' numbers mean.

    `life` numbered the visits; `offset` was added to the tracks of the selector with the session `selector`, from whose
    frame `since` on answers count; `cards` and `groups` are what is said of the visits' cards.
    """

    stream: str
    life: str
    selector: str
    offset: int
    highest: int
    since: int
    frame: int
    t_ns: int
    next_id: int
    visits: list[OpenVisit]
    cards: dict[str, Candidate]
    groups: dict[str, list[str]]


class Will:
    """The file in which it stands. It may be lost: then cards count twice, as a warning says, and nothing else happens.

    A process that is killed has written what it wrote; nothing here outlives the machine, as no stream does.
    """

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / "visits.json"
        self._warned = False

    def write(self, estate: Estate) -> None:
        """Replace what stands there."""
        partial = self._path.with_suffix(".partial")
        try:
            partial.write_bytes(msgspec.json.encode(estate))
            partial.replace(self._path)
        except OSError as error:
            if not self._warned:
                log.warning("open visits cannot be written down", file=str(self._path), reason=error.strerror)
            self._warned = True

    def read(self) -> Estate | None:
        """What was left; None if nothing is there, or nothing that can be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Estate)
        except (OSError, msgspec.MsgspecError):
            return None

    def burn(self) -> None:
        """Nothing is left."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
