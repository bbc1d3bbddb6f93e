"""One actor played from a recording: what it publishes now beside what it published then. No sockets, no processes.

What the actor heard comes to it through the fake bus with the recorded times. When it took a frame in, its own
recorded answer says; other messages come when they were published, which is a fraction of a millisecond before they
arrived. So a recording of a lockstep replay is repeated exactly, and one of a live system but for what came to the
actor from two sides at the same moment.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from actors.config import Config, parse, updated
from actors.provenance import provenance
from actors.recording import IMAGE, Entry, entries, origin
from actors.run import make
from actors.sources.recording import decoded
from bench.equal import Difference, Said, difference
from bus.actor import Actor
from bus.clock import ManualClock
from bus.fake import FakeBus
from bus.messages import Bye, Frame, FrameRef, FrameScoped, Results
from bus.ring import FrameGone, Pixels
from bus.topics import FRAME, Topic
from bus.wire import WireError

ACTORS = ("selector", "embedder", "matcher", "smoother")
TOLERANCE = 1e-3
_WINDOW_NS = 3_000_000_000
"""How far two messages may have changed places on the way into the recording."""
_PICTURES = 8
_SHOWN = 10
_PATIENT_MS = 60_000.0
"""An inference that takes longer here than it did then is no difference."""

Key = tuple[str, str, int, bool]
"""Topic, stream, frame, and whether it is the message that closes the stream."""


class Gallery:
    """Stands in for the reader of the frame ring: the last pictures by the reference of their frames."""

    def __init__(self) -> None:
        self._pictures: dict[FrameRef, Pixels] = {}

    def hang(self, ref: FrameRef, pixels: Pixels) -> None:
        """Take a picture in, and the oldest out."""
        self._pictures[ref] = pixels
        while len(self._pictures) > _PICTURES:
            del self._pictures[next(iter(self._pictures))]

    @contextmanager
    def view(self, ref: FrameRef) -> Iterator[Pixels]:
        """The picture of a frame; FrameGone if there is none in the recording."""
        if ref not in self._pictures:
            raise FrameGone("ring_gone", "the frame was recorded without its picture")
        yield self._pictures[ref]


class GalleryBus(FakeBus):
    """The fake bus with a gallery for a ring."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock=clock)
        self.gallery = Gallery()

    def ring(self) -> Any:
        """What the actor reads its frames from."""
        return self.gallery


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
            if one.said is not None and isinstance(frame := one.said[0], Frame):
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


class Player:
    """Drives the actor as its loop would, by a clock that moves from message to message."""

    def __init__(self, name: str, config: Config) -> None:
        self._clock = ManualClock()
        self.bus = GalleryBus(self._clock)
        self.actor = make(name, self.bus, config)
        self._wish: float | None = None
        self.cpu_ms: list[float] = []

    def play(self, heard: Heard) -> None:
        """Let time pass until a message comes, and hand it over."""
        self._pass_until(heard.t_ns)
        if heard.said is None:
            self.actor.finish()
            return
        message, blobs = heard.said
        if isinstance(message, Frame) and heard.picture is not None:
            self.bus.gallery.hang(message.ref, decoded(heard.picture.picture()))
        begun = time.process_time_ns()
        self.actor.receive(heard.topic, message, blobs)
        self._wish = self.actor.step()
        self.cpu_ms.append((time.process_time_ns() - begun) / 1e6)

    def _pass_until(self, t_ns: int) -> None:
        """What the actor wanted to do at a certain time, it does then."""
        if self.cpu_ms:
            while self._wish is not None and self._clock.now_ns() + self._wish * 1e6 < t_ns:
                self._clock.advance(self._wish)
                self._wish = self.actor.step()
        self._clock.advance(max(0, t_ns - self._clock.now_ns()) / 1e6)

    def said(self) -> list[tuple[Topic, Said]]:
        """What the actor has published since the last call."""
        sent, self.bus.sent = self.bus.sent, []
        return [(topic, (message, blobs)) for topic, message, blobs in sent]


@dataclass
class Comparison:
    """What was said then and what is said now, brought together as both come in."""

    tolerance: float
    equal: int = 0
    differences: list[tuple[Key, Difference]] = field(default_factory=list)
    _then: dict[Key, Said] = field(default_factory=dict)
    _now: dict[Key, Said] = field(default_factory=dict)
    _last: Counter[str] = field(default_factory=Counter)

    def add(self, topic: Topic, said: Said, *, recorded: bool) -> None:
        """Take a message of one side in, and compare it if the other side's is there."""
        key = _key(topic, said)
        if recorded:
            self._last[key[0] + key[1]] = max(self._last[key[0] + key[1]], key[2])
        mine, other = (self._then, self._now) if recorded else (self._now, self._then)
        mine[key] = said
        if key not in other:
            return
        found = difference(topic, self._then.pop(key), self._now.pop(key), self.tolerance)
        if found is None:
            self.equal += 1
        else:
            self.differences.append((key, found))

    def close(self, frames: set[tuple[str, int]]) -> tuple[int, int]:
        """Nothing more comes: what stands alone is a difference, too.

        But for what the actor published for a frame that is not in the recording (`frames` are those that are), and
        for what it publishes now after the recording has ended. Returns how many of each.
        """
        unheard = [key for key in self._then if (key[1], key[2]) not in frames]
        after = [key for key in self._now if key[2] > self._last[key[0] + key[1]]]
        self.differences += [(key, Difference("", "a message", "nothing")) for key in self._then.keys() - set(unheard)]
        self.differences += [(key, Difference("", "nothing", "a message")) for key in self._now.keys() - set(after)]
        self.differences.sort(key=lambda one: (one[0][1], one[0][2]))
        return len(unheard), len(after)


def _key(topic: Topic, said: Said) -> Key:
    message = said[0]
    assert isinstance(message, FrameScoped)
    return topic.name, message.stream, message.frame, isinstance(message, Results) and message.closing


def recorded_config(path: Path) -> Config:
    """The configuration that a recording was made with, as far as it says; ConfigError if it is another version's."""
    return parse(origin(path).get("config", ""))


def replay_actor(name: str, path: Path, config: Config, tolerance: float = TOLERANCE) -> dict[str, Any]:
    """Play an actor from a recording, and compare. ValueError if it cannot be played.

    The result: `messages_in`, `messages_out`, how many of these are `equal`, the `differences` (`different` in
    number, the first of them listed), CPU `cpu_ms` per message, and `notes` on what must be known to judge it.
    """
    if name not in ACTORS:
        raise ValueError(f"{name!r} cannot be played from a recording: choose from {', '.join(ACTORS)}")
    player = Player(name, updated(config, "embedder", timeout_ms=_PATIENT_MS))
    player.actor.start()
    tape, comparison = Tape(path, player.actor), Comparison(tolerance)
    frames: set[tuple[str, int]] = set()
    first: dict[str, int] = {}
    bare = out = 0
    for heard in tape.heard():
        player.play(heard)
        if heard.said is not None and isinstance(message := heard.said[0], FrameScoped):
            first.setdefault(message.stream, message.frame)
            if isinstance(message, Frame) and heard.picture is None:
                bare += 1
            else:
                frames.add((message.stream, message.frame))
        out += _compare(tape, player, comparison)
    out += _compare(tape, player, comparison)
    player.actor.close()
    if not player.cpu_ms:
        raise ValueError(f"{path} holds nothing for the {name}: was it recorded by `sleevesight record`?")
    unheard, after = comparison.close(frames)
    tape.notes.update(
        {
            "frames without their picture": bare,
            "answers to what is not in the recording: left out": unheard,
            "messages after the end of the recording: left out": after,
            "restarts in the recording, of which this knows nothing": max(0, len(tape.sessions) - 1),
        }
    )
    return {
        "actor": name,
        "recording": str(path),
        "messages_in": len(player.cpu_ms),
        "messages_out": out,
        "equal": comparison.equal,
        "different": len(comparison.differences),
        "differences": [_row(key, found) for key, found in comparison.differences[:_SHOWN]],
        "cpu_ms": {f"p{q}": round(float(np.percentile(player.cpu_ms, q)), 3) for q in (50, 95)},
        "notes": [*_other_files(path, config), *_beginning(first), *_counted(tape.notes)],
    }


def _compare(tape: Tape, player: Player, comparison: Comparison) -> int:
    """Hand over what both sides have said; returns how much is said now."""
    said = player.said()
    for topic, one in tape.recorded:
        comparison.add(topic, one, recorded=True)
    for topic, one in said:
        comparison.add(topic, one, recorded=False)
    tape.recorded.clear()
    return len(said)


def _row(key: Key, found: Difference) -> dict[str, Any]:
    return {"topic": key[0], "stream": key[1], "frame": key[2], **found._asdict()}


def _counted(notes: Mapping[str, int]) -> list[str]:
    return [f"{count} {what}" for what, count in notes.items() if count]


def _beginning(first: Mapping[str, int]) -> list[str]:
    late = {stream: frame for stream, frame in first.items() if frame}
    return [
        f"stream {stream} is recorded from frame {frame} on: what came before is unknown"
        for stream, frame in late.items()
    ]


def _other_files(path: Path, config: Config) -> list[str]:
    """Model and catalogue, if they are not those of the recording."""
    then, now = origin(path), provenance(config)
    names = {"model_sha256": "model", "catalog": "catalogue"}
    return [
        f"recorded with the {what} {then[key][:19]}, played with {now[key][:19] or 'none'}"
        for key, what in names.items()
        if then.get(key) and then[key] != now[key]
    ]


def lines(report: Mapping[str, Any]) -> list[str]:
    """The report for people."""
    cpu = report["cpu_ms"]
    text = [
        f"{report['actor']}: {report['messages_in']} messages in, {report['messages_out']} out; "
        f"{report['equal']} as recorded, {report['different']} not; "
        f"CPU per message p50 {cpu['p50']:.2f} ms, p95 {cpu['p95']:.2f} ms"
    ]
    text += [f"note: {note}" for note in report["notes"]]
    for one in report["differences"]:
        where = f" {one['where']}" if one["where"] else ""
        text.append(f"  {one['topic']} {one['frame']}{where}: recorded {one['recorded']}, now {one['replayed']}")
    return text
