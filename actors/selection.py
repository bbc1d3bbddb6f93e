"""Which tracks of a frame need an embedding now: the selector's rules, without its sockets.

A card that lies still is embedded a few times until its results agree, and then again only when its result expires:
by age, because the card moved, or because something else lies there now. See `docs/smoothing.md`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from vision.appearance import Signature, changed, signature
from vision.quad import Quad, area, iou, size
from vision.rectify import Image, rectify
from vision.sharpness import SHARP, sharpness
from vision.track import Track

BOTH_TURNS = (0, 2)
"""The two readings of a card whose orientation is open, in quarters (see `vision.quad.turn`)."""


@dataclass(frozen=True, slots=True)
class SelectionSettings:
    """When a result still holds, and which crops are worth an embedding. Ages and limits are in frames."""

    cache_iou: float = 0.7
    """A result holds while the card overlaps this much with the place where it was seen."""
    cache_age: int = 30
    """Frames for which a settled result holds."""
    settle: int = 3
    """Results in a row that must agree before the cache is trusted: what the smoother needs to confirm."""
    look_every: int = 2
    """Frames from one look at a settled card to the next: a look is most of what a cached card costs."""
    settle_limit: int = 8
    """Results after which a track that does not settle is asked again only every `unsettled_age` frames."""
    unsettled_age: int = 10
    """Frames for which the last result holds on a track that does not settle."""
    sharp: float = SHARP
    """Sharpness from which a crop is sent at once."""
    wait: int = 5
    """Frames to wait for a sharp crop before the best so far is sent, and how many crops are kept."""
    sharp_enough: float = 0.7
    """Share of the sharpness of the crop last sent for this card that is sent at once: it may never get sharper.
    Below 1 because noise moves it, and because the last one was the best of a few."""
    min_visible: float = 0.6
    """Share of the card that must lie inside the frame."""
    min_width: float = 32.0
    """Width of the card in pixels below which an error of 1 px at a corner is more than the matcher bears (3 %)."""
    readings: int = 3
    """Readings that a frame may ask for: more would hold its answer, and the next frames', up; they wait their turn."""
    answer_timeout: int = 30
    """Frames after which an unanswered crop counts as lost."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A crop to be embedded."""

    track_id: int
    frame: int
    """Frame that the crop was cut from; with `track_id` it names the request."""
    t_ns: int
    """Time of that frame."""
    quad: Quad
    crop: Image
    """Canonical crop, uint8 RGB [358, 256, 3], as the quad reads."""
    turns: tuple[int, ...]
    """Readings to be embedded, in quarters: 0 as the crop is, 2 upside down."""
    sharpness: float
    reason: str
    """Why: new, settling, moved, changed or aged."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    crop: Crop
    look: Signature


@dataclass(slots=True)
class _Memory:
    """What is known of one track."""

    asked: _Candidate | None = None
    asked_at: int = 0
    known: _Candidate | None = None
    """What the last result was got from."""
    answer: str | None = None
    agreed: int = 0
    answers: int = 0
    """Since the look of the card last changed."""
    turn: int | None = None
    sharpest: float | None = None
    """Sharpness of the crop last sent of this look."""
    waiting: deque[_Candidate] = field(default_factory=deque)


class Selection:
    """Decides per frame which crops to send, from the tracks, the pixels and the answers so far."""

    def __init__(self, settings: SelectionSettings | None = None) -> None:
        self._settings = settings or SelectionSettings()
        self._memories: dict[int, _Memory] = {}
        self._usual_turn = 0
        """That of the card which was named last: most people lay their cards down all one way."""
        self.counters: Counter[str] = Counter()
        """Per track and frame, what was decided: unseen, clipped, small, in_flight, cached, postponed, waiting or
        triggered; and answers that came too late to be used, late."""

    def step(self, pixels: Image, tracks: Sequence[Track], frame: int, readings: int | None = None) -> list[Crop]:
        """The crops to send for frame number `frame`, whose pixels are uint8 RGB [h, w, 3].

        No more `readings` than that; None: as many as the settings say. What is too much for one frame is sent with the
        next. But the first card may be read both ways in any case. Tracks that are not among `tracks` any more are
        forgotten.
        """
        self._memories = {track.track_id: self._memories.get(track.track_id) or _Memory() for track in tracks}
        crops: list[Crop] = []
        left = self._settings.readings if readings is None else readings
        for track in sorted(tracks, key=lambda one: self._rank(self._memories[one.track_id])):
            outcome = self._consider(pixels, track, frame, left if crops else max(left, len(BOTH_TURNS)))
            if isinstance(outcome, Crop):
                crops.append(outcome)
                left -= len(outcome.turns)
                outcome = "triggered"
            self.counters[outcome] += 1
        return crops

    def answer(self, track_id: int, frame: int, card: str | None, turn: int = 0, *, sure: bool = True) -> None:
        """The result for the crop of `track_id` cut from `frame`.

        `card` is what makes two results agree: the reprint group or the card id; None when it is no card of the
        catalogue. `turn` is the reading (0 or 2) that matched. An uncertain result (not `sure`) counts as neither.
        """
        memory = self._memories.get(track_id)
        if memory is None or memory.asked is None or memory.asked.crop.frame != frame:
            self.counters["late"] += 1
            return
        memory.known, memory.asked = memory.asked, None
        memory.answers += 1
        if not sure:
            return
        memory.agreed = memory.agreed + 1 if memory.agreed and memory.answer == card else 1
        memory.answer = card
        memory.turn = None if card is None else turn
        if card is not None:
            self._usual_turn = turn

    def failed(self, track_id: int, frame: int) -> None:
        """The crop of `track_id` cut from `frame` could not be embedded or matched: it may be asked again."""
        memory = self._memories.get(track_id)
        if memory is not None and memory.asked is not None and memory.asked.crop.frame == frame:
            memory.asked = None

    def discard(self, frame: int) -> None:
        """The pixels of `frame` were not to be trusted after all: what was cut or asked for in it is forgotten."""
        for memory in self._memories.values():
            memory.waiting = deque(kept for kept in memory.waiting if kept.crop.frame != frame)
            if memory.asked_at == frame:
                memory.asked = None

    def _consider(self, pixels: Image, track: Track, frame: int, left: int) -> Crop | str:
        """The crop to send now, of at most `left` readings, or why there is none."""
        memory = self._memories[track.track_id]
        if track.predicted:
            return "unseen"
        if memory.asked is not None and frame - memory.asked_at >= self._settings.answer_timeout:
            memory.asked = None
        obstacle = self._obstacle(pixels, track)
        if obstacle:
            return obstacle
        if memory.asked is not None:
            return "in_flight"
        settled = memory.agreed >= self._settings.settle
        if settled and self._rests(memory, track.track_id, frame):
            return "cached"
        if left <= 0 and not settled:
            return "postponed"  # without a look
        look = signature(pixels, track.quad)
        reason = self._reason(memory, track.quad, look, frame)
        if reason is None:
            memory.waiting.clear()
            return "cached"
        turns = self._turns(memory)
        if len(turns) > left:
            return "postponed"
        cut = rectify(pixels, track.quad)
        crop = Crop(track.track_id, frame, track.t_ns, track.quad, cut, turns, sharpness(cut), reason)
        return self._offer(memory, _Candidate(crop, look), frame) or "waiting"

    def _rank(self, memory: _Memory) -> tuple[bool, int]:
        """Which card comes first, the least: those that are about to be named, then those known least.

        Five new cards that take turns are all named in the end; one after the other, the first is named at once.
        """
        named = memory.answer is not None and 0 < memory.answers == memory.agreed < self._settings.settle
        return not named, -memory.answers if named else memory.answers

    def _turns(self, memory: _Memory) -> tuple[int, ...]:
        """The readings to ask for: the one that is known, at first the usual one alone, and both if that was not it."""
        if memory.turn is not None:
            return (memory.turn,)
        return BOTH_TURNS if memory.answers else (self._usual_turn,)

    def _rests(self, memory: _Memory, track_id: int, frame: int) -> bool:
        """Whether this frame may pass without a look at a settled card; the cards take turns."""
        return not memory.waiting and (frame + track_id) % self._settings.look_every != 0

    def _obstacle(self, pixels: Image, track: Track) -> str | None:
        if visible_share(track.quad, pixels.shape[1], pixels.shape[0]) < self._settings.min_visible:
            return "clipped"
        if min(size(track.quad)) < self._settings.min_width:
            return "small"
        return None

    def _reason(self, memory: _Memory, quad: Quad, look: Signature, frame: int) -> str | None:
        """Why the track needs an embedding, or None while its result holds."""
        settings = self._settings
        if memory.known is None:
            return "new"
        if changed(memory.known.look, look):
            memory.agreed = memory.answers = 0
            memory.turn = None
            memory.sharpest = None
            return "changed"
        if iou(memory.known.crop.quad, quad) < settings.cache_iou:
            return "moved"
        settled = memory.agreed >= settings.settle
        if not settled and memory.answers < settings.settle_limit:
            return "settling"
        age = frame - memory.known.crop.frame
        return "aged" if age > (settings.cache_age if settled else settings.unsettled_age) else None

    def _offer(self, memory: _Memory, candidate: _Candidate, frame: int) -> Crop | None:
        """The crop to send now, if any: this one if it is sharp, the best of the last few after the wait."""
        settings = self._settings
        # A card that was replaced during the wait must not be asked for by its old crop.
        kept = [other for other in memory.waiting if not changed(other.look, candidate.look)]
        kept = [*kept, candidate][-max(1, settings.wait) :]
        enough = settings.sharp
        if memory.sharpest is not None:
            enough = min(enough, settings.sharp_enough * memory.sharpest)
        if candidate.crop.sharpness < enough:
            if frame - kept[0].crop.frame < settings.wait - 1:
                memory.waiting = deque(kept)
                return None
            candidate = max(kept, key=lambda other: other.crop.sharpness)
        memory.waiting.clear()
        memory.asked, memory.asked_at = candidate, frame
        memory.sharpest = candidate.crop.sharpness
        return candidate.crop


def visible_share(quad: Quad, width: int, height: int) -> float:
    """Share of the quad's area that lies inside a frame of width x height pixels."""
    if quad.min() >= 0 and quad[:, 0].max() <= width - 1 and quad[:, 1].max() <= height - 1:
        return 1.0
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - np.float32(0.5)
    inside, _ = cv2.intersectConvexConvex(quad, frame)
    whole = area(quad)
    return float(inside) / whole if whole > 0 else 0.0
