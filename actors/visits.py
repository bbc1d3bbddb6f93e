"""Visits: one physical presence of a card in front of the camera is one event, whatever the detector makes of it.

See `docs/smoothing.md` for the rules with their reasons.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np

from vision.quad import CARD_ASPECT, Quad, area, as_quad, corners, iou, overlap

UNKNOWN = ""
"""The key of what no catalogue entry matches; a card's key is its reprint group."""

HISTORY = 900
"""Sightings that can be taken back when later results show that another card lay there already."""
_TRAIL = 15
"""Sightings that tell whether a card is in motion: half a second at 30 fps."""
_STILL = 0.15
"""Distance in card widths that a card on the table may seem to move: more than a detector's noise."""
_COVERED = 0.25
"""Share of a card under another one from which it may be lost for that: a pile is rarely neat."""


class Card(msgspec.Struct, frozen=True):
    """A card as the catalogue names it."""

    card_id: str
    group: str
    """Reprint group, whose printings no picture can tell apart; the card id itself where there is only one."""
    name: str


class VisitConfirmed(msgspec.Struct, frozen=True, tag="visit_confirmed"):
    """A card is there: reported once per visit, when its results agree."""

    visit_id: int
    card: Card
    track_id: int
    first_frame: int
    first_t_ns: int
    frame: int
    """Frame during which it was confirmed."""
    t_ns: int


class VisitEnded(msgspec.Struct, frozen=True, tag="visit_ended"):
    """A visit is over. `card` is None for what stayed unknown to the last: no `VisitConfirmed` came before."""

    visit_id: int
    card: Card | None
    """The most frequent printing over the whole visit; its group is that of the confirmation."""
    first_frame: int
    first_t_ns: int
    last_frame: int
    """Last frame in which the card was seen."""
    last_t_ns: int
    frames: int
    """Frames in which the card was seen."""


VisitEvent = VisitConfirmed | VisitEnded


class Moment(NamedTuple):
    """A frame and its time."""

    frame: int
    t_ns: int


class OpenVisit(msgspec.Struct, frozen=True, kw_only=True):
    """A visit as a smoother leaves it to its successor; the fields are those of `Visit`."""

    visit_id: int
    key: str
    card: Card | None
    first: Moment
    last: Moment
    quad: list[tuple[float, float]]
    owner: int | None
    frames: int
    awaited_ns: int
    replaced_on: int | None
    cover: int | None
    """Number of the visit on it."""


@dataclass(slots=True)
class Tally:
    """How often each printing was the answer."""

    counts: Counter[Card] = field(default_factory=Counter)

    def best(self, current: Card | None = None) -> Card | None:
        """The most frequent printing; `current` stays while no other leads, so that a tie never flips the label."""
        if not self.counts:
            return current
        top, count = self.counts.most_common(1)[0]
        return current if current is not None and self.counts[current] >= count else top


@dataclass(slots=True)
class Visit:
    """An open visit: who is there, since when, and which track shows it."""

    visit_id: int
    key: str
    first: Moment
    last: Moment
    quad: Quad
    owner: int | None
    """Track that shows it; None after the track died or went over to another card."""
    tally: Tally = field(default_factory=Tally)
    card: Card | None = None
    frames: int = 0
    awaited_ns: int = 0
    """When something that may have been the card was last seen at its place."""
    contradicted: bool = False
    """Whether the owner's latest results name another card."""
    replaced_on: int | None = None
    """Track on which another card took this one's place: a return to it is a new visit."""
    cover: Visit | None = None
    """The card that was laid on this one: it has not left before that one goes and shows its place empty."""
    _history: deque[Moment] = field(default_factory=lambda: deque(maxlen=HISTORY))
    _trail: deque[Quad] = field(default_factory=lambda: deque(maxlen=_TRAIL))

    def seen(self, now: Moment, quad: Quad) -> None:
        """The card was detected in this frame."""
        self._history.append(now)
        self._trail.append(quad)
        self.last, self.quad = now, quad
        self.frames += 1

    def moving(self) -> bool:
        """Whether the card moved in the last half second in which it was seen."""
        return any(distance(self.quad, earlier) > _STILL for earlier in self._trail)

    def result(self, key: str, card: Card | None) -> None:
        """A sure result of the track that shows it."""
        self.contradicted = UNKNOWN not in (self.key, key) and self.key != key
        if card is not None and key == self.key:
            self.tally.counts[card] += 1
            self.card = self.tally.best(self.card)

    def rewind(self, frame: int) -> list[Moment]:
        """Take back the sightings from `frame` on, oldest first: something else was seen by then."""
        taken: list[Moment] = []
        while self._history and self._history[-1].frame >= frame:
            taken.append(self._history.pop())
        self.frames -= len(taken)
        self.last = self._history[-1] if self._history else self.first
        return taken[::-1]

    @property
    def present_ns(self) -> int:
        """When the card was there, as far as anybody knows."""
        return max(self.last.t_ns, self.awaited_ns)

    def ended(self) -> VisitEnded:
        """The event that closes the visit."""
        return VisitEnded(
            self.visit_id,
            self.card,
            self.first.frame,
            self.first.t_ns,
            self.last.frame,
            self.last.t_ns,
            self.frames,
        )


@dataclass(slots=True)
class Visits:
    """All open visits, and the events that have not been handed out yet."""

    grace_ns: int
    reach: float
    reach_moving: float
    patience_ns: int
    events: list[VisitEvent] = field(default_factory=list)
    _open: list[Visit] = field(default_factory=list)
    _next_id: int = 1

    def open(self, key: str, first: Moment, quad: Quad, track_id: int) -> Visit:
        """A new visit, shown by `track_id`."""
        visit = Visit(self._next_id, key, first, first, quad, track_id)
        self._next_id += 1
        self._open.append(visit)
        return visit

    def confirm(self, visit: Visit, card: Card, track_id: int, now: Moment) -> None:
        """Report that `visit` is one of `card`."""
        visit.key, visit.card = card.group, card
        self.events.append(
            VisitConfirmed(visit.visit_id, card, track_id, visit.first.frame, visit.first.t_ns, now.frame, now.t_ns)
        )

    def claim(self, key: str, since: Moment, quad: Quad, track_id: int) -> Visit | None:
        """The open visit that a track showing `key` since `since` continues: the nearest one that nobody shows."""
        free = [
            visit
            for visit in self._open
            if visit.key == key
            and visit.replaced_on != track_id
            # While the card on it lies still, what is seen here lies on both.
            and (visit.cover is None or visit.cover.moving())
            # Both seen at the same time are two copies, unless the other track shows something else by now.
            and (visit.contradicted or visit.last.t_ns < since.t_ns)
            and self._within_reach(visit, since, quad)
        ]
        return min(free, key=lambda visit: distance(visit.quad, quad), default=None)

    def doubled(self, key: str, quad: Quad, track_id: int) -> bool:
        """Whether another track shows the same card at the same place: a second outline of one card."""
        return any(
            visit.key == key and visit.owner not in (None, track_id) and iou(visit.quad, quad) >= 0.5
            for visit in self._open
        )

    def release(self, track_id: int, seen_ns: int) -> None:
        """The track, last seen at `seen_ns`, is gone: its visit waits for another one."""
        for visit in self._open:
            if visit.owner == track_id:
                visit.owner, visit.contradicted = None, False
                # Under a hand or a reflection the card was not recognised to the end, but it was there.
                visit.awaited_ns = seen_ns
                visit.cover = self._laid_on(visit)

    def expect(self, since: Moment, quad: Quad, now: Moment) -> None:
        """A track that has not been decided yet is seen: what it may continue is not over."""
        if now.t_ns - since.t_ns < self.patience_ns:
            for visit in self._open:
                if visit.owner is None and self._within_reach(visit, since, quad):
                    visit.awaited_ns = now.t_ns

    def expire(self, now: Moment | None = None) -> None:
        """End what nobody has shown for longer than the grace; without a time, end all."""
        for visit in list(self._open):
            if visit.cover is not None and now is not None:
                if any(one is visit.cover for one in self._open) and _covers(visit.cover, visit):
                    visit.awaited_ns = now.t_ns
                else:
                    visit.cover = None
            absent = visit.owner is None and now is not None and now.t_ns - visit.present_ns > self.grace_ns
            if absent or now is None:
                self._open.remove(visit)
                self.events.append(visit.ended())

    def held(self) -> tuple[tuple[int, str, int | None, int | None], ...]:
        """Which visits are open, of what, and on which tracks: as long as it stays, `left` has nothing new."""
        covers = (one.cover.visit_id if one.cover is not None else None for one in self._open)
        return tuple((one.visit_id, one.key, one.owner, cover) for one, cover in zip(self._open, covers, strict=True))

    def left(self) -> tuple[int, list[OpenVisit]]:
        """For a successor: the number of the next visit, and those that are open."""
        return self._next_id, [_left(visit) for visit in self._open]

    def resume(self, next_id: int, left: Sequence[OpenVisit]) -> list[Visit]:
        """Take over what a predecessor left; returns the visits."""
        made = {one.visit_id: _resumed(one) for one in left}
        for one in left:
            made[one.visit_id].cover = made.get(one.cover) if one.cover is not None else None
        self._next_id, self._open = next_id, list(made.values())
        return self._open

    def lingering(self) -> bool:
        """Whether a visit without a track is still within its grace."""
        return any(visit.owner is None for visit in self._open)

    def _laid_on(self, visit: Visit) -> Visit | None:
        """The card that came over one that lay still; an exchange by hand would have taken longer than the grace."""
        latest_ns = visit.last.t_ns + self.grace_ns
        over = (one for one in self._open if one.owner is not None and one.first.t_ns <= latest_ns)
        return None if visit.moving() else next((one for one in over if _covers(one, visit)), None)

    def _within_reach(self, visit: Visit, since: Moment, quad: Quad) -> bool:
        reach = self.reach_moving if visit.moving() else self.reach
        return since.t_ns - visit.present_ns <= self.grace_ns and distance(visit.quad, quad) <= reach


def _left(visit: Visit) -> OpenVisit:
    return OpenVisit(
        visit_id=visit.visit_id,
        key=visit.key,
        card=visit.card,
        first=visit.first,
        last=visit.last,
        quad=corners(visit.quad),
        owner=visit.owner,
        frames=visit.frames,
        awaited_ns=visit.awaited_ns,
        replaced_on=visit.replaced_on,
        cover=visit.cover.visit_id if visit.cover is not None else None,
    )


def _resumed(left: OpenVisit) -> Visit:
    visit = Visit(left.visit_id, left.key, left.first, left.last, as_quad(left.quad), left.owner)
    visit.card, visit.frames, visit.awaited_ns = left.card, left.frames, left.awaited_ns
    visit.replaced_on = left.replaced_on
    if left.card is not None:
        visit.tally.counts[left.card] = 1
    return visit


def _covers(upper: Visit, lower: Visit) -> bool:
    return overlap(upper.quad, lower.quad)[0] >= _COVERED * area(lower.quad)


def distance(first: Quad, second: Quad) -> float:
    """Between the centres, in widths of the first card."""
    width = max(1.0, (area(first) * CARD_ASPECT) ** 0.5)
    return float(np.linalg.norm(first.mean(axis=0) - second.mean(axis=0)) / width)
