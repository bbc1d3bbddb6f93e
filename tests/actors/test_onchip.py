"""A camera that detects by itself: which frame an answer goes with, and what happens when the camera stalls."""

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.sources.base import NothingYet, Pixels, SourceError, SourceFrame
from actors.sources.held import Held, age_frames
from actors.sources.onchip import OnChipSource, Shot
from bus.actor import ROUND_S
from bus.clock import ManualClock
from vision.onchip import Layout
from vision.sensor import centred

FRAME_MS = 40.0
SIZE = (202, 152)
NONE = np.zeros((1, 1, 3), np.uint8)


class FakeCamera:
    """A frame every 40 ms, whose first pixel is its number; an answer every `every` frames, to the one `late` before.

    The card of the answer to frame n is as many pixels from the left as n.
    """

    title = "a camera"
    size = SIZE
    layout = Layout(input_size=SIZE, pixels=True, x_first=True, min_score=0.5)

    def __init__(self, clock: ManualClock, late: int = 2, every: int = 2, run_ms: float | None = 70.0) -> None:
        self._clock, self._late, self._every, self.run_ms = clock, late, every, run_ms
        self._number = -1
        self.skip: set[int] = set()
        self.broken = False
        self.closed = threading.Event()
        self.tensors: Sequence[Any] | None = None

    def shoot(self, into: Pixels, timeout_s: float) -> Shot:
        if self.broken:
            self._clock.advance(timeout_s * 1000)
            raise TimeoutError
        self._number += 1
        self._clock.advance(FRAME_MS)
        while self._number in self.skip:
            self._number += 1
            self._clock.advance(FRAME_MS)
        into[:] = self._number % 256
        answer = self._number % self._every == 0 and self._number >= self._late
        tensors = (self.tensors or box(self._number - self._late)) if answer else None
        stamp = self._clock.now_ns() - 5_000_000
        return Shot(into, stamp, FRAME_MS * 1e6, centred(*SIZE), tensors, self.run_ms if answer else None)

    def close(self) -> None:
        self.closed.set()


def box(left: int) -> list[np.ndarray]:
    return [np.array([[left, 10, left + 40, 66]], np.float32), np.array([0.9]), np.array([0.0])]


def told(frame: SourceFrame | None) -> tuple[int, int | None]:
    """A frame's number, and that of the frame whose card is in it."""
    assert frame is not None
    found = frame.detections
    return int(frame.pixels[0, 0, 0]), None if found is None else round(float(found[0].quad[0, 0] + 0.5))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(10**12)


# Held frames.


@given(st.integers(1, 5), st.integers(1, 3), st.sets(st.integers(1, 38)), st.integers(0, 9))
def test_every_frame_passes_once_with_its_own_answer(late: int, every: int, skipped: set[int], jitter: int) -> None:
    """One frame off, the crop of a moving card shows the table beside it; and a lost frame shifts all that follow."""
    held, out = Held(), []
    numbers = [number for number in range(40) if number not in skipped]
    for number in numbers:
        frame = SourceFrame(NONE, number * 100 + (number * 7) % (jitter + 1))
        found = [number - late] if number % every == 0 else None
        out += held.push(frame, found, late, 100)  # type: ignore[arg-type]
    assert [frame.t_ns // 100 for frame in out] == [n for n in numbers if n <= numbers[-1] - late]
    for frame in out:
        number, found = frame.t_ns // 100, frame.detections
        if number + late in numbers and (number + late) % every == 0:
            assert found == [number]
        else:
            assert found is None or found[0] in {number - 1, number + 1} - set(numbers)


def test_an_age_that_changes_loses_no_frame() -> None:
    """The network takes longer now and then: what is too late for its frame goes with the oldest that is held."""
    held = Held()
    ages = [1, 1, 3, 1, 2, 2, 1, 1]
    out = [f for n, age in enumerate(ages) for f in held.push(SourceFrame(NONE, n * 100), None, age, 100)]
    assert [frame.t_ns for frame in out] == list(range(0, 700, 100))


@pytest.mark.parametrize(("run_ms", "age"), [(0.1, 1), (33.3, 1), (33.4, 2), (58.8, 2), (62.5, 2), (67, 3), (9e9, 8)])
def test_the_age_is_the_time_that_the_network_takes(run_ms: float, age: int) -> None:
    """In whole frames, one at least; and nonsense from the chip must not hold frames for ever."""
    assert age_frames(run_ms, 33.3) == age


# The source.


def test_boxes_go_with_the_frame_that_they_belong_to(clock: ManualClock) -> None:
    """At 70 ms and 25 frames a second an answer is two frames late, and every second frame has none."""
    source = OnChipSource(lambda: FakeCamera(clock), clock)
    assert (source.live, source.finds) == (True, "boxes")
    source.read()  # before it, nothing was kept that an answer could go to
    assert [told(source.read()) for _ in range(4)] == [(4, 4), (5, None), (6, 6), (7, None)]
    assert source.title == "a camera: boxes, 2 frames late"


def test_the_age_can_be_set(clock: ManualClock) -> None:
    """Where the chip's own word proves wrong on a device, its user has the last one."""
    source = OnChipSource(lambda: FakeCamera(clock, late=1, run_ms=500.0), clock, box_age=1)
    assert [told(source.read()) for _ in range(3)] == [(3, 3), (4, None), (5, 5)]


def test_a_frame_has_the_time_of_its_exposure(clock: ManualClock) -> None:
    """Held for two frames, it is not two frames younger."""
    source = OnChipSource(lambda: FakeCamera(clock), clock)
    frames = [source.read() for _ in range(3)]
    assert [frame.t_ns for frame in frames if frame] == [10**12 + 35_000_000 + n * 40_000_000 for n in (3, 4, 5)]


def test_times_of_another_clock_are_not_believed(clock: ManualClock) -> None:
    """Should a kernel stamp with CLOCK_MONOTONIC after a suspend, every latency would be wrong by the night's sleep."""
    camera = FakeCamera(clock)
    shoot = camera.shoot
    camera.shoot = lambda *args: replace(shoot(*args), t_ns=77)  # type: ignore[method-assign]
    source = OnChipSource(lambda: camera, clock)
    times = [frame.t_ns for frame in (source.read() for _ in range(4)) if frame]
    assert times == sorted(set(times))
    assert abs(times[-1] - clock.now_ns()) < 500_000_000


def test_memory_is_used_again(clock: ManualClock) -> None:
    """Nine new megabytes for each frame cost a millisecond of page faults; but not while somebody still reads them."""
    source = OnChipSource(lambda: FakeCamera(clock), clock)
    frames = [source.read() for _ in range(8)]
    assert len({id(frame.pixels) for frame in frames if frame}) <= 4


def test_no_card_is_not_no_answer(clock: ManualClock) -> None:
    """An empty table ends tracks; a network that has not finished must not."""
    camera = FakeCamera(clock)
    camera.tensors = [np.zeros((3, 4)), np.zeros(3), np.zeros(3)]
    source = OnChipSource(lambda: camera, clock)
    source.read()
    assert [frame.detections for frame in (source.read() for _ in range(3)) if frame] == [[], None, []]


def test_a_network_of_another_kind_is_refused(clock: ManualClock) -> None:
    """At the start, in one line, and the camera is free again."""
    camera = FakeCamera(clock)
    camera.tensors = [np.zeros((1000,))]
    with pytest.raises(SourceError, match=r"^a camera: the network gives tensors \[1000\]; it has to give"):
        OnChipSource(lambda: camera, clock)
    assert camera.closed.is_set()


def test_a_network_that_says_nothing_is_refused(clock: ManualClock) -> None:
    """Frames alone are what a camera gives whose network was not uploaded."""
    with pytest.raises(SourceError, match="gives frames, but its network has said nothing in 30 s"):
        OnChipSource(lambda: FakeCamera(clock, every=10**6), clock)


# Stalls.


def until_frame(source: OnChipSource, patience: int = 500) -> tuple[int, list[str]]:
    said = []
    for _ in range(patience):
        try:
            frame = source.read()
            if said:
                return told(frame)[0], said
        except NothingYet as reason:
            said.append(str(reason))
    raise AssertionError(f"no frame; {said[-1]}")


def test_a_camera_that_stalls_is_opened_anew(clock: ManualClock) -> None:
    """picamera2#1404: without a timeout the process lives on and never sees a frame again."""
    cameras = [FakeCamera(clock), FakeCamera(clock)]
    left = list(cameras)
    source = OnChipSource(lambda: left.pop(0), clock, stall_s=1.0)
    source.read()
    source.read()
    cameras[0].broken = True
    number, said = until_frame(source)
    assert number == 0, "the new camera's first"
    assert said[0] == "a camera gives no frame"
    assert cameras[0].closed.is_set()
    assert not cameras[1].closed.is_set()
    source.close()
    assert cameras[1].closed.is_set()


def test_it_is_said_beforehand_that_opening_anew_takes_long(clock: ManualClock) -> None:
    """libcamera's start holds the interpreter: once it has begun, no heartbeat gets out to say so."""
    cameras = [FakeCamera(clock), FakeCamera(clock)]
    left = list(cameras)
    source = OnChipSource(lambda: left.pop(0), clock, stall_s=1.0)
    cameras[0].broken = True
    may_take: list[float] = []
    while not may_take or may_take[-1] == ROUND_S:
        with pytest.raises(NothingYet) as caught:
            source.read()
        may_take.append(caught.value.may_take_s)
    assert may_take[0] == ROUND_S
    assert may_take[-1] > 10.0
    assert len(left) == 1, "nothing has begun yet"
    assert not cameras[0].closed.is_set()
    with contextlib.suppress(NothingYet):
        source.read()
    assert cameras[0].closed.wait(5), "when it is asked again, it is"


def test_a_hiccup_is_no_stall(clock: ManualClock) -> None:
    """Opening anew costs seconds: half a second without a frame is not worth it."""
    camera = FakeCamera(clock)
    opened: list[FakeCamera] = []
    source = OnChipSource(lambda: opened.append(camera) or camera, clock, stall_s=1.0)  # type: ignore[func-returns-value]
    camera.broken = True
    for _ in range(3):
        with pytest.raises(NothingYet):
            source.read()
    camera.broken = False
    source.read()
    assert len(opened) == 1


def test_a_camera_that_stays_away_ends_the_process(clock: ManualClock) -> None:
    """Opened anew for ever, it would look alive to whoever could start the process again, or the Pi."""

    def broken() -> FakeCamera:
        camera = FakeCamera(clock)
        camera.broken = bool(opened)
        opened.append(camera)
        return camera

    opened: list[FakeCamera] = []
    source = OnChipSource(broken, clock, stall_s=1.0)
    opened[0].broken = True
    with pytest.raises(SourceError, match="a camera gives no frames, opened anew or not: check its cable, and reboot"):
        until_frame(source)
    assert len(opened) == 2


def test_a_camera_that_cannot_be_opened_anew_says_why(clock: ManualClock) -> None:
    """Its cable has come off: the reason belongs into the line that the supervisor's log shows."""
    camera, tried = FakeCamera(clock), []

    def opened() -> FakeCamera:
        if tried:
            raise SourceError("there is no IMX500")
        tried.append(1)
        return camera

    source = OnChipSource(opened, clock, stall_s=1.0)
    camera.broken = True
    with pytest.raises(SourceError, match="a camera hung, and cannot be opened anew: there is no IMX500"):
        until_frame(source)


def test_a_camera_that_hangs_in_closing_ends_the_process(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """picamera2#1264: stopping waits for ever as well. The loop goes on meanwhile, and the end does not wait for it."""
    monkeypatch.setattr("actors.sources.onchip._WAIT_S", 0.0)
    camera, hangs = FakeCamera(clock), threading.Event()
    source = OnChipSource(lambda: camera, clock, stall_s=0.0)
    camera.broken = True
    camera.close = hangs.wait  # type: ignore[method-assign,assignment]
    clock.advance(10)
    said = []
    with pytest.raises(SourceError, match="a camera hangs, and cannot be opened anew"):
        while True:
            try:
                source.read()
            except NothingYet as reason:
                said.append(str(reason))
                clock.advance(1000)
    assert said[-1] == "a camera is being opened anew"
    source.close()
    hangs.set()
