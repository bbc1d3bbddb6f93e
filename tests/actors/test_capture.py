"""capture: whose turn it is, which frame is left out and why, and what a frame says of its detections."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from actor_fakes import ScriptedSource, source_frame

from actors import capture as module
from actors.capture import Capture
from actors.config import Config, updated
from actors.sources.base import Finds, NothingYet, SourceError, SourceFrame
from bus import ring as ring_module
from bus.actor import ROUND_S
from bus.fake import FakeBus
from bus.messages import Frame, Results
from bus.ring import RingError
from bus.topics import RESULTS
from vision.detection import Detection
from vision.quad import as_quad

CARD = Detection(as_quad([[1, 1], [4, 1], [4, 6], [1, 6]]), 0.9)


class Rig:
    """A capture on a fake bus with a scripted source."""

    def __init__(self, run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bus = FakeBus(run_dir)
        self.bus.readers["frame"] = 1
        self._monkeypatch = monkeypatch
        self.capture: Capture | None = None

    def start(
        self,
        frames: Sequence[SourceFrame | Exception],
        pace: str = "paced",
        live: bool = False,
        finds: Finds = "nothing",
        **options: float,
    ) -> Capture:
        self.source = ScriptedSource(frames, live, finds)
        self._monkeypatch.setattr(module, "open_source", lambda *_: self.source)
        self.capture = Capture(self.bus, updated(Config(), "capture", pace=pace, **options))
        self.capture.start()
        return self.capture

    def sent(self) -> list[Frame]:
        return self.bus.take(Frame)

    def answer(self, frame: int, stream: str = "fake") -> None:
        assert self.capture is not None
        results = Results(stream=stream, frame=frame, t_ns=0, status="no_card", tracks=[])
        self.capture.receive(RESULTS, results, [])


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(module, "open_detector", lambda _path, threads: SimpleNamespace(look=None))
    monkeypatch.setattr(module.Watcher, "update", lambda _self, _pixels: [CARD])
    rig = Rig(tmp_path, monkeypatch)
    yield rig
    if rig.capture is not None:
        rig.capture.close()


def run(capture: Capture, most: int = 50) -> None:
    """Step as long as the capture wants to go on at once."""
    for _ in range(most):
        if capture.step() != 0.0:
            return


def numbers(frames: list[Frame]) -> list[int]:
    return [frame.frame for frame in frames]


def test_a_stored_source_waits_for_a_reader(rig: Rig) -> None:
    """A selector that starts a second later would miss the beginning of a video."""
    rig.bus.readers["frame"] = 0
    capture = rig.start([source_frame(0)], "flatout")
    assert (capture.step() or 0) > 0
    assert rig.sent() == []
    rig.bus.readers["frame"] = 1
    run(capture)
    assert numbers(rig.sent()) == [0]


def test_a_stored_source_waits_for_the_recorder_too(rig: Rig) -> None:
    """A recording from the third frame on cannot be compared with what the selector saw from the first."""
    rig.source = ScriptedSource([source_frame(0)])
    rig.capture = capture = Capture(rig.bus, updated(Config(), "sinks", enabled=["recorder"]))
    rig._monkeypatch.setattr(module, "open_source", lambda *_: rig.source)
    capture.start()
    capture.step()
    assert rig.sent() == []
    rig.bus.readers["frame"] = 2
    run(capture)
    assert numbers(rig.sent()) == [0]


def test_a_paced_source_plays_in_its_own_time(rig: Rig) -> None:
    """A video shown faster than it was filmed gives cards that jump; every frame carries its own time."""
    capture = rig.start([source_frame(number) for number in range(3)])
    begun = rig.bus.clock.now_ns()
    run(capture)
    assert numbers(rig.sent()) == [0]
    rig.bus.clock.advance(60)
    assert capture.step() == pytest.approx(40)
    assert rig.sent() == []
    rig.bus.clock.advance(41)
    run(capture)
    (frame,) = rig.sent()
    assert (frame.frame, frame.t_ns - begun) == (1, 100_000_000)


def test_late_frames_are_left_out_and_counted(rig: Rig) -> None:
    """A slow moment must not be followed by a burst of old frames, and none may vanish without a trace."""
    capture = rig.start([source_frame(number) for number in range(5)])
    run(capture)
    rig.bus.clock.advance(350)
    run(capture)
    assert numbers(rig.sent()) == [0, 3]
    assert rig.bus.drops == {"source_late": 2}
    assert rig.bus.counts["frames"] == 4


def test_a_source_slower_than_its_own_time_still_plays(rig: Rig) -> None:
    """On a small machine a scene takes longer to render than to watch: every frame would be late, and none shown."""
    capture = rig.start([source_frame(number) for number in range(60)])
    read = rig.source.read

    def slowly() -> SourceFrame | None:
        rig.bus.clock.advance(130)
        return read()

    rig.source.read = slowly  # type: ignore[method-assign]
    while not capture.ended:
        rig.bus.clock.advance(capture.step() or 0)
    sent = rig.sent()
    assert len(sent) > 40
    assert len(sent) + rig.bus.drops["source_late"] == rig.bus.counts["frames"] == 60
    times = [frame.t_ns for frame in sent]
    assert times == sorted(times)


def test_lockstep_has_one_frame_in_flight(rig: Rig) -> None:
    """The same replay twice gives the same results only if every frame sees the answers to the one before."""
    capture = rig.start([source_frame(number) for number in range(3)], "lockstep")
    run(capture)
    assert numbers(rig.sent()) == [0]
    rig.answer(0, stream="the one before the restart")
    run(capture)
    assert rig.sent() == []
    rig.answer(0)
    run(capture)
    assert numbers(rig.sent()) == [1]


def test_flatout_has_four_frames_in_flight(rig: Rig) -> None:
    """More would outrun the ring, fewer would leave the actors waiting for each other."""
    capture = rig.start([source_frame(number) for number in range(9)], "flatout")
    run(capture)
    assert numbers(rig.sent()) == [0, 1, 2, 3]
    rig.answer(1)
    run(capture)
    assert numbers(rig.sent()) == [4, 5]


def test_a_frame_that_is_never_answered_does_not_stop_the_replay(rig: Rig) -> None:
    """The selector may have died with it: after five seconds it counts as lost and the next one goes out."""
    capture = rig.start([source_frame(0), source_frame(1)], "lockstep")
    run(capture)
    rig.bus.clock.advance(4_900)
    run(capture)
    assert numbers(rig.sent()) == [0]
    rig.bus.clock.advance(200)
    run(capture)
    assert numbers(rig.sent()) == [1]
    assert rig.bus.drops == {"unanswered": 1}


def test_a_camera_drops_the_new_frame_when_the_ring_is_full(rig: Rig) -> None:
    """Overwriting a slot under a lease would show a reader two frames in one picture."""
    frames = [source_frame(number) for number in range(7)]
    capture = rig.start([frames[0], *frames], live=True, ring_mb=1, hold_ms=100)
    capture._ring.close()  # type: ignore[union-attr]
    capture._ring = ring_module.RingWriter(8, 6, 4, 100, rig.bus.clock)
    for _ in range(5):
        capture.step()
    assert numbers(rig.sent()) == [0, 1, 2, 3]
    assert rig.bus.drops == {"ring_full": 1}
    rig.bus.clock.advance(101)
    capture.step()
    assert numbers(rig.sent()) == [5]


def test_a_lossless_replay_waits_for_a_slot(rig: Rig) -> None:
    """Answered at once or not: a replay that drops frames for want of a slot is not lossless."""
    capture = rig.start([source_frame(number) for number in range(6)], "lockstep", hold_ms=100)
    capture._ring.close()  # type: ignore[union-attr]
    capture._ring = ring_module.RingWriter(8, 6, 4, 100, rig.bus.clock)
    for number in range(4):
        run(capture)
        rig.answer(number)
    assert capture.step() == pytest.approx(100)
    rig.bus.clock.advance(100)
    run(capture)
    assert numbers(rig.sent()) == [0, 1, 2, 3, 4]
    assert not rig.bus.drops


def test_another_size_means_another_ring(rig: Rig) -> None:
    """A folder of photos has no one size: the frame says which ring it lies in, and how large it is."""
    capture = rig.start([source_frame(0), source_frame(1, (10, 20))], "lockstep")
    run(capture)
    rig.answer(0)
    run(capture)
    first, second = rig.sent()
    assert first.ref.session != second.ref.session
    assert (second.ref.height, second.ref.width) == (10, 20)
    assert capture._server is not None
    assert capture._server.writer is not None
    assert capture._server.writer.info.session == second.ref.session


def test_a_lossless_replay_keeps_a_ring_until_its_frames_are_answered(rig: Rig) -> None:
    """Photos of different sizes, flat out: the selector would look for the first one in the ring of the last."""
    capture = rig.start([source_frame(0), source_frame(1), source_frame(2, (10, 20))], "flatout")
    run(capture)
    assert numbers(rig.sent()) == [0, 1]
    rig.answer(1)
    run(capture)
    assert numbers(rig.sent()) == [2]


def test_the_end_waits_for_the_readers_of_the_ring(rig: Rig) -> None:
    """A stream of one picture was over before the selector had asked for its ring."""
    capture = rig.start([source_frame(0)], "flatout")
    run(capture)
    capture.step()
    assert capture.ended
    assert capture.detail == "end of stream"
    assert not capture.settled()
    rig.answer(0)
    assert capture.settled()
    assert capture.step() is None
    assert numbers(rig.sent()) == [0]


def test_the_end_does_not_wait_longer_than_the_lease(rig: Rig) -> None:
    """A selector that is not there any more must not keep capture alive."""
    capture = rig.start([source_frame(0)], "flatout", hold_ms=100)
    run(capture)
    assert not capture.settled()
    rig.bus.clock.advance(101)
    assert capture.settled()


def test_a_signal_ends_at_once(rig: Rig) -> None:
    """SIGTERM: whoever is not at its end by itself has nothing to wait for."""
    capture = rig.start([source_frame(number) for number in range(9)], "lockstep")
    run(capture)
    assert capture.settled()


def test_no_answer_from_the_detector_is_not_an_empty_frame(rig: Rig) -> None:
    """A camera with a network on its chip skips frames now and then: that is no card leaving."""
    frames = [source_frame(0, detections=None), source_frame(1, detections=[]), source_frame(2, detections=[CARD])]
    capture = rig.start(frames, "flatout", finds="cards")
    run(capture)
    sent = rig.sent()
    assert [frame.detections if not frame.detections else len(frame.detections) for frame in sent] == [None, [], 1]
    assert rig.bus.counts["detections"] == 1


def test_a_source_without_a_detector_is_looked_at(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The detections of such a source mean nothing; the pixels do, and exactly these."""
    seen: list[int] = []
    monkeypatch.setattr(module.Watcher, "update", lambda _self, pixels: seen.append(int(pixels[0, 0, 0])) or [CARD])
    run(rig.start([source_frame(7, detections=None)], "flatout"))
    (frame,) = rig.sent()
    assert seen == [7]
    assert frame.detections is not None
    assert frame.detections[0].quad == [(1.0, 1.0), (4.0, 1.0), (4.0, 6.0), (1.0, 6.0)]
    assert [hop.stage for hop in frame.trace] == ["detect", "capture"]


class BoxLooker:
    """Takes a box for the card in it, one pixel smaller, and remembers what it was told lay there before."""

    def __init__(self) -> None:
        self.before: list[list[Detection]] = []

    def within(self, _frame: object, boxes: Sequence[Detection], before: Sequence[Detection]) -> list[Detection]:
        self.before.append(list(before))
        return [Detection(box.quad - 1, 1.0) for box in boxes]

    def near(self, _frame: object, rough: Sequence[Detection], before: Sequence[Detection]) -> list[Detection]:
        self.before.append(list(before))
        return [Detection(one.quad - 2, 1.0) for one in rough]


@pytest.mark.parametrize(("finds", "off"), [("boxes", 1), ("places", 2)])
def test_what_a_camera_finds_is_looked_at(rig: Rig, monkeypatch: pytest.MonkeyPatch, finds: Finds, off: float) -> None:
    """A camera that finds boxes or places leaves the corners to us; one without an answer is not without cards."""
    looker = BoxLooker()
    monkeypatch.setattr(module, "open_close_ups", lambda *_: looker)
    found = [[CARD], None, [CARD], []]
    frames = [source_frame(number, detections=boxes) for number, boxes in enumerate(found)]
    run(rig.start(frames, "flatout", finds=finds))
    sent = [frame.detections for frame in rig.sent()]
    at = tuple(float(side) for side in CARD.quad[0] - off)
    assert [boxes if not boxes else boxes[0].quad[0] for boxes in sent] == [at, None, at, []]
    assert [len(before) for before in looker.before] == [0, 1, 1], "a frame without answer is passed over"


def test_a_camera_that_is_away_does_not_stop_the_loop(rig: Rig) -> None:
    """Heartbeats come from the loop: while a camera is opened anew they go on, and say so."""
    away = [NothingYet("is being opened anew", 30.0) for _ in range(2)]
    frames = [source_frame(0), *away, source_frame(1)]
    capture = rig.start(frames, live=True)
    assert [capture.step(), capture.step()] == [0.0, 0.0]
    assert capture.detail == "is being opened anew"
    assert rig.sent() == []
    assert rig.bus.announced[-1] == 30.0, "libcamera may hold the interpreter for so long"
    capture.step()
    assert rig.bus.announced[-1] == ROUND_S
    assert numbers(rig.sent()) == [0]
    assert capture.detail == "a script"


def test_a_camera_may_be_away_for_its_first_frame(rig: Rig) -> None:
    """It is not there yet: no reason to refuse the start."""
    rig.start([NothingYet("not yet"), source_frame(0)], live=True)


def test_a_start_that_uploads_a_network_may_take_longer(tmp_path: Path) -> None:
    """The dead-man would end it before its end, again and again: libcamera holds the interpreter meanwhile."""
    config = updated(updated(Config(), "capture", source="imx500:x.rpk"), "imx500", upload_s=300.0)
    assert Capture(FakeBus(tmp_path), config).start_deadline_s == 300.0
    assert Capture(FakeBus(tmp_path), Config()).start_deadline_s == 120.0


@pytest.mark.parametrize("live", [False, True])
def test_a_source_without_a_first_frame_is_refused_at_the_start(rig: Rig, live: bool) -> None:
    """Found out at work, the launcher would start capture again and again, and a replay would never end."""
    with pytest.raises(SourceError, match="cut off"):
        rig.start([SourceError("it is cut off")], live=live)


def test_too_little_memory_is_refused_at_the_start(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for a ring that does not fit into memory."""
    monkeypatch.setattr(ring_module, "memory_available", lambda: 1000)
    with pytest.raises(RingError, match="lower \\[capture\\] ring_mb"):
        rig.start([source_frame(0)])


def test_a_live_source_keeps_its_own_times(rig: Rig) -> None:
    """The time of exposure comes from the camera's clock, which is the bus's."""
    frame = SourceFrame(np.zeros((8, 6, 3), np.uint8), 123_456_789)
    capture = rig.start([frame, frame], live=True)
    assert capture.step() == 0.0
    (sent,) = rig.sent()
    assert (sent.frame, sent.t_ns) == (0, 123_456_789)


def test_nothing_is_left_behind(rig: Rig, tmp_path: Path) -> None:
    """The device is free for others and the door of the ring is gone."""
    rig.start([source_frame(0)]).close()
    rig.capture = None
    assert rig.source.closed
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("live", [False, True])
def test_it_says_whether_its_frames_come_by_themselves(rig: Rig, live: bool) -> None:
    """A camera that gives nothing is broken; a stored source may wait, and must not be started again for it."""
    assert rig.start([source_frame(number) for number in range(2)], live=live).live is live
