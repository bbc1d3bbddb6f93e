"""Whether two messages say the same: everything but who sent them and when, numbers to a tolerance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from bus.messages import Message
from bus.topics import CROPS, EMBEDDINGS, Topic

_TIMES = ("v", "session", "seq", "trace")
_WIDTH = 100


class Difference(NamedTuple):
    """Where two messages differ, as a path of keys, and what stands there in each."""

    where: str
    recorded: str
    replayed: str


Said = tuple[Message, Sequence[memoryview]]


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
