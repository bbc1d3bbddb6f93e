"""A stream's results against the truth of a rendered scene: names, misses, times to confirm, flicker and counting.

A presence is one stay of a card, as the scene tells it: from the first to the last frame in which `VISIT_SHARE` or more
of it is to be seen. Tracks and presences are paired frame by frame by where they lie.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from bus.messages import Corners, Results, TrackResult, Visit
from synth.scene import VISIT_SHARE
from synth.truth import TruthCard
from vision.assignment import assign
from vision.quad import Quad, as_quad, iou

Truth = Sequence[Sequence[tuple[int, TruthCard]]]
"""For each frame the cards in it, with the number of their showing."""

CLEAR_SHARE = 0.8
"""From the first frame that shows so much of a card, it is to be confirmed."""
SAME_PLACE = 0.3
"""IoU above which a track lies where a card does: cards that lie side by side share less."""
HIDDEN_S = 0.5
"""A card that was covered for longer has to be found and read again: neither its new track nor its name is a fault."""
STRANGER = "unknown:"
"""Ids of cards that are in no catalogue begin with it."""


class Score(Struct, frozen=True, kw_only=True):
    """What was right and what was not, in numbers of presences and visits.

    `right`: presences confirmed by their name; `wrong`: visits confirmed by another one, or where no card lies;
    `again`: further visits of a presence that is counted already; `missed`: presences of cards in the catalogue that
    were never confirmed right; `counted`: all confirmed visits, to be compared with `presences`; `strangers`: presences
    of cards that are in no catalogue; `confirm_frames`: from the first frame that shows 80 % of a card to its
    confirmation.
    """

    presences: int
    strangers: int
    counted: int
    right: int
    wrong: int
    again: int
    missed: int
    id_switches: int
    flicker: int
    confirm_frames: list[int]
    fps: float
    mistakes: list[str]


@dataclass(slots=True)
class Presence:
    """One stay of a card: its frames, where it lies in each (and how much of it is seen), and what was made of it."""

    card_id: str
    places: dict[int, tuple[Quad, float]] = field(default_factory=dict)
    confirmed: int | None = None
    """Frame of its first right confirmation."""
    named: int | None = None
    """Frame of its first confirmation, right or wrong."""
    tracks: list[tuple[int, TrackResult | None]] = field(default_factory=list)
    """By frame what was said about it, where it was to be seen well enough."""

    @property
    def first(self) -> int:
        """First frame in view."""
        return next(frame for frame, (_, visible) in self.places.items() if visible >= VISIT_SHARE)

    @property
    def last(self) -> int:
        """Last frame in view."""
        return next(frame for frame, (_, visible) in reversed(self.places.items()) if visible >= VISIT_SHARE)

    @property
    def clear(self) -> int | None:
        """First frame in which it is to be seen clearly; None if there is none."""
        return next((frame for frame, (_, visible) in self.places.items() if visible >= CLEAR_SHARE), None)

    @property
    def stranger(self) -> bool:
        """Whether it is in no catalogue."""
        return self.card_id.startswith(STRANGER)

    def near(self, frame: int) -> Quad:
        """Where it lies in this frame, or in the nearest that it is in."""
        return self.places[min(self.places, key=lambda one: abs(one - frame))][0]


def score(truth: Truth, results: Sequence[Results], fps: float) -> Score:
    """Compare the results of one stream, whose frame numbers are indices of `truth`, at `fps` frames per second."""
    presences = _presences(truth)
    answers = [one for one in results if not one.closing]
    counts = {"right": 0, "wrong": 0, "again": 0}
    mistakes: list[str] = []
    for answer in answers:
        quads = {track.track_id: track.quad for track in answer.tracks}
        for visit in (visit for visit in answer.visits if visit.event == "confirmed"):
            verdict, mistake = _judge(presences.values(), visit, answer.frame, quads.get(visit.track_id))
            counts[verdict] += 1
            mistakes += [mistake] if mistake else []
        _follow(presences, truth[answer.frame], answer)
    known = [one for one in presences.values() if not one.stranger]
    missed = [one for one in known if one.confirmed is None]
    mistakes += [f"{one.card_id} was never confirmed (frames {one.first} to {one.last})" for one in missed]
    flickers = [(one.card_id, _flicker(one, HIDDEN_S * fps)) for one in presences.values()]
    mistakes += [f"the name of {card_id} flickered {count}x" for card_id, count in flickers if count]
    return Score(
        presences=len(known),
        strangers=len(presences) - len(known),
        counted=sum(counts.values()),
        **counts,
        missed=len(missed),
        id_switches=sum(_switches(one, HIDDEN_S * fps) for one in presences.values()),
        flicker=sum(count for _, count in flickers),
        confirm_frames=[
            max(0, one.confirmed - one.clear) for one in known if one.confirmed is not None and one.clear is not None
        ],
        fps=fps,
        mistakes=mistakes,
    )


def _presences(truth: Truth) -> dict[int, Presence]:
    """By number of showing; one that is never in view is none."""
    found: dict[int, Presence] = {}
    for frame, cards in enumerate(truth):
        for number, card in cards:
            presence = found.setdefault(number, Presence(card.card_id))
            presence.places[frame] = card.quad, card.visible
    seen = {
        number: one for number, one in found.items() if any(share >= VISIT_SHARE for _, share in one.places.values())
    }
    return dict(sorted(seen.items(), key=lambda item: item[1].first))


def _judge(presences: Iterable[Presence], visit: Visit, frame: int, quad: Corners | None) -> tuple[str, str | None]:
    """Whether a confirmed visit is `right`, `again` or `wrong`, and what to say about it.

    It may be confirmed when the card has just left or been covered: it is compared with every presence that it overlaps
    in time and that lay where the track lies.
    """
    names = {visit.card_id, *visit.group}
    there = [
        one
        for one in presences
        if quad is not None
        and one.first <= frame
        and one.last >= visit.first_frame
        and iou(as_quad(quad), one.near(frame)) > SAME_PLACE
    ]
    same = [one for one in there if one.card_id in names]
    for one in same or there:
        one.named = frame if one.named is None else one.named
    new = next((one for one in same if one.confirmed is None), None)
    if new is not None:
        new.confirmed = frame
        return "right", None
    if same:
        return "again", f"frame {frame}: {visit.card_id} was counted once more"
    lies = there[-1].card_id if there else "no card"
    return "wrong", f"frame {frame}: confirmed {visit.card_id} where {lies} lies"


def _follow(presences: Mapping[int, Presence], cards: Sequence[tuple[int, TruthCard]], answer: Results) -> None:
    """Note for each card in view which track lies on it.

    A pair of the frame before is kept while it still lies there (CLEAR MOT, Bernardin and Stiefelhagen 2008): the track
    of a card that was just covered may lie better for a moment.
    """
    shown = [(presences[number], card.quad) for number, card in cards if card.visible >= VISIT_SHARE]
    quads = [as_quad(track.quad) for track in answer.tracks]
    cost = [[1 - iou(place, quad) for quad in quads] for _, place in shown]
    kept = _kept([presence for presence, _ in shown], [track.track_id for track in answer.tracks], cost)
    for row, column in kept.items():
        cost[row] = [cost[row][column] if other == column else math.inf for other in range(len(quads))]
        for other in range(len(cost)):
            cost[other][column] = cost[row][column] if other == row else math.inf
    pairs = dict(assign(cost, 1 - SAME_PLACE))
    for row, (presence, _) in enumerate(shown):
        presence.tracks.append((answer.frame, answer.tracks[pairs[row]] if row in pairs else None))


def _kept(presences: Sequence[Presence], ids: Sequence[int], cost: Sequence[Sequence[float]]) -> dict[int, int]:
    """Rows and columns of the pairs of the frame before that are still there."""
    kept: dict[int, int] = {}
    for row, presence in enumerate(presences):
        track = presence.tracks[-1][1] if presence.tracks else None
        if track is not None and track.track_id in ids:
            column = ids.index(track.track_id)
            if cost[row][column] < 1 - SAME_PLACE and column not in kept.values():
                kept[row] = column
    return kept


def _switches(presence: Presence, hidden_frames: float) -> int:
    """How often another track took over, until it was hidden."""
    count, before, last = 0, None, -1
    for frame, track in presence.tracks:
        if frame - last > hidden_frames:
            before = None
        last = frame
        if track is not None:
            count += before not in (None, track.track_id)
            before = track.track_id
    return count


def _flicker(presence: Presence, hidden_frames: float) -> int:
    """How often the name changed, or went and came back, after the first confirmation and until it was hidden."""
    if presence.named is None:
        return 0
    count, name, gone, last = 0, None, False, presence.named
    for frame, track in presence.tracks:
        if frame < presence.named:
            continue
        if frame - last > hidden_frames:
            name = None
        last = frame
        now = track.card_id if track else None
        count += now is not None and name is not None and (gone or now != name)
        name, gone = now or name, now is None
    return count
