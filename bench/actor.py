"""One actor played from a recording: what it publishes now beside what it published then. No sockets, no processes.

What the actor heard comes to it through the fake bus at the recorded times (`bench.tape`). So a recording of a lockstep
replay is repeated exactly, and one of a live system but for what came to the actor from two sides at the same moment.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from actors.config import Config, parse, updated
from actors.provenance import provenance
from actors.recording import origin
from actors.run import make
from actors.sources.recording import decoded
from bench.equal import Comparison, Difference, Key, Said
from bench.tape import Heard, Tape
from bus.clock import ManualClock
from bus.fake import FakeBus
from bus.messages import Frame, FrameRef, FrameScoped
from bus.ring import FrameGone, Frames, Pixels
from bus.topics import FRAME, TRACKS, Topic

ACTORS = ("selector", "embedder", "matcher", "smoother")
TOLERANCE = 1e-3
_PICTURES = 8
_SHOWN = 10
_PATIENT_MS = 60_000.0
"""An inference that takes longer here than it did then is no difference."""


class Gallery:
    """Stands in for the reader of the frame ring: the last pictures by the reference of their frames."""

    def __init__(self) -> None:
        self._pictures: dict[FrameRef, Pixels] = {}

    def hang(self, ref: FrameRef, pixels: Pixels) -> None:
        """Take a picture in, and the oldest out."""
        self._pictures[ref] = pixels
        while len(self._pictures) > _PICTURES:
            del self._pictures[next(iter(self._pictures))]

    def prepare(self) -> bool:
        """There is nothing to attach to."""
        return True

    @contextmanager
    def view(self, ref: FrameRef) -> Iterator[Pixels]:
        """The picture of a frame; FrameGone if there is none in the recording."""
        if ref not in self._pictures:
            raise FrameGone("ring_gone", "the frame was recorded without its picture")
        yield self._pictures[ref]


class GalleryBus(FakeBus):
    """The fake bus with a gallery for a ring."""

    def __init__(self, clock: ManualClock, run_dir: Path | None = None) -> None:
        super().__init__(run_dir, clock=clock)
        self.gallery = Gallery()

    def ring(self) -> Frames:
        """What the actor reads its frames from."""
        return self.gallery


class Player:
    """Drives the actor as its loop would, by a clock that moves from message to message."""

    def __init__(self, name: str, config: Config) -> None:
        self._clock = ManualClock()
        self._home = TemporaryDirectory(prefix="sleevesight-")  # what the actor leaves to a successor is nobody's
        self.bus = GalleryBus(self._clock, Path(self._home.name))
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
            if heard.topic in (FRAME, TRACKS):  # the others do not speak of every frame
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
