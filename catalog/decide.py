"""From a distance and a gap to a verdict: is this the card, maybe, or a card that the catalogue does not hold?

Two witnesses: the distance says how much the crop looks like the card, the gap how much less it looks like the next
group of printings. Nearer than any stranger, a small lead is enough; farther away the gap has to make up for it
(docs/catalog.md and docs/accuracy.md have the measured rates).
"""

from __future__ import annotations

from typing import Literal

import msgspec

Verdict = Literal["confirmed", "uncertain", "unknown"]


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of one model. Distances are cosine distances (0 to 2), gaps are margins of the fused score."""

    excellent: float = 0.15
    """Distance below which hardly any stranger is."""
    fair: float = 0.40
    """Distance below which a match may be confirmed."""
    poor: float = 0.50
    """Distance from which nothing is a match, whatever the gap."""
    gap_close: float = 0.20
    """Gap from which an excellent match is confirmed; a smaller one means two cards that look alike."""
    gap_confirmed: float = 0.20
    """Gap from which any other match may be confirmed."""
    gap_unknown: float = 0.10
    """Gap below which a match that is not excellent is a stranger."""

    def __post_init__(self) -> None:
        if not 0 <= self.excellent <= self.fair <= self.poor <= 2:
            raise ValueError(
                "thresholds: 0 <= excellent <= fair <= poor <= 2 must hold, not "
                f"{self.excellent}, {self.fair}, {self.poor}"
            )
        if not (0 <= self.gap_unknown <= self.gap_confirmed and self.gap_close >= 0):
            raise ValueError(
                "thresholds: 0 <= gap_unknown <= gap_confirmed and 0 <= gap_close must hold, not "
                f"{self.gap_unknown}, {self.gap_confirmed} and {self.gap_close}"
            )


def decide(distance: float, gap: float, thresholds: Thresholds) -> Verdict:
    """The verdict on a best match at this cosine distance, ahead of the next group of printings by this gap.

    A small gap means a stranger, unless the match is excellent: then two cards of the catalogue look alike.
    """
    if distance >= thresholds.poor:
        return "unknown"
    enough = thresholds.gap_close if distance < thresholds.excellent else thresholds.gap_confirmed
    if distance < thresholds.fair and gap >= enough:
        return "confirmed"
    if distance >= thresholds.excellent and gap < thresholds.gap_unknown:
        return "unknown"
    return "uncertain"
