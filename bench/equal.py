"""Whether two actors say the same: everything but who sent it and when, numbers to a tolerance."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy as np

from bus.messages import FrameScoped, Message, Results
from bus.topics import CROPS, EMBEDDINGS, Topic

_TIMES = ("v", "session", "seq", "trace", "life")
_WIDTH = 100


class Difference(NamedTuple):
    """Where two messages differ, as a path of keys, and what stands there in each."""

    where: str
    recorded: str
    replayed: str


Said = tuple[Message, Sequence[memoryview]]

Key = tuple[str, str, int, bool]
"""Topic, stream, frame, and whether it is the message that closes the stream."""


def difference(topic: Topic, recorded: Said, replayed: Said, tolerance: float) -> Difference | None:
    """The first difference of two messages with their blobs; None if they are equal.

    `tolerance` is relative and absolute for numbers that are no counts; of a picture it is the mean difference as a
    share of white, of a hash the share of bits.
    """
    old, new = (_content(message) for message, _ in (recorded, replayed))
    found = _difference("", old, new, tolerance)
    return found or _blobs(topic, recorded[1], replayed[1], tolerance)


def _content(message: Message) -> Any:
    return {key: value for key, value in msgspec.to_builtins(message).items() if key not in _TIMES}


def _difference(where: str, old: Any, new: Any, tolerance: float) -> Difference | None:
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        parts = [(f"{where}.{key}".lstrip("."), old[key], new[key]) for key in old]
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple) and len(old) == len(new):
        parts = [(f"{where}[{place}]", *pair) for place, pair in enumerate(zip(old, new, strict=True))]
    elif isinstance(old, float) and isinstance(new, float):
        same = math.isclose(old, new, rel_tol=tolerance, abs_tol=tolerance)
        return None if same else Difference(where, f"{old:g}", f"{new:g}")
    else:
        return None if old == new else Difference(where, _short(old), _short(new))
    return next((found for part in parts if (found := _difference(*part, tolerance))), None)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def _blobs(topic: Topic, old: Sequence[memoryview], new: Sequence[memoryview], tolerance: float) -> Difference | None:
    sizes = [[blob.nbytes for blob in blobs] for blobs in (old, new)]
    if sizes[0] != sizes[1]:
        return Difference("blobs", f"{sizes[0]} bytes", f"{sizes[1]} bytes")
    for place, pair in enumerate(zip(old, new, strict=True)):
        apart = _apart(topic, place, *pair)
        if apart > tolerance:
            return Difference(f"blob {place}", "", f"{apart:.4g} apart")
    return None


def _apart(topic: Topic, place: int, old: memoryview, new: memoryview) -> float:
    """How far two blobs of the same size are from each other, 0 for the same bytes."""
    if old == new:
        return 0.0
    if topic is EMBEDDINGS and place == 0:
        return float(np.abs(np.frombuffer(old, np.float32) - np.frombuffer(new, np.float32)).max())
    left, right = np.frombuffer(old, np.uint8), np.frombuffer(new, np.uint8)
    if topic is CROPS:
        return float(np.abs(left.astype(np.int16) - right).mean()) / 255
    return float(np.unpackbits(left ^ right).mean())


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
