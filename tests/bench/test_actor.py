"""An actor played from a recording: equal when nothing has changed, and the change named when something has."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from actor_fakes import mosaic
from samples import SAMPLES

from actors.config import Config, updated
from actors.recording import ORIGIN, RecordingWriter
from actors.selector import Selector
from actors.smoother import SmootherActor
from bench.actor import GalleryBus, lines, recorded_config, replay_actor
from bench.equal import difference
from bus import messages as m
from bus.actor import Actor
from bus.clock import ManualClock
from bus.topics import CROPS, EMBEDDINGS, FRAME, MATCHES, RESULTS, TRACKS, Topic

QUAD = [(40.0, 30.0), (140.0, 30.0), (140.0, 170.0), (40.0, 170.0)]
START_NS = 10**9
FRAME_MS = 33.0
Line = tuple[Topic, m.Message, list[Any], int]


class Stage:
    """An actor at work, and everything that it heard and said, as a recorder would have written it down."""

    def __init__(self, make: Callable[[GalleryBus], Actor]) -> None:
        self.clock = ManualClock(START_NS)
        self.bus = GalleryBus(self.clock)
        self.actor = make(self.bus)
        self.lines: list[Line] = []
        self.pictures: dict[int, bytes] = {}

    def say(self, topic: Topic, message: m.Message) -> None:
        """Something that the actor hears at once, and what it answers."""
        self.lines.append((topic, message, [], self.clock.now_ns()))
        self.bus.feed(self.actor, topic, message)
        self.take()

    def take(self) -> None:
        sent, self.bus.sent = self.bus.sent, []
        self.lines += [(topic, message, list(blobs), self.clock.now_ns()) for topic, message, blobs in sent]

    def finish(self) -> None:
        self.actor.finish()
        self.take()
        for topic in self.actor.outputs:
            self.lines.append((topic, m.Bye(session="fake", final=True), [], self.clock.now_ns()))

    def write(self, path: Path, **made_by: str) -> Path:
        with path.open("xb") as file:
            writer = RecordingWriter(file)
            writer.metadata(ORIGIN, made_by)
            for topic, message, blobs, t_ns in self.lines:
                writer.message(topic, message, blobs, t_ns)
                if isinstance(message, m.Frame) and message.frame in self.pictures:
                    writer.picture(message.t_ns, self.pictures[message.frame], "png")
            writer.finish()
        return path

    def change(self, topic: Topic, frame: int, **values: Any) -> None:
        """Falsify what was said about a frame; without values, forget it."""
        place = next(
            place
            for place, (t, message, *_) in enumerate(self.lines)
            if t is topic and getattr(message, "frame", None) == frame
        )
        _, message, *rest = self.lines.pop(place)
        if values:
            self.lines.insert(place, (topic, msgspec.structs.replace(message, **values), *rest))


def tracks(number: int, t_ns: int, now: int, crops: int) -> m.Tracks:
    state = m.TrackState(1, QUAD, 0.9, number + 1, 0, asked=crops > 0)
    trace = [m.Hop("select", now - 10**6, now)]
    return m.Tracks(stream="s", frame=number, t_ns=t_ns, trace=trace, tracks=[state], crops=crops)


def matches(number: int, t_ns: int, now: int) -> m.Matches:
    card = m.Candidate("sv1-1", "Pineco", "Base", "1", 0.08, 1.4)
    match = m.Match(1, number, "confirmed", 0, 0.08, 0.4, ["sv1-1"], [card])
    trace = [m.Hop("match", now - 10**6, now)]
    return m.Matches(stream="s", frame=number, t_ns=t_ns, trace=trace, catalog="2026", matches=[match])


def smoothed(frames: int = 12, late: tuple[int, ...] = ()) -> Stage:
    """The smoother confirms a card; the answers to the first four frames come after 10 ms, or too `late`."""
    stage = Stage(lambda bus: SmootherActor(bus, Config()))
    for number in range(frames):
        begun = stage.clock.now_ns()
        crops = int(number < 4)
        stage.say(TRACKS, tracks(number, begun, begun, crops))
        if crops:
            stage.clock.advance(200 if number in late else 10)
            stage.actor.step()
            stage.take()
            stage.say(MATCHES, matches(number, begun, stage.clock.now_ns()))
        stage.clock.advance(FRAME_MS)
    return stage


def play(path: Path, name: str = "smoother", **options: Any) -> dict[str, Any]:
    return replay_actor(name, path, recorded_config(path), **options)


def test_an_actor_that_has_not_changed_says_the_same(tmp_path: Path) -> None:
    """The visit that ends with the stream included: the actor is brought to its end where it was then."""
    stage = smoothed()
    stage.finish()
    assert [message.closing for _, message, *_ in stage.lines if isinstance(message, m.Results)][-1]
    report = play(stage.write(tmp_path / "f.mcap"))
    assert (report["messages_in"], report["messages_out"]) == (16, 13)
    assert (report["equal"], report["different"]) == (13, 0)
    assert report["notes"] == []
    assert set(report["cpu_ms"]) == {"p50", "p95"}


def test_time_passes_as_it_did(tmp_path: Path) -> None:
    """An answer that came after the frame had been given up: played without its clock, it would be in time."""
    stage = smoothed(late=(1,))
    assert stage.bus.drops["answer_late"] == 1
    report = play(stage.write(tmp_path / "f.mcap"))
    assert (report["equal"], report["different"]) == (12, 0)


def test_the_order_of_time_counts_and_not_that_of_the_file(tmp_path: Path) -> None:
    """The recorder hears topics one after the other, so that they change places in its file."""
    stage = smoothed()
    stage.lines.sort(key=lambda line: line[0].name)
    assert play(stage.write(tmp_path / "f.mcap"))["different"] == 0


def test_a_change_is_named_where_it_is(tmp_path: Path) -> None:
    """ "3 differ" is where the search begins, not where it ends."""
    stage = smoothed()
    result = next(msg for _, msg, *_ in stage.lines if isinstance(msg, m.Results) and msg.frame == 7)
    changed = [msgspec.structs.replace(result.tracks[0], name="Weedle")]
    stage.change(RESULTS, 7, tracks=changed)
    report = play(stage.write(tmp_path / "f.mcap"))
    assert (report["equal"], report["different"]) == (11, 1)
    assert report["differences"] == [
        {
            "topic": "results",
            "stream": "s",
            "frame": 7,
            "where": "tracks[0].name",
            "recorded": "'Weedle'",
            "replayed": "'Pineco'",
        }
    ]
    assert lines(report)[-1] == "  results 7 tracks[0].name: recorded 'Weedle', now 'Pineco'"


def test_more_or_fewer_messages_are_differences(tmp_path: Path) -> None:
    """An actor that is silent now where it spoke would pass a comparison of what there is; one that babbles, too."""
    stage = smoothed()
    stage.change(RESULTS, 5)
    (extra,) = play(stage.write(tmp_path / "extra.mcap"))["differences"]
    assert (extra["frame"], extra["recorded"], extra["replayed"]) == (5, "nothing", "a message")
    stage = smoothed()
    stage.lines.append(
        (RESULTS, m.Results(stream="s", frame=3, t_ns=0, status="cards", tracks=[], closing=True), [], 1)
    )
    (missing,) = play(stage.write(tmp_path / "missing.mcap"))["differences"]
    assert (missing["frame"], missing["recorded"], missing["replayed"]) == (3, "a message", "nothing")


def test_what_is_not_in_the_recording_is_no_difference(tmp_path: Path) -> None:
    """The recorder came late, lost a message or was cut off: that is no fault of the actor, and is noted."""
    stage = smoothed()
    stage.change(TRACKS, 11)
    report = play(stage.write(tmp_path / "lost.mcap"))
    assert report["different"] == 0
    assert report["notes"] == ["1 answers to what is not in the recording: left out"]
    stage = smoothed()
    stage.change(RESULTS, 11)
    report = play(stage.write(tmp_path / "cut.mcap"))
    assert report["different"] == 0
    assert report["notes"] == ["1 messages after the end of the recording: left out"]


def test_a_late_beginning_and_a_restart_are_noted(tmp_path: Path) -> None:
    """What the actor knew at the beginning is not in the file: whoever reads the differences must know."""
    stage = smoothed()
    for number in range(3):
        for topic in (TRACKS, MATCHES, RESULTS):
            stage.change(topic, number)
    stage.change(RESULTS, 8, session="another")
    notes = play(stage.write(tmp_path / "f.mcap"))["notes"]
    assert "stream s is recorded from frame 3 on: what came before is unknown" in notes
    assert "1 restarts in the recording, of which this knows nothing" in notes


def test_a_recording_that_was_cut_off_is_compared_up_to_the_cut(tmp_path: Path) -> None:
    """What a killed recorder left is the recording of the crash that one is after."""
    whole = smoothed(400).write(tmp_path / "whole.mcap").read_bytes()
    (tmp_path / "cut.mcap").write_bytes(whole[: len(whole) * 2 // 3])
    report = play(tmp_path / "cut.mcap")
    assert report["different"] == 0
    assert 50 < report["equal"] < 400


def test_it_is_played_with_the_configuration_of_then(tmp_path: Path) -> None:
    """A lockstep recording played as a live one would give up frames that were waited for."""
    config = "[smoother]\nconfirm = 3\n[capture]\npace = 'lockstep'\n"
    path = smoothed().write(tmp_path / "f.mcap", config=config, model_sha256="ab" * 32)
    assert recorded_config(path).lossless
    (note,) = play(path)["notes"]
    assert note.startswith("recorded with the model ababab")
    report = replay_actor("smoother", path, updated(recorded_config(path), "smoother", confirm=4))
    assert report["different"] > 0


# The selector, which needs the pictures.


def selected(pictures: bool = True) -> Stage:
    """The selector follows a card and asks for crops of it; every fifth frame is never taken in."""
    stage = Stage(lambda bus: Selector(bus, Config()))
    for number in range(10):
        image = mosaic(3, 200, 200)
        begun = stage.clock.now_ns()
        ref = m.FrameRef("ring", number, 200, 200, begun + 90_000_000)
        trace = [m.Hop("capture", begun, begun)]
        frame = m.Frame(stream="s", frame=number, t_ns=begun, trace=trace, ref=ref, detections=[m.Box(QUAD, 0.9)])
        if pictures:
            stage.pictures[number] = cv2.imencode(".png", image[..., ::-1])[1].tobytes()
        if number == 5:
            stage.lines.append((FRAME, frame, [], begun))
        else:
            stage.bus.gallery.hang(ref, image)
            stage.say(FRAME, frame)
        stage.clock.advance(FRAME_MS)
    return stage


def test_the_selector_sees_the_pictures(tmp_path: Path) -> None:
    """The same crops to the last bit; what it had never taken in, because a newer frame was there, it does not get."""
    stage = selected()
    assert any(topic is CROPS for topic, *_ in stage.lines)
    report = play(stage.write(tmp_path / "f.mcap"), "selector", tolerance=1e-9)
    assert report["different"] == 0
    assert report["messages_in"] == 9
    assert report["equal"] == sum(topic in (CROPS, TRACKS) for topic, *_ in stage.lines)
    assert report["notes"] == ["1 frames that it did not answer then: left out"]


def test_a_selector_without_pictures_is_said_to_be_blind(tmp_path: Path) -> None:
    """Nothing was compared, and that must not look like a success of anything."""
    report = play(selected(pictures=False).write(tmp_path / "f.mcap"), "selector")
    assert report["equal"] == 0
    assert "9 frames without their picture" in report["notes"]


# Equality.


def results(**values: Any) -> m.Results:
    sample = SAMPLES["results"][1]
    assert isinstance(sample, m.Results)
    return msgspec.structs.replace(sample, **values)


def test_who_and_when_are_no_differences() -> None:
    """Sessions, numbers and times are never the same twice."""
    other = results(session="x", life="y", seq=99, trace=[m.Hop("smooth", 1, 2)])
    assert difference(RESULTS, (results(), []), (other, []), 0.0) is None


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"frame": 43}, "frame"),
        ({"status": "no_card"}, "status"),
        ({"tracks": []}, "tracks"),
        ({"closing": True}, "closing"),
    ],
)
def test_everything_else_is_one(values: dict[str, Any], where: str) -> None:
    """Counts, words and lengths to the last one; the tolerance is for measurements."""
    found = difference(RESULTS, (results(), []), (results(**values), []), 0.5)
    assert found is not None
    assert found.where == where


def test_numbers_are_equal_within_the_tolerance() -> None:
    """Another machine rounds otherwise, deep in a structure as well as at its top."""
    track = results().tracks[0]
    near = results(tracks=[msgspec.structs.replace(track, distance=track.distance + 5e-4)])
    far = results(tracks=[msgspec.structs.replace(track, distance=track.distance + 5e-3)])
    assert difference(RESULTS, (results(), []), (near, []), 1e-3) is None
    found = difference(RESULTS, (results(), []), (far, []), 1e-3)
    assert found is not None
    assert found == ("tracks[0].distance", "0.081", "0.086")


def test_blobs_are_compared_as_what_they_are() -> None:
    """Bytes of floats that differ by nothing differ in many bits; a picture by one grey level is the same picture."""
    rows = np.ones((2, 4), np.float32)
    hashes = np.zeros((2, 64), np.uint8)
    message = SAMPLES["embeddings"][1]
    same = (message, [memoryview(rows.tobytes()), memoryview(hashes.tobytes())])

    def apart(new_rows: Any, new_hashes: Any) -> Any:
        blobs = [memoryview(np.ascontiguousarray(blob).tobytes()) for blob in (new_rows, new_hashes)]
        return difference(EMBEDDINGS, same, (message, blobs), 1e-3)

    assert apart(rows + 1e-5, hashes) is None
    assert apart(rows + 1e-2, hashes).where == "blob 0"
    flipped = hashes.copy()
    flipped[0, 0] = 1
    assert apart(rows, flipped) is None
    assert apart(rows, hashes + 255).where == "blob 1"
    assert apart(rows[:1], hashes).where == "blobs"
    crop, message = np.full(3000, 100, np.uint8), SAMPLES["crops"][1]
    for step, equal in ((1, True), (20, False)):
        pair = [(message, [memoryview(one.tobytes())]) for one in (crop, crop + np.uint8(step))]
        assert (difference(CROPS, pair[0], pair[1], 0.01) is None) == equal
