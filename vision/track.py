"""Which quad of this frame is which card of the last one: stable ids from geometry alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vision.assignment import assign
from vision.detection import Detection
from vision.quad import CARD_ASPECT, Quad, area, centre, iou, turn

_JUMP_IOU = 0.1
"""Below this overlap with the prediction a pair is a jump, allowed where nothing else competes for either side."""
_HIDDEN = 0.05
"""What each frame in which a card was missed adds to the cost of its pairs, up to ten: where one detection fits two
tracks, it is the card that was just seen and not the one that this card is being laid on."""
_UNMATCHED = 2.5
"""Above every cost that the gates let through: a pair is always better than a lost and a new track."""
_QUARTER_PATIENCE = 5
"""Detections in a row whose short side contradicts the track before the track gives in: a card that was first seen
steeply tilted shows a long side as the short one, and geometry cannot tell."""

_CORNERS = np.arange(4)
_SHIFTED = (_CORNERS + _CORNERS[:, None]) % 4
"""Row k: which corner comes at each place after a cyclic shift by k, as `turn` does it."""


@dataclass(frozen=True, slots=True)
class TrackSettings:
    """How far a card may move and how long it may stay unseen."""

    max_missed: int = 10
    """Frames with detections, but none for this card, that a track survives."""
    max_gap_ms: float = 1500.0
    """Time unseen that a track survives, in ms, with frames or without: after a stall another card may lie there.
    Longer than it takes to miss ten frames at 10 fps (1.1 s)."""
    max_jump: float = 1.0
    """Farthest distance between prediction and detection, in card widths."""
    max_scale: float = 1.6
    """Largest change of size (square root of the area) between prediction and detection."""
    duplicate_iou: float = 0.6
    """Two detections that overlap more than this are one card."""
    damping: float = 0.9
    """Share of its velocity that an unseen card keeps per frame: hands slow down."""
    still_gain: float = 0.35
    """Weight of a new detection on a card that lies still; 1 switches the smoothing off."""
    jitter: float = 0.03
    """Mean corner displacement, in card widths, from which a detection counts fully: more than a detector's noise."""


@dataclass(frozen=True, slots=True)
class Track:
    """One card as of one frame."""

    track_id: int
    quad: Quad
    """Current estimate in frame pixels; keeps the corner order with which the track began."""
    t_ns: int
    """Time of the frame."""
    score: float
    """Score of the last detection."""
    hits: int
    """Detections so far."""
    missed: int
    """Frames with detections, but none for this card, since the last one."""
    predicted: bool
    """Whether the quad is a prediction: no detection of this frame belongs to the track."""
    velocity: tuple[float, float]
    """Of the centre, in pixels per second."""


class Tracker:
    """Detections in, tracks out, frame by frame. Ids are never used twice.

    A constant-velocity prediction per card, gates on distance and size, an optimal assignment on overlap and distance
    (Bewley et al., SORT, 2016), and an alpha-beta filter on the corners whose gain grows with the motion, so that
    a still card does not jitter and a moving one does not lag.
    """

    def __init__(self, settings: TrackSettings | None = None) -> None:
        self._settings = settings or TrackSettings()
        self._states: list[_State] = []
        self._next_id = 1
        self._t_ns: int | None = None

    def update(self, detections: list[Detection] | None, t_ns: int) -> list[Track]:
        """The living tracks as of this frame; `None` (the detector said nothing) predicts and counts no miss.

        Raises ValueError when time runs backwards: a new source or a seek needs a new tracker.
        """
        if self._t_ns is not None and t_ns < self._t_ns:
            raise ValueError(f"frame time went back from {self._t_ns} to {t_ns} ns: start a new tracker")
        seconds = 0.0 if self._t_ns is None else (t_ns - self._t_ns) / 1e9
        self._t_ns = t_ns
        max_gap_ns = round(self._settings.max_gap_ms * 1e6)
        self._states = [state for state in self._states if t_ns - state.seen_ns <= max_gap_ns]
        for state in self._states:
            state.predict(seconds)
        if detections is not None:
            self._observe(self._distinct(detections), t_ns)
        return [state.track(t_ns) for state in self._states]

    def _observe(self, detections: list[Detection], t_ns: int) -> None:
        pairs = self._pairs(detections)
        matched = {row for row, _ in pairs}
        for row, column in pairs:
            self._states[row].correct(detections[column], t_ns, self._settings)
        for row, state in enumerate(self._states):
            if row not in matched:
                state.miss(self._settings.damping)
        self._states = [state for state in self._states if state.missed <= self._settings.max_missed]
        taken = {column for _, column in pairs}
        for column, detection in enumerate(detections):
            if column not in taken:
                self._states.append(_State(self._next_id, detection, t_ns))
                self._next_id += 1

    def _distinct(self, detections: list[Detection]) -> list[Detection]:
        """Without the weaker of two detections of one card."""
        if len(detections) < 2:
            return detections
        ranked = sorted(detections, key=lambda detection: -detection.score)
        quads = np.stack([detection.quad for detection in ranked])
        low, high = quads.min(axis=1), quads.max(axis=1)
        touching = ((low[:, None] < high[None]) & (low[None] < high[:, None])).all(axis=2)
        kept: list[int] = []
        for number in range(len(ranked)):
            rivals = (other for other in kept if touching[number, other])
            if all(iou(quads[number], quads[other]) <= self._settings.duplicate_iou for other in rivals):
                kept.append(number)
        return [ranked[number] for number in kept]

    def _pairs(self, detections: list[Detection]) -> list[tuple[int, int]]:
        if not detections or not self._states:
            return []
        quads = np.stack([state.quad for state in self._states])
        found = np.stack([detection.quad for detection in detections])
        scale = np.array([_width(quad) for quad in quads])
        distance = np.linalg.norm(centre(quads)[:, None] - centre(found)[None], axis=2) / scale[:, None]
        growth = np.abs(np.log(np.array([_width(quad) for quad in found]) / scale[:, None]))
        possible = (distance <= self._settings.max_jump) & (growth <= np.log(self._settings.max_scale))
        contested = possible & (possible.sum(axis=1)[:, None] + possible.sum(axis=0) > 2)
        if not contested.any():  # and a pair is always better than none
            return [(int(row), int(column)) for row, column in zip(*np.nonzero(possible), strict=True)]
        overlap = np.zeros(distance.shape)
        for row, column in zip(*np.nonzero(possible), strict=True):
            overlap[row, column] = iou(quads[row], found[column])
        possible &= ~((overlap < _JUMP_IOU) & contested)
        hidden = _HIDDEN * np.minimum([state.missed for state in self._states], 10)
        cost = np.where(possible, (1.0 - overlap) + distance + hidden[:, None], np.inf)
        return assign(cost.tolist(), _UNMATCHED + 1e-6)


class _State:
    """A track between frames."""

    def __init__(self, track_id: int, detection: Detection, t_ns: int) -> None:
        self.track_id = track_id
        self.quad = detection.quad
        self.score = detection.score
        self.hits = 1
        self.missed = 0
        self._velocity = np.zeros(2, np.float32)
        self._predicted = False
        self.seen_ns = t_ns
        self._quarter_off = 0

    def predict(self, seconds: float) -> None:
        self.quad = self.quad + self._velocity * np.float32(seconds)
        self._predicted = True

    def miss(self, damping: float) -> None:
        self.missed += 1
        self._velocity = self._velocity * np.float32(damping)

    def correct(self, detection: Detection, t_ns: int, settings: TrackSettings) -> None:
        found = self._in_order(detection.quad)
        residual = found - self.quad
        width = _width(self.quad)
        displacement = float(np.sqrt(np.add.reduce(np.square(residual), axis=1)).sum()) / 4 / width
        gain = min(1.0, max(settings.still_gain, displacement / settings.jitter))
        self.quad = np.asarray(self.quad + np.float32(gain) * residual, np.float32)
        elapsed = (t_ns - self.seen_ns) / 1e9
        if elapsed > 0:
            # Kalata 1984: the velocity gain that goes with a position gain; capped, because at 1 it repeats noise.
            beta = min(0.7, gain * gain / (2.0 - gain))
            self._velocity = self._velocity + np.float32(beta / elapsed) * centre(residual)
        self.score, self.seen_ns = detection.score, t_ns
        self.hits += 1
        self.missed = 0
        self._predicted = False

    def _in_order(self, found: Quad) -> Quad:
        """The detection's corners in the track's order: the cyclic shift that lies nearest to the prediction."""
        centred = self.quad - centre(self.quad)
        offsets = found - centre(found)
        agreement = (offsets @ centred.T)[_SHIFTED, _CORNERS].sum(axis=1)
        best = int(agreement.argmax())
        self._quarter_off = self._quarter_off + 1 if best % 2 else 0
        if self._quarter_off > _QUARTER_PATIENCE:
            self._quarter_off = 0
            best = 0 if agreement[0] >= agreement[2] else 2
        return turn(found, best)

    def track(self, t_ns: int) -> Track:
        velocity = (float(self._velocity[0]), float(self._velocity[1]))
        return Track(self.track_id, self.quad, t_ns, self.score, self.hits, self.missed, self._predicted, velocity)


def _width(quad: Quad) -> float:
    """Width in pixels of an upright card with the area of this quad; steadier than the edges."""
    return float(max(1.0, (area(quad) * CARD_ASPECT) ** 0.5))
