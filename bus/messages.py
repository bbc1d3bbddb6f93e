"""What is said on the bus: one typed struct per message, plain msgpack maps on the wire.

`docs/bus.md` is the specification; `VERSION` is its number. Optional fields with defaults may be added at any time;
everything else raises the version. Times are nanoseconds of the one clock (`bus.clock`), corners are pixels of the
frame, clockwise.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

VERSION = 1

Pixel = Annotated[float, Meta(ge=-1e6, le=1e6)]
"""A coordinate in a frame, or somewhat outside; NaN is none."""
Corners = Annotated[list[tuple[Pixel, Pixel]], Meta(min_length=4, max_length=4)]
"""Four corners x, y in frame pixels, clockwise."""

Decision = Literal["confirmed", "uncertain", "unknown"]


class Hop(Struct, array_like=True, frozen=True):
    """One stage's visit to a frame: [stage, received_ns, done_ns]."""

    stage: str
    received_ns: int
    done_ns: int


class Message(Struct, kw_only=True, tag_field="type"):
    """What every message carries. The publisher fills session and seq."""

    v: int = VERSION
    session: str = ""
    seq: int = 0


class FrameScoped(Message, kw_only=True):
    """A message about one frame: `stream` is the capture session that numbered it, `t_ns` its time of exposure."""

    stream: str
    frame: int
    t_ns: int
    trace: list[Hop] = []


class Bye(Message, kw_only=True, tag="bye"):
    """The publisher stops in order. `final`: the stream has ended and whoever reads it may end as well."""

    final: bool
    reason: str = ""
    frames: int = 0


class FrameRef(Struct, frozen=True):
    """Where a frame's pixels lie: a slot of the frame ring, readable until `hold_until_ns`."""

    session: str
    slot: Annotated[int, Meta(ge=0)]
    width: Annotated[int, Meta(ge=1)]
    height: Annotated[int, Meta(ge=1)]
    hold_until_ns: int


class Box(Struct, frozen=True):
    """One detected card."""

    quad: Corners
    score: float


class Frame(FrameScoped, kw_only=True, tag="frame"):
    """A frame is in the ring. `detections` None: the detector said nothing for this frame; []: there is no card."""

    ref: FrameRef
    detections: list[Box] | None = None


class TrackState(Struct, frozen=True):
    """A card followed from frame to frame.

    `missed`: frames with detections, but none of it, in a row; `asked`: a crop of it was sent; `seen`: it was detected
    in this very frame, otherwise the quad is where it should be.
    """

    track: int
    quad: Corners
    score: float
    hits: int
    missed: int
    asked: bool = False
    seen: bool = True


class Tracks(FrameScoped, kw_only=True, tag="tracks"):
    """Every tracked card of a frame. `crops` is how many crops were sent for it: that many matches will follow."""

    tracks: list[TrackState]
    crops: int = 0


class Crop(Struct, frozen=True):
    """A rectified card to embed; blob i is crop i. `turns`: the readings to try (0 upright, 2 upside down)."""

    track: int
    frame: int
    turns: list[int]
    sharpness: float = 0.0


class Crops(FrameScoped, kw_only=True, tag="crops"):
    """Crops triggered by a frame: one blob each, uint8 RGB [height, width, 3]."""

    width: int
    height: int
    crops: list[Crop]


class Embedding(Struct, frozen=True):
    """What became of one crop: a row for each reading, or an error and no row."""

    track: int
    frame: int
    turns: list[int]
    error: str | None = None


class Embeddings(FrameScoped, kw_only=True, tag="embeddings"):
    """Rows by item and turn: blob 0 is float32 [rows, dim] at unit length, blob 1 uint8 [rows, 64] hashes."""

    model: str
    dim: int
    items: list[Embedding]


class Candidate(Struct, frozen=True):
    """A card of the catalogue as an answer: cosine distance and the fused score that it was ranked by."""

    card_id: str
    name: str
    set_name: str
    number: str
    distance: float
    score: float


class Match(Struct, frozen=True):
    """What one crop was recognised as. `group`: all printings with the same picture as the first candidate."""

    track: int
    frame: int
    decision: Decision = "unknown"
    turn: int = 0
    distance: float = 0.0
    gap: float = 0.0
    group: list[str] = []
    candidates: list[Candidate] = []
    error: str | None = None


class Matches(FrameScoped, kw_only=True, tag="matches"):
    """The answers to the crops of a frame."""

    catalog: str
    matches: list[Match]


TrackStatus = Literal["detecting", "stabilizing", "confirmed", "unknown"]


class TrackResult(Struct, frozen=True):
    """A card in the frame, and what is known of it; the quad begins at its own top-left once its turn is known."""

    track_id: int
    status: TrackStatus
    quad: Corners
    card_id: str | None = None
    name: str | None = None
    set_name: str | None = None
    number: str | None = None
    distance: float | None = None
    gap: float | None = None
    visit: int | None = None
    group: list[str] = []
    candidates: list[Candidate] = []


class Visit(Struct, frozen=True):
    """One physical visit of a card: confirmed once, ended once. An unknown card has no card_id."""

    visit: int
    event: Literal["confirmed", "ended"]
    track_id: int
    first_frame: int
    last_frame: int
    t_ns: int
    card_id: str | None = None
    name: str | None = None
    set_name: str | None = None
    number: str | None = None
    distance: float | None = None
    gap: float | None = None
    group: list[str] = []


class Results(FrameScoped, kw_only=True, tag="results"):
    """What a frame shows, once per frame and in order, with the visits that began or ended with it.

    `closing`: no frame's result, but the visits that ended because the stream has ended after `frame`.
    `life`: within it the visits of a stream are numbered; it outlives a smoother that is killed.
    """

    status: Literal["no_card", "cards"]
    tracks: list[TrackResult]
    visits: list[Visit] = []
    closing: bool = False
    life: str = ""


class Heartbeat(Message, kw_only=True, tag="heartbeat"):
    """An actor's progress, from its work loop: what it counted since it started, and what it lost, by reason.

    `start_deadline_s`: how long its start may take. `next_s`: the next one comes within this time, or the actor hangs;
    what takes longer is announced, and a sender that promises nothing has the default. `live`: its output comes from
    outside, unasked; when it ceases, something is wrong.
    """

    actor: str
    pid: int
    t_ns: int
    state: Literal["starting", "ready", "stopping"]
    started_ns: int
    last_in_ns: int = 0
    last_out_ns: int = 0
    counts: dict[str, int] = {}
    drops: dict[str, int] = {}
    subscribers: dict[str, int] = {}
    queue: int = 0
    p95_ms: float = 0.0
    rss_bytes: int = 0
    start_deadline_s: float = 120.0
    next_s: float = 4.0
    live: bool = False
    detail: str = ""
    temperature_c: float | None = None
