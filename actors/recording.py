"""The format of recordings (docs/bus.md), for those who write them and those who read them.

MCAP: the messages of every topic in msgpack with their JSON Schema, the pictures and what to draw on them as Foxglove
knows them, and metadata. A file that was cut off anywhere can be read up to the cut.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from mcap.reader import NonSeekingReader
from mcap.records import Metadata
from mcap.stream_reader import StreamReader
from mcap.writer import CompressionType, Writer

from actors import foxglove
from bus.log import get_logger
from bus.messages import Bye, FrameScoped, Heartbeat, Message, Results
from bus.topics import TOPICS, Topic
from bus.wire import decode, encode

IMAGE, ANNOTATIONS = "image", "annotations"
TOPIC_NAMES = frozenset(topic.name for topic in TOPICS.values() if topic.recorded)
ORIGIN, TALLY = "sleevesight", "sleevesight.end"
"""The metadata: what made the recording, at its beginning; what became of it, at its end."""
CHUNK_BYTES = 1 << 16
"""What is written at once, so what is lost at a cut: less than a second of messages, or one picture."""

log = get_logger("recording")


class RecordingError(ValueError):
    """A file that is no recording, or of which nothing can be read."""


class _Blobs(msgspec.Struct):
    blobs: list[memoryview] = []


_blobs = msgspec.msgpack.Decoder(_Blobs)
_image = msgspec.json.Decoder(foxglove.CompressedImage)


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a recording: the name of its channel, when it was recorded and published, and its bytes."""

    channel: str
    log_ns: int
    publish_ns: int
    data: bytes

    def message(self) -> tuple[Topic, Message, list[memoryview]]:
        """Topic, message and blobs of a topic's entry. WireError if it cannot be used."""
        topic, message, _ = decode([self.channel.encode(), self.data])
        return topic, message, _blobs.decode(self.data).blobs

    def picture(self) -> foxglove.CompressedImage:
        """The picture of an entry of IMAGE. ValueError if it is none."""
        return _image.decode(self.data)


def entries(path: Path, channels: Collection[str]) -> Iterator[Entry]:
    """What these channels hold, in the order it was recorded, up to the cut if there is one.

    Raises RecordingError for a file of which nothing can be read.
    """
    count = 0
    with path.open("rb") as file:
        try:
            for _, channel, message in NonSeekingReader(file).iter_messages(log_time_order=False):
                count += 1
                if channel.topic in channels:
                    yield Entry(channel.topic, message.log_time, message.publish_time, message.data)
        except Exception as error:  # the parser and the decompressors below it raise what they like
            if count == 0:
                raise RecordingError(f"{path} is no recording that can be read: {error!r}") from None
            log.warning("recording cut off or damaged: it ends here", path=str(path), reason=repr(error))


def origin(path: Path) -> dict[str, str]:
    """What made a recording, as it says itself; nothing if it does not, or is damaged before it does."""
    with path.open("rb") as file, contextlib.suppress(Exception):  # see above
        for record in StreamReader(file, emit_chunks=True).records:
            if isinstance(record, Metadata) and record.name == ORIGIN:
                return dict(record.metadata)
    return {}


class RecordingWriter:
    """Writes a recording into a file that is open for writing; each call that completes a chunk puts it on disk."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._writer = Writer(file, chunk_size=CHUNK_BYTES, compression=CompressionType.ZSTD)
        self._writer.start(library="sleevesight")
        self._channels: dict[str, int] = {}

    def message(self, topic: Topic, message: Message, blobs: Sequence[memoryview], log_ns: int) -> None:
        """A message as it came, its blobs in one more key of its map; a result is drawn for Foxglove, too."""
        data = _with_blobs(message, blobs) if blobs else encode(topic, message)[1]
        channel = self._channels.get(topic.name) or self._topic(topic)
        self._writer.add_message(channel, log_ns, data, published_ns(message) or log_ns, message.seq)
        self._file.flush()
        if isinstance(message, Results) and not message.closing:
            self._foxglove(ANNOTATIONS, message.t_ns, foxglove.drawing(message))

    def picture(self, t_ns: int, data: bytes, form: str) -> None:
        """The picture of the frame message before it, as a file of the format `jpeg` or `png`."""
        self._foxglove(IMAGE, t_ns, foxglove.CompressedImage(data, form, "camera", foxglove.time(t_ns)))

    def metadata(self, name: str, values: Mapping[str, str]) -> None:
        """A record of facts."""
        self._writer.add_metadata(name, dict(values))
        self._file.flush()

    def finish(self) -> None:
        """Write what is held and the index, with which other programs find their way in the file."""
        self._writer.finish()
        self._file.flush()

    def _foxglove(self, name: str, t_ns: int, content: msgspec.Struct) -> None:
        """With the time of the frame, by which Foxglove finds picture and drawing for each other."""
        channel = self._channels.get(name)
        if channel is None:
            kind = type(content)
            schema = self._writer.register_schema(f"foxglove.{kind.__name__}", "jsonschema", foxglove.schema(kind))
            channel = self._channels[name] = self._writer.register_channel(name, "json", schema)
        self._writer.add_message(channel, t_ns, msgspec.json.encode(content), t_ns)
        self._file.flush()

    def _topic(self, topic: Topic) -> int:
        kind = topic.message | Bye
        schema = self._writer.register_schema(
            f"sleevesight.{topic.message.__name__}", "jsonschema", msgspec.json.encode(msgspec.json.schema(kind))
        )
        self._channels[topic.name] = self._writer.register_channel(topic.name, "msgpack", schema)
        return self._channels[topic.name]


def published_ns(message: Message) -> int:
    """When a message was published, as it says itself; 0 if it does not."""
    if isinstance(message, FrameScoped) and message.trace:
        return message.trace[-1].done_ns
    return message.t_ns if isinstance(message, Heartbeat) else 0


def _with_blobs(message: Message, blobs: Sequence[memoryview]) -> bytes:
    """Readers of the header ignore keys that they do not know, so that it stays one."""
    header: dict[str, Any] = {"type": message.__struct_config__.tag, **msgspec.structs.asdict(message)}
    return msgspec.msgpack.encode(header | {"blobs": blobs})
