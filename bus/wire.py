"""Messages to bytes and back: multipart [topic, msgpack header, blob…]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from bus.messages import VERSION, Bye, Message
from bus.topics import TOPICS, Topic, topic_named

Blob = bytes | bytearray | memoryview

_encoder = msgspec.msgpack.Encoder()
_decoders = {topic.name: msgspec.msgpack.Decoder(topic.message | Bye) for topic in TOPICS.values()}


class WireError(ValueError):
    """A message that cannot be used; `reason` is what it is counted as."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class _Envelope(msgspec.Struct):
    """The part that never changes from version to version."""

    v: int
    type: str = ""


_envelope = msgspec.msgpack.Decoder(_Envelope)


def encode(topic: Topic, message: Message, blobs: Sequence[Any] = ()) -> list[Any]:
    """The parts of a multipart message; blobs are any C-contiguous buffers and are not copied."""
    return [topic.name.encode(), _encoder.encode(message), *blobs]


def decode(parts: Sequence[Any]) -> tuple[Topic, Message, list[memoryview]]:
    """Topic, message and blobs (views, not copies).

    Raises WireError with the reason `newer_schema`, `unknown_type` or `malformed`: to be counted and dropped.
    """
    try:
        topic = topic_named(bytes(parts[0]).decode())
        header = parts[1]
    except (IndexError, ValueError) as error:
        raise WireError("malformed", str(error)) from None
    try:
        message: Message = _decoders[topic.name].decode(header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _refusal(topic, header, error) from None
    if message.v > VERSION:
        raise _newer(topic, message.v)
    return topic, message, [memoryview(part) for part in parts[2:]]


def _refusal(topic: Topic, header: Any, error: Exception) -> WireError:
    try:
        envelope = _envelope.decode(header)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return WireError("malformed", f"a {topic.name} message is not readable: {error}")
    if envelope.v > VERSION:
        return _newer(topic, envelope.v)
    known = {topic.message.__struct_config__.tag, Bye.__struct_config__.tag}
    if envelope.type not in known:
        return WireError("unknown_type", f"topic {topic.name} carries no messages of type {envelope.type!r}")
    return WireError("malformed", f"a {topic.name} message does not fit the specification: {error}")


def _newer(topic: Topic, version: int) -> WireError:
    return WireError("newer_schema", f"a {topic.name} message has version {version}, this program reads {VERSION}")
