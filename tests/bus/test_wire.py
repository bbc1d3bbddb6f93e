"""The wire format: what goes over it is plain msgpack, and nothing that comes over it can hurt."""

import json
import math
import os
from pathlib import Path

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import SAMPLES

from bus.messages import VERSION, Bye, Corners, Frame, Tracks
from bus.topics import FRAME, RESULTS, TOPICS
from bus.wire import WireError, decode, encode

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", SAMPLES)
def test_golden_files_hold(name: str) -> None:
    """A change of the wire format that would strand recordings and foreign sinks does not pass unseen.

    After a deliberate change: raise VERSION, run with UPDATE_GOLDEN=1, and describe it in docs/bus.md.
    """
    topic, message = SAMPLES[name]
    header = encode(topic, message)[1]
    path = GOLDEN / f"{name}.msgpack"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_bytes(header)
    assert path.read_bytes() == header


@pytest.mark.parametrize("name", SAMPLES)
def test_golden_files_are_plain_msgpack(name: str) -> None:
    """A sink that has the msgpack package and none of our code reads the same content."""
    topic, message = SAMPLES[name]
    plain = msgpack.unpackb((GOLDEN / f"{name}.msgpack").read_bytes())
    assert plain == json.loads(msgspec.json.encode(message))
    assert plain["type"] == name
    assert plain["v"] == VERSION
    assert decode([topic.name.encode(), (GOLDEN / f"{name}.msgpack").read_bytes()])[1] == message


def test_every_topic_has_a_sample() -> None:
    """A new topic cannot come without a golden file."""
    assert {topic.name for topic, _ in SAMPLES.values()} == set(TOPICS)


def test_a_message_of_msgpack_alone_is_understood() -> None:
    """A publisher in another language need not know our encoder."""
    header = msgpack.packb({"type": "bye", "v": 1, "session": "x", "seq": 1, "final": False})
    assert decode([b"results", header])[1] == Bye(session="x", seq=1, final=False)


def test_optional_fields_may_be_missing_and_unknown_ones_present() -> None:
    """The evolution rule: a newer publisher of the same version adds fields, an older one lacks them."""
    topic, message = SAMPLES["frame"]
    plain = msgpack.unpackb(encode(topic, message)[1])
    del plain["trace"]
    plain["exposure_us"] = 800
    decoded = decode([b"frame", msgpack.packb(plain)])[1]
    assert isinstance(decoded, Frame)
    assert decoded.trace == []


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("newer_schema", {"v": VERSION + 1}),
        ("newer_schema", {"v": VERSION + 1, "frame": "forty-two"}),
        ("unknown_type", {"type": "hologram"}),
        ("malformed", {"frame": "forty-two"}),
    ],
)
def test_what_cannot_be_used_is_named(reason: str, change: dict[str, object]) -> None:
    """A message from a newer or broken publisher is counted under its reason and never a crash."""
    plain = msgpack.unpackb(encode(*SAMPLES["frame"])[1]) | change
    with pytest.raises(WireError) as error:
        decode([b"frame", msgpack.packb(plain)])
    assert error.value.reason == reason


@given(st.lists(st.binary(max_size=64), max_size=4))
def test_noise_is_malformed(parts: list[bytes]) -> None:
    """Whatever bytes arrive, the only outcome is a WireError."""
    with pytest.raises(WireError):
        decode([b"frame" if index == 0 else part for index, part in enumerate(parts)])


def test_blobs_are_not_copied() -> None:
    """Crops would cost a copy on each side otherwise."""
    blob = bytearray(1000)
    parts = encode(RESULTS, SAMPLES["results"][1], [blob])
    assert parts[2] is blob
    assert decode(parts)[2][0].obj is blob


def test_frame_topic_rejects_the_message_of_another() -> None:
    """A results message on the frame topic is not taken for a frame."""
    with pytest.raises(WireError, match=r"unknown_type|carries no messages"):
        decode([FRAME.name.encode(), encode(*SAMPLES["results"])[1]])


@pytest.mark.parametrize(
    "quad", [[(0.0, 0.0)] * 3, [(0.0, 0.0)] * 5, [(math.nan, 0.0)] * 4, [(math.inf, 0.0)] * 4, [(1e30, 0.0)] * 4]
)
def test_a_quad_is_four_points(quad: Corners) -> None:
    """Three corners, or a corner nowhere, brought the selector down at work, and down again after its restart."""
    topic, message = SAMPLES["tracks"]
    assert isinstance(message, Tracks)
    tracks = [msgspec.structs.replace(message.tracks[0], quad=quad)]
    with pytest.raises(WireError) as refused:
        decode(encode(topic, msgspec.structs.replace(message, tracks=tracks)))
    assert refused.value.reason == "malformed"
