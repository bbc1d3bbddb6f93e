"""The recorder: what is on the bus is in the file, the file opens elsewhere, and whatever ends it can be played."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import msgpack
import msgspec
import numpy as np
import pytest
from actor_fakes import Pixels, mosaic, served_ring
from mcap.reader import make_reader
from samples import SAMPLES

from actors import recorder
from actors.config import Config, dump, updated
from actors.foxglove import ImageAnnotations, drawing
from actors.recorder import Recorder
from actors.recording import ANNOTATIONS, IMAGE, ORIGIN, TALLY, TOPIC_NAMES, Entry, entries, origin
from actors.sink import SinkActor, make_sink
from actors.sources.base import SourceError, SourceFrame
from actors.sources.recording import RecordingSource
from bus.clock import ManualClock
from bus.fake import FakeBus
from bus.loop import ActorFailed
from bus.messages import VERSION, Box, Bye, Frame, FrameRef, Heartbeat, Message, Results
from bus.ring import RingWriter
from bus.topics import FRAME, HEARTBEAT, PIPELINE, RESULTS, TOPICS

SIZE = (48, 64)
CARD = Box([(5.0, 5.0), (30.0, 5.0), (30.0, 40.0), (5.0, 40.0)], 0.9)
BLOBS = {"crops": [bytes(range(256)) * 5, b""], "embeddings": [b"\x01" * 512, b"\x02" * 64]}
RESULT = SAMPLES["results"][1]
assert isinstance(RESULT, Results)


class Desk:
    """A recorder on a fake bus, beside a ring that holds the frames it hears of."""

    def __init__(self, out: Path, ring: RingWriter, clock: ManualClock, **settings: Any) -> None:
        self.out, self.ring, self.clock = out, ring, clock
        self.bus = FakeBus(out.parent, clock=clock)
        config = updated(Config(), "bus", run_dir=str(out.parent))
        self.config = updated(config, "recorder", **{"out": str(out), "frames": "png", **settings})
        self.recorder = Recorder(self.bus, self.config)

    def hear(self, message: Message, topic: Any = FRAME, blobs: Any = ()) -> None:
        self.bus.feed(self.recorder, topic, message, blobs)

    def frames(self, *numbers: int) -> None:
        """Frames as capture publishes them, 300 ms from each other so that there is always a free slot."""
        for number in numbers:
            ref = self.ring.write(picture(number))
            assert ref is not None
            self.hear(frame(number, ref))
            self.clock.advance(300)

    def finish(self) -> Path:
        self.recorder.finish()
        self.recorder.close()
        return self.out


def picture(number: int) -> Pixels:
    return mosaic(number, *SIZE)


def frame(number: int, ref: FrameRef) -> Frame:
    return Frame(stream="s", frame=number, t_ns=10**9 + number * 33_000_000, ref=ref, detections=[CARD])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(5_000_000_000)


@pytest.fixture
def ring(tmp_path: Path, clock: ManualClock) -> Iterator[RingWriter]:
    with served_ring(tmp_path / "ring.sock", clock, SIZE) as writer:
        yield writer


@pytest.fixture
def desk(tmp_path: Path, ring: RingWriter, clock: ManualClock) -> Desk:
    desk = Desk(tmp_path / "table.mcap", ring, clock)
    desk.recorder.start()
    return desk


def played(path: Path) -> list[SourceFrame]:
    source = RecordingSource(path)
    frames = list(iter(source.read, None))
    source.close()
    return [one for one in frames if one is not None]


def on(path: Path, *channels: str) -> list[Entry]:
    return list(entries(path, channels))


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


# The file.


def test_what_exists_is_never_overwritten(desk: Desk, ring: RingWriter, clock: ManualClock) -> None:
    """The evening's recording is gone because the command was repeated: refused, and the file is as it was."""
    desk.frames(0)
    before = desk.finish().read_bytes()
    again = Desk(desk.out, ring, clock)
    with pytest.raises(ValueError, match=r"table.mcap exists already: name another file"):
        again.recorder.start()
    again.recorder.close()
    assert desk.out.read_bytes() == before


def test_a_folder_gets_a_file_for_every_start(tmp_path: Path, ring: RingWriter, clock: ManualClock) -> None:
    """A service that is started again within a second must neither overwrite its file nor refuse."""
    (tmp_path / "tapes").mkdir()
    for session in ("aaaa", "bbbb"):
        desk = Desk(tmp_path / "tapes", ring, clock)
        desk.bus.session = session
        desk.recorder.start()
        desk.recorder.finish()
        desk.recorder.close()
    names = sorted(path.name for path in (tmp_path / "tapes").iterdir())
    assert len(names) == 2
    assert all(name.endswith(f"-{session}.mcap") for name, session in zip(names, ("aaaa", "bbbb"), strict=True))


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("", r"no file is named: set \[recorder\] out, or pass --out"),
        ("/nowhere/table.mcap", r"\[recorder\] out = /nowhere/table.mcap: No such file or directory"),
        ("/nowhere/", r"\[recorder\] out = /nowhere/: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_made(desk: Desk, ring: RingWriter, clock: ManualClock, out: str, message: str) -> None:
    """One line at the start, that names the key."""
    other = Desk(desk.out, ring, clock)
    other.recorder = Recorder(other.bus, updated(other.config, "recorder", out=out))
    with pytest.raises(ValueError, match=message):
        other.recorder.start()


def test_a_file_that_is_cut_off_anywhere_plays_up_to_the_cut(desk: Desk) -> None:
    """Killed, or no power: what is whole is there, in order, and nothing else; zeros at the end are no frames."""
    for number in range(12):
        desk.frames(number)
        desk.hear(RESULT, RESULTS)
    whole = desk.finish().read_bytes()
    cut, counts = desk.out.with_name("cut.mcap"), []
    for size in [*range(0, len(whole), len(whole) // 150), len(whole) - 1]:
        cut.write_bytes(whole[:size] + bytes(size % 3 * 5000))
        try:
            frames = played(cut)
        except SourceError as error:
            assert "cut.mcap" in str(error)
            frames = []
        assert all(np.array_equal(one.pixels, picture(number)) for number, one in enumerate(frames))
        counts.append(len(frames))
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, 12)
    assert len(set(counts)) > 1


def test_little_is_lost_by_a_kill(tmp_path: Path, ring: RingWriter, clock: ManualClock) -> None:
    """Nothing may wait in a buffer of ours: all but the last chunk is on disk while the recorder still runs."""
    desk = Desk(tmp_path / "table.mcap", ring, clock, frames="none")
    desk.recorder.start()
    crop = np.random.default_rng(0).integers(0, 256, 20_000, np.uint8).tobytes()
    for _ in range(20):
        desk.hear(SAMPLES["crops"][1], SAMPLES["crops"][0], [crop])
    copy = tmp_path / "copy.mcap"
    copy.write_bytes(desk.out.read_bytes())
    assert len(on(copy, "crops")) >= 16
    assert origin(copy)["wire"] == str(VERSION)
    desk.recorder.close()


class Full:
    """A file on a disk with so many bytes left: the write that does not fit is done in part."""

    def __init__(self, file: Any, room: int) -> None:
        self._file, self._room = file, room

    def write(self, data: bytes) -> int:
        self._file.write(data[: self._room])
        self._room = max(0, self._room - len(data))
        if not self._room:
            raise OSError(28, "No space left on device")
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_a_full_disk_ends_it_with_one_line(
    tmp_path: Path, ring: RingWriter, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recorder ends, the others do not notice, and what was written plays."""
    create = recorder._create
    monkeypatch.setattr(recorder, "_create", lambda *arguments: Full(create(*arguments), 400_000))
    desk = Desk(tmp_path / "table.mcap", ring, clock)
    desk.recorder.start()
    noise = np.random.default_rng(0).integers(0, 256, 30_000, np.uint8).tobytes()
    sent = 0
    with pytest.raises(
        ActorFailed, match=r"table.mcap: No space left on device; what was written so far can be played"
    ):
        for sent in range(40):
            desk.frames(sent)
            desk.hear(SAMPLES["crops"][1], SAMPLES["crops"][0], [noise])
    desk.recorder.close()
    frames = played(desk.out)
    assert 5 < len(frames) <= sent + 1 < 40
    assert all(np.array_equal(one.pixels, picture(number)) for number, one in enumerate(frames))


# What made it, and what became of it.


def test_it_says_what_made_it(desk: Desk, tmp_path: Path) -> None:
    """Six months later nobody knows which model and which settings it was."""
    desk.frames(0)
    said = origin(desk.finish())
    assert said["wire"] == str(VERSION)
    assert said["config"] == dump(desk.config, comments=False)
    assert said["config_sha256"] == hashlib.sha256(said["config"].encode()).hexdigest()
    model = Path(__file__).parents[2] / "models" / "embedder.onnx"
    assert said["model_sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert {"version", "git", "catalog", "platform", "device", "python", "started"} < set(said)
    assert said["python"].startswith("3.")


def test_the_system_is_described_as_it_was_started(tmp_path: Path, ring: RingWriter, clock: ManualClock) -> None:
    """A recorder from outside has a configuration of its own, and may be there first: the launcher's file counts."""
    desk = Desk(tmp_path / "table.mcap", ring, clock)
    desk.recorder.start()
    started = updated(desk.config, "smoother", confirm=7)
    desk.config.launched.write_text(dump(started))
    desk.frames(0)
    assert origin(desk.finish())["config"] == dump(started, comments=False)


def test_it_says_what_became_of_it(desk: Desk) -> None:
    """Whoever plays it must know whether something is missing, without having heard the heartbeats."""
    desk.frames(0, 1, 2, 3)
    desk.bus.drops["frame.overflow"] = 5
    with desk.finish().open("rb") as file:
        tally = {record.name: record.metadata for record in make_reader(file).iter_metadata()}[TALLY]
    assert tally == {"frames": "4", "pictures": "4", "messages": "4", "seconds": "0.9", "lost.frame.overflow": "5"}
    assert desk.recorder.detail.startswith(f"{desk.out}: 4 frames (4 pictures), 0.9 s, 0.")
    assert desk.recorder.detail.endswith("MB; lost: 5 frame.overflow")


# When it ends.


def test_it_ends_when_the_time_is_up(tmp_path: Path, ring: RingWriter, clock: ManualClock) -> None:
    """Counted from the first frame: it may have waited for the system for a long time."""
    desk = Desk(tmp_path / "table.mcap", ring, clock)
    desk.recorder = Recorder(desk.bus, desk.config, seconds=1.0)
    desk.recorder.start()
    clock.advance(60_000)
    assert desk.recorder.step() is None
    desk.frames(0)
    assert desk.recorder.step() == pytest.approx(700)
    desk.frames(1, 2)
    assert not desk.recorder.ended
    desk.frames(3)
    desk.recorder.step()
    assert desk.recorder.ended
    assert desk.recorder.settled()


def test_the_last_heartbeats_are_waited_for(desk: Desk) -> None:
    """They carry the final counts, and come after the end of the results; a system that goes on is not waited for."""
    desk.hear(Bye(final=False), RESULTS)
    assert desk.recorder.settled()
    desk.hear(Bye(final=True), RESULTS)
    assert not desk.recorder.settled()
    desk.clock.advance(150)
    desk.hear(Heartbeat(actor="smoother", pid=1, t_ns=0, state="stopping", started_ns=0), HEARTBEAT)
    desk.clock.advance(150)
    assert not desk.recorder.settled()
    desk.clock.advance(100)
    assert desk.recorder.settled()


# As a sink.


def test_it_runs_as_it_is_among_the_sinks(tmp_path: Path) -> None:
    """Wrapped as a sink it would get nothing but results."""
    actor = make_sink(FakeBus(), Config(), "sink.recorder")
    assert isinstance(actor, Recorder)
    assert actor.name == "sink.recorder"
    assert actor.outputs == ()
    assert isinstance(make_sink(FakeBus(), Config(), "sink.console"), SinkActor)
    assert {topic.publisher for topic in actor.inputs} - {"*"} == set(PIPELINE)


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
