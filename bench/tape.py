"""What one actor heard and said, read from a recording in the order of time.

When the actor took a frame in, its own recorded answer says; other messages come when they were published, which is a
fraction of a millisecond before they arrived.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from actors.recording import IMAGE, Entry, entries
from bench.equal import Said
from bus.actor import Actor
from bus.messages import Bye, Frame, FrameScoped
from bus.topics import FRAME, Topic
from bus.wire import WireError

_WINDOW_NS = 3_000_000_000
"""How far two messages may have changed places on the way into the recording."""


@dataclass(slots=True)
class Heard:
    """What came to the actor, and when; no message: the actor itself came to its end."""

    t_ns: int
    topic: Topic
    said: Said | None
    picture: Entry | None = None


class Tape:
    """The part of a recording that concerns one actor."""

    def __init__(self, path: Path, actor: Actor) -> None:
        self._path = path
        self._inputs, self._outputs = actor.inputs, actor.outputs
        self._taken: dict[tuple[str, int], int] = {}
        self._pictured: set[int] = set()
        if FRAME in actor.inputs:
            self._look_ahead()
        self.notes: Counter[str] = Counter()
        self.sessions: set[str] = set()
        self.recorded: list[tuple[Topic, Said]] = []
        """What the actor published by the time that was read last; whoever takes it clears it."""

    def heard(self) -> Iterator[Heard]:
        """Everything that the actor heard, in the order of time."""
        waiting: list[tuple[int, int, Heard]] = []
        frames: dict[int, Heard] = {}
        newest = oldest = 0
        names = {topic.name for topic in (*self._inputs, *self._outputs)}
        for number, entry in enumerate(entries(self._path, names | ({IMAGE} if FRAME in self._inputs else set()))):
            if entry.channel == IMAGE:
                if entry.log_ns in frames:
                    frames.pop(entry.log_ns).picture = entry
                continue
            one = self._read(entry)
            if one is None:
                continue
            heapq.heappush(waiting, (one.t_ns, number, one))
            newest = max(newest, one.t_ns)
            self.notes["messages that were recorded too late to be put in order"] += one.t_ns < oldest
            if one.said is not None and isinstance(frame := one.said[0], Frame) and frame.t_ns in self._pictured:
                frames[frame.t_ns] = one
            while waiting[0][0] < newest - _WINDOW_NS and not self._awaits_picture(waiting[0][2]):
                oldest, _, early = heapq.heappop(waiting)
                yield early
        while waiting:
            yield heapq.heappop(waiting)[2]

    def _awaits_picture(self, heard: Heard) -> bool:
        message = heard.said[0] if heard.said is not None else None
        return isinstance(message, Frame) and heard.picture is None and message.t_ns in self._pictured

    def _read(self, entry: Entry) -> Heard | None:
        try:
            topic, message, blobs = entry.message()
        except WireError as error:
            self.notes[f"messages that are {error.reason}"] += 1
            return None
        if topic in self._outputs:
            self.sessions.add(message.session)
            if isinstance(message, Bye):
                return Heard(entry.log_ns, topic, None)
            self.recorded.append((topic, (message, blobs)))
            return None
        if isinstance(message, Bye):
            return None
        if not isinstance(message, Frame):
            return Heard(entry.publish_ns, topic, (message, blobs))
        taken = self._taken.get((message.stream, message.frame))
        if taken is None:
            self.notes["frames that it did not answer then: left out"] += 1
            return None
        return Heard(taken, topic, (message, blobs))

    def _look_ahead(self) -> None:
        """Which frames have pictures, and when the actor took each in, as the last hop of its answer says."""
        for entry in entries(self._path, {IMAGE, *(topic.name for topic in self._outputs)}):
            if entry.channel == IMAGE:
                self._pictured.add(entry.log_ns)
                continue
            try:
                _, message, _ = entry.message()
            except WireError:
                continue
            if isinstance(message, FrameScoped) and message.trace:
                self._taken[message.stream, message.frame] = message.trace[-1].received_ns
