"""From a distance and a gap to a verdict: is this the card, maybe, or a card that the catalogue does not hold?

The distance alone rejects badly, because every card looks a little like some other: the gap to the next group of
printings is the better witness (docs/catalog.md has the measured rates).
"""

from __future__ import annotations

from typing import Literal

import msgspec

Verdict = Literal["confirmed", "uncertain", "unknown"]


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of one model. Distances are cosine distances (0 to 2), gaps are margins of the fused score."""

    excellent: float = 0.15
    """Distance below which a small gap does not mean a stranger."""
    fair: float = 0.40
    """Distance below which a match may be confirmed."""
    poor: float = 0.50
    """Distance from which nothing is a match, whatever the gap."""
    gap_confirmed: float = 0.20
    """Gap from which a match may be confirmed."""
    gap_unknown: float = 0.10
    """Gap below which a match that is not excellent is a stranger."""

    def __post_init__(self) -> None:
        if not 0 <= self.excellent <= self.fair <= self.poor <= 2:
            raise ValueError(
                "thresholds: 0 <= excellent <= fair <= poor <= 2 must hold, not "
                f"{self.excellent}, {self.fair}, {self.poor}"
            )
        if not 0 <= self.gap_unknown <= self.gap_confirmed:
            raise ValueError(
                f"thresholds: 0 <= gap_unknown <= gap_confirmed must hold, not {self.gap_unknown}, {self.gap_confirmed}"
            )


def decide(distance: float, gap: float, thresholds: Thresholds) -> Verdict:
    """The verdict on a best match at this cosine distance, ahead of the next group of printings by this gap.

    A small gap means a stranger, unless the match is excellent: then two cards of the catalogue look alike.
    """
    if distance >= thresholds.poor:
        return "unknown"
    if distance < thresholds.fair and gap >= thresholds.gap_confirmed:
        return "confirmed"
    if distance >= thresholds.excellent and gap < thresholds.gap_unknown:
        return "unknown"
    return "uncertain"
