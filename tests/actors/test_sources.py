"""Sources: right frames at right times from good input, one clear line from bad input, never a hang or a crash."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from actor_fakes import Pixels, mosaic
from mcap.writer import CompressionType, Writer

from actors.config import Config, updated
from actors.sections import CaptureConfig, SceneConfig
from actors.sources import open_source
from actors.sources.base import Source, SourceError, SourceFrame, parse
from bus.clock import ManualClock
from bus.messages import Box, Frame, FrameRef

SIZE = (96, 128)


def opened(spec: str, **options: object) -> Source:
    return open_source(updated(Config(), "capture", source=spec, **options), ManualClock())


def played(source: Source) -> list[SourceFrame]:
    frames = [replace(frame, pixels=frame.pixels.copy()) for frame in iter(source.read, None) if frame is not None]
    source.close()
    return frames


def picture(number: int, size: tuple[int, int] = SIZE) -> Pixels:
    """A flat colour that survives compression; its red channel tells which one it is."""
    return np.full((*size, 3), (20 + 40 * number, 90, 200), np.uint8)


def tells(frame: SourceFrame) -> int:
    return round((float(frame.pixels[..., 0].mean()) - 20) / 40)


# Names of sources.


@pytest.mark.parametrize(
    ("spec", "parsed"),
    [
        ("camera:0", ("camera", "0")),
        ("camera", ("camera", "")),
        ("video:a b.mp4", ("video", "a b.mp4")),
        ("images:/tmp", ("images", "/tmp")),
        ("recording:x:y.mcap", ("recording", "x:y.mcap")),
        ("scene", ("scene", "")),
        ("scene:demo", ("scene", "demo")),
    ],
)
def test_a_source_has_a_scheme(spec: str, parsed: tuple[str, str]) -> None:
    """The scheme says what it is, whatever is in the name after it."""
    assert parse(spec) == parsed


def test_a_path_is_taken_for_what_it_is(tmp_path: Path) -> None:
    """`sleevesight replay clip.mp4` should not need an explanation."""
    for name in ("clip.mp4", "table.mcap", "odd:name.avi"):
        (tmp_path / name).touch()
    assert parse(str(tmp_path)) == ("images", str(tmp_path))
    assert parse(str(tmp_path / "clip.mp4")) == ("video", str(tmp_path / "clip.mp4"))
    assert parse(str(tmp_path / "table.mcap")) == ("recording", str(tmp_path / "table.mcap"))
    assert parse(str(tmp_path / "odd:name.avi")) == ("video", str(tmp_path / "odd:name.avi"))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("clip.mp4", "clip.mp4: no such file or folder"),
        ("vidoe:clip.mp4", "there is no source 'vidoe' (did you mean 'video'?), and no file or folder vidoe:clip.mp4"),
        (
            "rtsp://10.0.0.7/live",
            "there is no source 'rtsp' (the sources are camera, imx500, video, images, recording, scene",
        ),
        ("videos", "videos: no such file or folder"),
        ("", "no source is named: "),
    ],
)
def test_a_source_that_does_not_exist(spec: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error in the scheme, or in the path: one line that says which."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError) as raised:
        parse(spec)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    "spec", ["video:none.mp4", "images:none", "recording:none.mcap", "video:", "images:", "recording:"]
)
def test_a_missing_file_is_named(spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The schemes take any argument; the source itself looks for the file."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError):
        opened(spec).read()


# Video files.


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.avi", 6)


def write_video(path: Path, count: int, fps: float = 20.0, size: tuple[int, int] = SIZE) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, size[::-1])
    assert writer.isOpened()
    for number in range(count):
        writer.write(picture(number % 6, size)[..., ::-1])
    writer.release()
    return path


def test_a_video_plays_in_its_own_time(video: Path) -> None:
    """RGB, every frame once, timed by the file's frame rate."""
    source = opened(f"video:{video}")
    assert (source.live, source.finds) == (False, "nothing")
    frames = played(source)
    assert [tells(frame) for frame in frames] == [0, 1, 2, 3, 4, 5]
    assert [frame.t_ns for frame in frames] == [50_000_000 * number for number in range(6)]
    assert frames[0].pixels.shape == (*SIZE, 3)
    assert frames[0].pixels[0, 0, 2] == pytest.approx(200, abs=8), "blue and red are not where they belong"


def test_a_truncated_video_plays_up_to_the_cut(tmp_path: Path) -> None:
    """A camera that lost its power leaves such a file: what is there can be used."""
    path = write_video(tmp_path / "clip.avi", 40)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames = played(opened(f"video:{path}"))
    assert 5 < len(frames) < 35


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"not a video " * 400, bytes(5000)], ids=["empty", "4", "text", "zeros"]
)
@pytest.mark.parametrize("suffix", ["mp4", "avi", "mkv"])
def test_a_broken_video_is_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    """One line that names the file and says what to do with it."""
    path = tmp_path / f"clip.{suffix}"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=rf"clip.{suffix} is no video that can be decoded: convert it to mp4"):
        opened(f"video:{path}").read()


def test_a_video_without_frames_is_refused(tmp_path: Path) -> None:
    """It opens, and there is nothing in it: without an error a replay would report success over no frames."""
    path = write_video(tmp_path / "clip.avi", 0)
    with pytest.raises(SourceError, match=r"clip.avi"):
        opened(f"video:{path}").read()


# Folders of pictures.


def save(path: Path, pixels: Pixels) -> Path:
    assert cv2.imwrite(str(path), pixels[..., ::-1])
    return path


def test_a_folder_plays_in_the_order_of_names(tmp_path: Path) -> None:
    """Pictures of different sizes, something that is none, and a folder: the pictures play, the rest is left out."""
    save(tmp_path / "b.png", picture(1, (50, 70)))
    save(tmp_path / "a.jpg", picture(0))
    save(tmp_path / "d.PNG", picture(3))
    (tmp_path / "c.jpg").write_bytes(b"this is no picture")
    (tmp_path / "c2.png").touch()
    (tmp_path / "notes.txt").write_text("not shown")
    (tmp_path / "folder.jpg").mkdir()
    frames = played(opened(f"images:{tmp_path}", images_fps=4.0))
    assert [tells(frame) for frame in frames] == [0, 1, 3]
    assert [frame.pixels.shape[:2] for frame in frames] == [SIZE, (50, 70), SIZE]
    assert [frame.t_ns for frame in frames] == [0, 250_000_000, 500_000_000]


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    """Often the folder above the right one: the line says what counts as a picture."""
    (tmp_path / "notes.txt").touch()
    with pytest.raises(SourceError, match=r"holds no pictures \(.bmp, .jpeg, .jpg"):
        opened(f"images:{tmp_path}")


def test_a_folder_of_broken_pictures_is_refused(tmp_path: Path) -> None:
    """Zero frames played without an error would look like success."""
    (tmp_path / "a.jpg").write_bytes(b"this is no picture")
    (tmp_path / "b.jpg").touch()
    with pytest.raises(SourceError, match=r"none of the 2 pictures in .* can be read"):
        opened(f"images:{tmp_path}").read()


# Recordings.


def header(number: int, detections: list[Box] | None) -> Frame:
    ref = FrameRef("gone", 0, SIZE[1], SIZE[0], 0)
    t_ns = 5_000_000_000 + number * 33_000_000
    return Frame(session="old", seq=number + 1, stream="old", frame=number, t_ns=t_ns, ref=ref, detections=detections)


def compressed(pixels: Pixels) -> dict[str, object]:
    data = cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()
    return {
        "timestamp": {"sec": 0, "nsec": 0},
        "frame_id": "",
        "data": base64.b64encode(data).decode(),
        "format": "png",
    }


CARD = Box([(10.0, 10.0), (40.0, 10.0), (40.0, 52.0), (10.0, 52.0)], 0.9)
DETECTIONS: list[list[Box] | None] = [[], None, [CARD], [CARD, CARD]]


def record(
    path: Path, pictures: bool = True, image: object = None, detections: list[list[Box] | None] = DETECTIONS
) -> Path:
    """A recording as the recorder writes it: headers and the picture of the same time after each."""
    with path.open("wb") as file:
        writer = Writer(file, chunk_size=4096, compression=CompressionType.ZSTD)
        writer.start()
        frames = writer.register_channel("frame", "msgpack", 0)
        images = writer.register_channel("image", "json", 0)
        other = writer.register_channel("results", "msgpack", 0)
        for number, boxes in enumerate(detections):
            message = header(number, boxes)
            writer.add_message(other, message.t_ns, b"\x80", message.t_ns)
            writer.add_message(frames, message.t_ns, msgspec.msgpack.encode(message), message.t_ns)
            if pictures:
                data = json.dumps(image if image is not None else compressed(mosaic(number, *SIZE))).encode()
                writer.add_message(images, message.t_ns, data, message.t_ns)
        writer.finish()
    return path


def test_a_recording_plays_with_its_detections(tmp_path: Path) -> None:
    """The very pixels, the times, and what the camera's own detector said, silence included."""
    source = opened(str(record(tmp_path / "table.mcap")))
    assert (source.live, source.finds) == (False, "cards")
    frames = played(source)
    assert all(np.array_equal(frame.pixels, mosaic(number, *SIZE)) for number, frame in enumerate(frames))
    assert [frame.t_ns for frame in frames] == [0, 33_000_000, 66_000_000, 99_000_000]
    found = [None if frame.detections is None else [one.quad.tolist() for one in frame.detections] for frame in frames]
    card = [list(point) for point in CARD.quad]
    assert found == [[], None, [card], [card, card]]


def test_a_recording_without_pictures_is_refused(tmp_path: Path) -> None:
    """It was recorded that way on purpose or by mistake, and cannot be played either way."""
    with pytest.raises(SourceError, match=r"table.mcap holds no frames: record with pictures"):
        opened(str(record(tmp_path / "table.mcap", pictures=False))).read()


def test_a_truncated_recording_plays_up_to_the_cut(tmp_path: Path) -> None:
    """Power was lost: the recording has no end. Cut anywhere, it plays what is whole or says that nothing is."""
    whole = record(tmp_path / "table.mcap", detections=DETECTIONS * 5).read_bytes()
    counts = []
    for size in range(0, len(whole), max(1, len(whole) // 60)):
        path = tmp_path / "cut.mcap"
        path.write_bytes(whole[:size])
        try:
            counts.append(len(played(opened(str(path)))))
        except SourceError as error:
            assert "cut.mcap" in str(error)
            counts.append(0)
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert 15 < counts[-1] <= 20


def test_a_damaged_recording_never_crashes(tmp_path: Path) -> None:
    """Bits flip on SD cards: frames, an end, or one line, but never an exception that ends the process."""
    whole = record(tmp_path / "table.mcap").read_bytes()
    rng = np.random.default_rng(7)
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(4):
            damaged[int(rng.integers(len(damaged)))] = int(rng.integers(256))
        path = tmp_path / "damaged.mcap"
        path.write_bytes(bytes(damaged))
        try:
            played(opened(str(path)))
        except SourceError as error:
            assert "damaged.mcap" in str(error)


@pytest.mark.parametrize(
    "image",
    [{}, [], "text", {"data": 7}, {"data": ""}, {"data": "%%%"}, {"data": base64.b64encode(b"no picture").decode()}],
    ids=["no data", "list", "text", "number", "empty", "no base64", "no picture"],
)
def test_a_recording_with_odd_pictures_is_refused(tmp_path: Path, image: object) -> None:
    """Other programs write this schema, too, and not all of them right."""
    with pytest.raises(SourceError, match=r"table.mcap"):
        opened(str(record(tmp_path / "table.mcap", image=image))).read()


def test_an_odd_detection_is_left_out_with_its_frame(tmp_path: Path) -> None:
    """Three corners are no card: that header is no header."""
    odd = Box([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)], 0.9)
    frames = played(opened(str(record(tmp_path / "table.mcap", detections=[[CARD], [odd], [CARD]]))))
    assert len(frames) == 2


@pytest.mark.parametrize("content", [b"", b"\x89MCAP0\r\n", b"no recording at all", bytes(1000)])
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes) -> None:
    """By its name it is one, by its content it is not."""
    path = tmp_path / "table.mcap"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"table.mcap"):
        opened(str(path)).read()


# Scenes.


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Config]:
    config = updated(Config(), "capture", source="scene:still")
    yield updated(config, "scene", width=320, height=240, count=3)


def test_a_scene_is_the_same_twice(scene: Config) -> None:
    """Tests and measurements compare runs with each other."""
    one, other = (open_source(scene, ManualClock()) for _ in range(2))
    for _ in range(2):
        first, second = one.read(), other.read()
        assert first is not None
        assert second is not None
        assert first.pixels.shape == (240, 320, 3)
        assert np.array_equal(first.pixels, second.pixels)
    assert first.t_ns > 0


def test_a_looped_scene_begins_again_and_time_goes_on(scene: Config) -> None:
    """A soak of an hour needs an hour of frames, and time that jumps back would be a stream of its own each time."""
    source = open_source(updated(scene, "scene", loop=True, width=160, height=160), ManualClock())
    once = len(played(open_source(updated(scene, "scene", width=160, height=160), ManualClock())))
    frames = [source.read() for _ in range(once + 2)]
    assert all(frame is not None for frame in frames)
    first, again = frames[1], frames[once + 1]
    assert first is not None
    assert again is not None
    assert (first.pixels == again.pixels).all()
    assert again.t_ns - first.t_ns == pytest.approx(once / 30 * 1e9, abs=2)


def test_an_unknown_scene_names_those_that_exist(scene: Config) -> None:
    """Nobody knows their names by heart."""
    with pytest.raises(SourceError, match="still"):
        open_source(updated(scene, "capture", source="scene:nowhere"), ManualClock())


def test_a_scene_of_a_folder_without_cards_is_refused(scene: Config, tmp_path: Path) -> None:
    """The key is named, because the folder came from the configuration."""
    with pytest.raises(SourceError, match=r"\[scene\] cards = .* holds no card pictures"):
        open_source(updated(scene, "scene", cards=str(tmp_path)), ManualClock())


def test_every_scheme_has_its_key_in_the_configuration() -> None:
    """The description of `[capture] source` is where people look the schemes up."""
    from actors.sources.base import SCHEMES

    description = str(CaptureConfig.__annotations__["source"])
    assert all(scheme in description for scheme in SCHEMES)
    assert SceneConfig().count > 0
