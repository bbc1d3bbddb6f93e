"""The one table of topics: who says what, who needs it, how often, and how a slow reader catches up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bus import messages as m

Policy = Literal["latest", "every"]

MAX_PART_BYTES = 1 << 20
"""No part of a message is larger (a crop has 275 kB): readers hang up on whoever sends more than that."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One row of the table.

    `policy` is what a reader that has fallen behind does: `latest` keeps the newest message and counts the others as
    stale, `every` takes them all. `depth` is how many messages wait for one slow reader before new ones are lost
    (and counted by it from the gap in `seq`): it bounds the memory that a stopped reader can cost its publisher.
    """

    name: str
    message: type[m.Message]
    publisher: str
    readers: tuple[str, ...]
    rate_hz: float
    policy: Policy
    depth: int
    recorded: bool
    large: bool = False
    """Whether its messages hold parts that are sent without being copied."""


FRAME = Topic("frame", m.Frame, "capture", ("selector",), 30, "latest", 64, recorded=True)
TRACKS = Topic("tracks", m.Tracks, "selector", ("smoother",), 30, "every", 256, recorded=True)
CROPS = Topic("crops", m.Crops, "selector", ("embedder",), 5, "every", 16, recorded=True, large=True)
EMBEDDINGS = Topic("embeddings", m.Embeddings, "embedder", ("matcher",), 5, "every", 64, recorded=True)
MATCHES = Topic("matches", m.Matches, "matcher", ("smoother", "selector"), 5, "every", 256, recorded=True)
RESULTS = Topic("results", m.Results, "smoother", ("sink",), 30, "every", 256, recorded=True)
HEARTBEAT = Topic("heartbeat", m.Heartbeat, "*", (), 5, "every", 64, recorded=True)

TOPICS = {topic.name: topic for topic in (FRAME, TRACKS, CROPS, EMBEDDINGS, MATCHES, RESULTS, HEARTBEAT)}

PIPELINE = ("capture", "selector", "embedder", "matcher", "smoother")
"""The actors that a frame walks through, in its order: they start from the end and stop from the beginning."""

SINK_READS: dict[str, tuple[Topic, ...]] = {
    "sink.recorder": tuple(topic for topic in TOPICS.values() if topic.recorded),
    "sink.collection": (CROPS,),
    "sink.dashboard": (FRAME,),
}
"""What sinks read besides the results: a stream begins when they are heard there, too."""


def reads(actor: str, topic: Topic) -> bool:
    """Whether an actor (or a sink, `sink.NAME`) is among the readers of a topic."""
    return actor.partition(".")[0] in topic.readers or topic in SINK_READS.get(actor, ())


def published_by(actor: str) -> tuple[Topic, ...]:
    """The data topics of an actor (every actor has a heartbeat of its own besides)."""
    return tuple(topic for topic in TOPICS.values() if topic.publisher == actor)


def topic_named(name: str) -> Topic:
    """The row of that name; ValueError names the topics that exist."""
    try:
        return TOPICS[name]
    except KeyError:
        raise ValueError(f"there is no topic {name!r}; the topics are {', '.join(TOPICS)}") from None
