"""The recorder: what is on the bus is in the file, and the file opens elsewhere."""

import base64
import json
from pathlib import Path
from typing import Any

import cv2
import msgpack
import msgspec
import numpy as np
import pytest
from mcap.reader import make_reader
from recorder_desk import BLOBS, CARD, RESULT, Desk, frame, on, picture, played
from samples import SAMPLES

from actors.foxglove import ImageAnnotations, drawing
from actors.recording import ANNOTATIONS, IMAGE, ORIGIN, TALLY, TOPIC_NAMES
from actors.sources.base import SourceError
from actors.sources.recording import RecordingSource
from bus.clock import ManualClock
from bus.messages import Bye
from bus.ring import RingWriter
from bus.topics import FRAME, RESULTS, TOPICS

# What is in it.


def test_every_topic_is_in_it_with_its_blobs(desk: Desk) -> None:
    """What is left out cannot be found out any more: every kind of message, goodbyes, and crops and embeddings."""
    for name, (topic, message) in SAMPLES.items():
        desk.hear(message, topic, BLOBS.get(name, []))
    path = desk.finish()
    assert {topic.name for topic, _ in SAMPLES.values()} == TOPIC_NAMES
    read = [entry.message() for entry in on(path, *TOPIC_NAMES)]
    assert [(topic, message) for topic, message, _ in read] == list(SAMPLES.values())
    assert [[bytes(blob) for blob in blobs] for _, _, blobs in read] == [BLOBS.get(name, []) for name in SAMPLES]


def test_a_frame_is_followed_by_its_picture(desk: Desk) -> None:
    """The very pixels, found by the time of the frame, with the detections that belong to them."""
    desk.frames(0, 1, 2)
    desk.hear(Bye(final=True))
    path = desk.finish()
    frames = played(path)
    assert all(np.array_equal(one.pixels, picture(number)) for number, one in enumerate(frames))
    assert [one.t_ns for one in frames] == [0, 33_000_000, 66_000_000]
    assert [len(one.detections or ()) for one in frames] == [1, 1, 1]
    order = [entry.channel for entry in on(path, "frame", IMAGE)]
    assert order == ["frame", IMAGE] * 3 + ["frame"]


def test_jpeg_is_smaller_and_near(tmp_path: Path, ring: RingWriter, clock: ManualClock) -> None:
    """The default: ten minutes of exact pictures are 100 GB."""
    sizes = {}
    for form, quality in (("png", 90), ("jpeg", 90), ("jpeg", 20)):
        desk = Desk(tmp_path / f"{form}{quality}.mcap", ring, clock, frames=form, quality=quality)
        desk.recorder.start()
        desk.frames(0)
        (image,) = on(desk.finish(), IMAGE)
        assert image.picture().format == form
        sizes[form, quality] = len(image.picture().data)
        error = np.abs(played(desk.out)[0].pixels.astype(int) - picture(0)).mean()
        assert error < (1 if form == "png" else 30)
    assert sizes["jpeg", 20] < sizes["jpeg", 90]


def test_no_pictures_if_none_are_wanted(tmp_path: Path, ring: RingWriter, clock: ManualClock) -> None:
    """A file of messages is small, and says so when somebody wants to play it as a stream."""
    desk = Desk(tmp_path / "table.mcap", ring, clock, frames="none")
    desk.recorder.start()
    desk.frames(0, 1)
    assert on(desk.finish(), IMAGE) == []
    assert desk.bus.drops == {}
    with pytest.raises(SourceError, match="record with pictures"):
        RecordingSource(desk.out).read()


def test_a_frame_whose_lease_ran_out_is_recorded_without_its_picture(desk: Desk) -> None:
    """The slot may hold another frame by then: no picture is better than a wrong one, and the loss is counted."""
    refs = [desk.ring.write(picture(number)) for number in range(2)]
    desk.clock.advance(1000)
    for number, ref in enumerate(refs):
        assert ref is not None
        desk.hear(frame(number, ref))
    desk.frames(2)
    path = desk.finish()
    assert len(on(path, "frame")) == 3
    assert [np.array_equal(one.pixels, picture(2)) for one in played(path)] == [True]
    assert desk.bus.drops == {"lease_expired": 2}
    assert "3 frames (1 pictures)" in desk.recorder.detail
    assert "lost: 2 lease_expired" in desk.recorder.detail


def test_messages_do_not_wait_for_pictures(desk: Desk) -> None:
    """Encoding takes longer than frames take to come: one picture a round, or the other topics' queues run over."""
    for number in range(3):
        ref = desk.ring.write(picture(number))
        assert ref is not None
        desk.recorder.receive(FRAME, frame(number, ref), [])
    assert desk.recorder.queue() == 3
    assert not desk.recorder.settled()
    assert desk.recorder.step() == 0.0
    assert desk.recorder.queue() == 2
    desk.recorder.receive(RESULTS, RESULT, [])
    while desk.recorder.queue():
        desk.recorder.step()
    assert desk.recorder.settled()
    path = desk.finish()
    assert [entry.channel for entry in on(path, "frame", IMAGE, "results")] == ["frame"] * 3 + [
        IMAGE, "results", IMAGE, IMAGE,
    ]  # fmt: skip
    assert len(played(path)) == 3


@pytest.mark.parametrize("final", [False, True])
def test_only_the_end_of_a_stream_leaves_time_for_pictures(desk: Desk, final: bool) -> None:
    """A service that is stopped has five seconds: what is still to be encoded then is counted."""
    ref = desk.ring.write(picture(0))
    assert ref is not None
    desk.recorder.receive(FRAME, frame(0, ref), [])
    desk.recorder.receive(RESULTS, Bye(final=final), [])
    desk.finish()
    assert desk.bus.counts["pictures"] == final
    assert desk.bus.drops == ({} if final else {"unwritten": 1})


# Other programs.


def test_another_reader_finds_its_way(desk: Desk) -> None:
    """The mcap package's own reader and plain msgpack: index, checksums, counts, schemas and metadata are right."""
    desk.frames(0, 1)
    for name in ("crops", "results", "heartbeat"):
        desk.hear(SAMPLES[name][1], SAMPLES[name][0], BLOBS.get(name, []))
    with desk.finish().open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        summary = reader.get_summary()
        assert summary is not None
        assert summary.statistics is not None
        found = {
            channel.topic: (channel.message_encoding, summary.schemas[channel.schema_id])
            for channel in summary.channels.values()
        }
        assert {topic: (encoding, schema.name) for topic, (encoding, schema) in found.items()} == {
            "frame": ("msgpack", "sleevesight.Frame"),
            "crops": ("msgpack", "sleevesight.Crops"),
            "results": ("msgpack", "sleevesight.Results"),
            "heartbeat": ("msgpack", "sleevesight.Heartbeat"),
            IMAGE: ("json", "foxglove.CompressedImage"),
            ANNOTATIONS: ("json", "foxglove.ImageAnnotations"),
        }
        assert {schema.encoding for _, schema in found.values()} == {"jsonschema"}
        assert summary.statistics.message_count == 2 + 2 + 3 + 1
        assert [record.name for record in reader.iter_metadata()] == [ORIGIN, TALLY]
        ((_, _, crops),) = reader.iter_messages(["crops"])
        plain = msgpack.unpackb(crops.data)
        assert plain["blobs"] == BLOBS["crops"]
        assert {key: value for key, value in plain.items() if key != "blobs"} == msgspec.to_builtins(
            SAMPLES["crops"][1]
        )
        ((_, _, beat),) = reader.iter_messages(["heartbeat"])
        assert (beat.log_time, beat.publish_time) == (5_600_000_000, 1_500_000_000)


def test_messages_fit_the_schemas_beside_them(desk: Desk) -> None:
    """A schema that does not fit is worse than none: a validator that knows nothing of us says so."""
    jsonschema = pytest.importorskip("jsonschema")
    desk.frames(0)
    for name, (topic, message) in SAMPLES.items():
        desk.hear(message, topic, BLOBS.get(name, []))
    with desk.finish().open("rb") as file:
        checked = set()
        for schema, channel, message in make_reader(file).iter_messages():
            assert schema is not None
            rules = json.loads(schema.data)
            jsonschema.Draft202012Validator.check_schema(rules)
            content = json.loads(message.data) if channel.message_encoding == "json" else msgpack.unpackb(message.data)
            jsonschema.validate(content, rules)
            checked.add(channel.topic)
        assert checked == {*TOPICS, IMAGE, ANNOTATIONS}


def test_foxglove_can_read_its_schemas(desk: Desk) -> None:
    """It follows no references, wants a type for every field, and takes data for a picture by its contentEncoding."""
    desk.frames(0)
    desk.hear(RESULT, RESULTS)
    with desk.finish().open("rb") as file:
        schemas = {schema.name: json.loads(schema.data) for schema, _, _ in make_reader(file).iter_messages() if schema}
    image, annotations = schemas["foxglove.CompressedImage"], schemas["foxglove.ImageAnnotations"]
    assert image["properties"]["data"] == {"type": "string", "contentEncoding": "base64"}
    assert set(image["properties"]) == {"timestamp", "frame_id", "data", "format"}
    assert set(annotations["properties"]) == {"circles", "points", "texts"}
    for schema in (image, annotations):
        assert schema["type"] == "object"
        assert "$ref" not in json.dumps(schema)
        assert_typed(schema)


def assert_typed(schema: dict[str, Any]) -> None:
    assert "type" in schema
    for part in (*schema.get("properties", {}).values(), *filter(None, [schema.get("items")])):
        assert_typed(part)


def test_the_quads_are_drawn_on_the_picture_of_their_frame(desk: Desk) -> None:
    """Foxglove joins picture and drawing by their time; it counts pixels from their corner, we from their centre."""
    desk.frames(0)
    shown = msgspec.structs.replace(RESULT, t_ns=10**9)
    desk.hear(shown, RESULTS)
    desk.hear(msgspec.structs.replace(shown, closing=True), RESULTS)
    path = desk.finish()
    (image,), (drawn,) = on(path, IMAGE), on(path, ANNOTATIONS)
    assert image.log_ns == drawn.log_ns == 10**9
    what = msgspec.json.decode(drawn.data, type=ImageAnnotations)
    assert what == drawing(shown)
    (outline,), (label,) = what.points, what.texts
    assert outline.type == 2
    assert [(point.x, point.y) for point in outline.points] == [(x + 0.5, y + 0.5) for x, y in shown.tracks[0].quad]
    assert label.text == "Pineco"
    assert (outline.timestamp.sec, outline.timestamp.nsec) == (1, 0)


def test_pictures_are_found_after_other_frames(desk: Desk) -> None:
    """A picture may come after the next frames' messages: each still goes with its own detections."""
    refs = [desk.ring.write(picture(number)) for number in range(3)]
    for number, ref in enumerate(refs):
        assert ref is not None
        boxes = [CARD] * number
        desk.recorder.receive(FRAME, msgspec.structs.replace(frame(number, ref), detections=boxes), [])
    while desk.recorder.queue():
        desk.recorder.step()
    assert [len(one.detections or ()) for one in played(desk.finish())] == [0, 1, 2]


def test_a_picture_is_a_picture_for_others(desk: Desk) -> None:
    """The data are a whole PNG file, in RGB order once it is decoded by anybody."""
    desk.frames(5)
    (image,) = on(desk.finish(), IMAGE)
    data = base64.b64decode(json.loads(image.data)["data"])
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert np.array_equal(decoded[..., ::-1], picture(5))
