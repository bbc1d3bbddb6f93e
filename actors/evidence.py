"""What the results of one track amount to: results in a row that agree, and the hysteresis around what they settled."""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.visits import UNKNOWN, Card, Moment, Tally


@dataclass(slots=True)
class Run:
    """Results in a row that agree; `key` is a reprint group or `UNKNOWN`."""

    key: str
    start: Moment
    length: int = 0
    tally: Tally = field(default_factory=Tally)


@dataclass(slots=True)
class Evidence:
    """The results of one track, weighed."""

    run: Run | None = None
    settled: str | None = None
    """Key that a run settled the track on; None before, and after too many results without support."""
    unsupported: int = 0
    """Results in a row that do not support what is settled."""
    _doubted_from: int = 0

    def extend(self, key: str, card: Card | None, at: Moment) -> None:
        """One more sure result, for a crop of the frame `at`."""
        if self.run is None or self.run.key != key:
            self.run = Run(key, at)
        self.run.length += 1
        if card is not None and key != UNKNOWN:
            self.run.tally.counts[card] += 1

    def weigh(self, key: str, frame: int) -> None:
        """Count a result, sure or not, for or against what is settled."""
        if self.settled is None or key == self.settled:
            self.unsupported = 0
            return
        if self.unsupported == 0:
            self._doubted_from = frame
        self.unsupported += 1

    def settle(self, key: str | None) -> None:
        """Settle on a key, or on nothing; a run that was settled on before does not count again."""
        if key is None and self.run is not None and self.run.key == self.settled:
            self.run = None
        self.settled, self.unsupported = key, 0

    def doubted_from(self) -> int | None:
        """Frame of the first of the latest results that do not support what is settled; None if the last one does."""
        frames = [self._doubted_from] if self.unsupported else []
        if self.run is not None and self.run.key != self.settled:
            frames.append(self.run.start.frame)
        return min(frames, default=None)

    def contradicted(self, length: int) -> bool:
        """Whether that many results in a row name one other card."""
        return self.run is not None and self.run.key not in (self.settled, UNKNOWN) and self.run.length >= length
