"""selector: crops only when they are needed, with the right pixels, and nothing said of a frame that is gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from actor_fakes import Pixels, mosaic, served_ring

from actors.config import Config, updated
from actors.selection import Crop as Selected
from actors.selector import Selector
from bus.fake import FakeBus
from bus.messages import Box, Candidate, Crops, Decision, Frame, FrameRef, Hop, Match, Matches, Tracks
from bus.ring import RingWriter
from bus.topics import CROPS, FRAME, MATCHES
from vision.quad import as_quad, corners
from vision.rectify import rectify

HEIGHT, WIDTH = 300, 400
FRAME_MS = 33.0


def quad_at(x: float, y: float) -> list[tuple[float, float]]:
    """An upright card of 120 x 168 pixels."""
    return [(x, y), (x + 120, y), (x + 120, y + 168), (x, y + 168)]


class Rig:
    """A selector, the ring that it reads, and what was shown to it."""

    def __init__(self, bus: FakeBus, ring: RingWriter, config: Config) -> None:
        self.bus, self.ring = bus, ring
        self.selector = Selector(bus, config)
        self.number = -1

    def show(
        self, *places: tuple[float, float], stream: str = "s1", detections: bool = True, late_ms: float = 0
    ) -> Pixels:
        """The next frame, with a card at each place; finding them takes `late_ms`."""
        self.bus.clock.advance(FRAME_MS)
        self.number += 1
        pixels = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        for seed, (x, y) in enumerate(places):
            pixels[round(y) : round(y) + 168, round(x) : round(x) + 120] = mosaic(seed, 168, 120)
        ref = self.ring.write(pixels)
        assert ref is not None, "the test shows frames faster than it lets leases end"
        boxes = [Box(quad_at(x, y), 0.95) for x, y in places] if detections else None
        t_ns = self.bus.clock.now_ns()
        self.bus.clock.advance(late_ms)
        trace = [Hop("detect", t_ns, self.bus.clock.now_ns())]
        frame = Frame(stream=stream, frame=self.number, t_ns=t_ns, trace=trace, ref=ref, detections=boxes)
        self.bus.feed(self.selector, FRAME, frame)
        return pixels

    def crops(self) -> list[Crops]:
        return self.bus.take(Crops)

    def tracks(self) -> list[Tracks]:
        return self.bus.take(Tracks)

    def answer(
        self,
        crops: Crops,
        card: str = "base-1",
        decision: Decision = "confirmed",
        embedding_ms: float = 0,
        **about: object,
    ) -> None:
        """The matcher's answer to every crop of a message."""
        best = [Candidate(card, card, "", "", 0.1, 1.5)]
        matches = [
            Match(crop.track, crop.frame, decision, 0, 0.1, 0.5, [card], best, str(about["error"]) if about else None)
            for crop in crops.crops
        ]
        self.bus.clock.advance(embedding_ms)
        trace = [*crops.trace, Hop("embed", crops.trace[-1].done_ns, self.bus.clock.now_ns())]
        message = Matches(
            stream=crops.stream, frame=crops.frame, t_ns=crops.t_ns, trace=trace, catalog="c", matches=matches
        )
        self.bus.feed(self.selector, MATCHES, message)

    def warm(self, embedding_ms: float = 0) -> None:
        """One card comes, is answered, and goes: from here on it is known what a reading takes."""
        self.show((5, 5))
        (crops,) = self.crops()
        self.answer(crops, embedding_ms=embedding_ms)
        self.bus.sent.clear()


@contextmanager
def rigged(run_dir: Path, config: Config) -> Iterator[Rig]:
    bus = FakeBus(run_dir)
    with served_ring(bus.address.ring, bus.clock, (HEIGHT, WIDTH), hold_ms=60) as ring:
        yield Rig(bus, ring, config)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with rigged(tmp_path, Config()) as rig:
        yield rig


@pytest.fixture
def lossless(tmp_path: Path) -> Iterator[Rig]:
    with rigged(tmp_path, updated(Config(), "capture", pace="lockstep")) as rig:
        yield rig


def test_a_new_card_is_cut_out(rig: Rig) -> None:
    """The blob must be the very pixels under the quad: whatever else goes wrong here looks like a bad model."""
    pixels = rig.show((40, 60))
    message, blobs = next((message, blobs) for topic, message, blobs in rig.bus.sent if topic is CROPS)
    assert isinstance(message, Crops)
    assert (message.width, message.height, len(blobs)) == (256, 358, 1)
    cut = rectify(pixels, as_quad(quad_at(40, 60)))
    assert np.array_equal(np.frombuffer(blobs[0], np.uint8).reshape(358, 256, 3), cut)
    (crop,) = message.crops
    assert (crop.frame, crop.turns) == (0, [0])
    assert crop.sharpness > 0


def test_every_crop_has_its_own_blob(rig: Rig) -> None:
    """Blobs in another order than their crops would give each card its neighbour's name."""
    rig.warm()
    pixels = rig.show((10, 60), (200, 60))
    message, blobs = next((m, b) for topic, m, b in rig.bus.sent if topic is CROPS)
    assert isinstance(message, Crops)
    quads = {state.track: state.quad for state in rig.tracks()[0].tracks}
    assert len(blobs) == 2
    for crop, blob in zip(message.crops, blobs, strict=True):
        cut = rectify(pixels, as_quad(quads[crop.track]))
        assert np.array_equal(np.frombuffer(blob, np.uint8).reshape(358, 256, 3), cut)


def test_tracks_say_how_many_crops_follow(rig: Rig) -> None:
    """The smoother waits for that many answers: one too many and every frame comes late."""
    rig.warm()
    rig.show((10, 110), (200, 110))
    rig.show((10, 110), (200, 110))
    first, second = rig.tracks()
    assert (first.crops, [state.asked for state in first.tracks if state.seen]) == (2, [True, True])
    assert (second.crops, [state.asked for state in second.tracks if state.seen]) == (0, [False, False])
    assert [hop.stage for hop in first.trace] == ["detect", "select"]


@pytest.mark.parametrize(("late_ms", "embedding_ms", "asked"), [(0, 10, 3), (20, 10, 2), (40, 10, 1), (0, 25, 1)])
def test_a_frame_asks_for_what_there_is_time_for(rig: Rig, late_ms: float, embedding_ms: float, asked: int) -> None:
    """Five new cards in a frame that was late already came 60 ms after what they show."""
    rig.warm(embedding_ms)
    rig.show(*[(20.0 * place, 90) for place in (0, 7, 13)], late_ms=late_ms)
    assert rig.tracks()[0].crops == asked


def test_the_first_frame_of_all_asks_for_one(rig: Rig) -> None:
    """Nothing is known yet of what a reading takes, and on a slow machine three make it the slowest of all."""
    rig.show((0, 60), (140, 60), (270, 60))
    assert rig.tracks()[0].crops == 1


def test_without_losses_time_is_no_question(lossless: Rig) -> None:
    """Two replays of one stream on two machines would ask for other crops, and count other cards."""
    lossless.show((0, 60), (140, 60), (270, 60), late_ms=60)
    assert lossless.tracks()[0].crops == 3


def test_answers_stop_the_crops(rig: Rig) -> None:
    """The whole point of the cache: a card that lies still is asked three times, and then for a second no more."""
    for _ in range(25):
        rig.show((40, 60))
        for crops in rig.crops():
            rig.answer(crops)
    assert rig.bus.counts == {"frames": 25, "tracks": 25, "crops": 3}


def test_a_failure_is_no_answer(rig: Rig) -> None:
    """A card whose embedding failed would otherwise stay nameless for as long as it lies there."""
    rig.show((40, 60))
    (crops,) = rig.crops()
    rig.answer(crops, error="timed out")
    rig.show((40, 60))
    assert len(rig.crops()) == 1


def test_unanswered_crops_are_not_asked_twice(rig: Rig) -> None:
    """An embedder that is slow must not be given the same card again with every frame."""
    for _ in range(10):
        rig.show((40, 60))
    assert len(rig.crops()) == 1


def test_a_new_stream_begins_with_nothing(rig: Rig) -> None:
    """The cards of the stream before the restart mean nothing in this one, and neither do answers to them."""
    rig.show((40, 60))
    (old,) = rig.crops()
    rig.show((40, 60), stream="s2")
    (new,) = rig.crops()
    assert [state.hits for state in rig.tracks()[1].tracks] == [1]
    rig.answer(old)
    assert rig.bus.drops == {"other_stream": 1}
    rig.show((40, 60), stream="s2")
    assert rig.crops() == []
    rig.answer(new)
    rig.show((40, 60), stream="s2")
    assert len(rig.crops()) == 1


def test_a_new_stream_may_begin_at_any_time(rig: Rig) -> None:
    """A restarted replay counts its time from zero again: for the old tracker, time would run backwards."""
    rig.show((40, 60))
    rig.bus.clock.advance(100)
    ref = rig.ring.write(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    assert ref is not None
    rig.bus.feed(rig.selector, FRAME, Frame(stream="s2", frame=0, t_ns=0, ref=ref, detections=[]))
    assert [message.stream for message in rig.tracks()] == ["s1", "s2"]


def test_an_expired_frame_is_counted_and_nothing_said_of_it(rig: Rig) -> None:
    """Its pixels may be those of another frame by now."""
    rig.show((40, 60), late_ms=61)
    assert rig.bus.sent == []
    assert rig.bus.drops == {"lease_expired": 1}
    rig.show((40, 60))
    assert len(rig.crops()) == 1
    assert rig.tracks()[0].tracks[0].hits == 2


def test_a_lease_that_ends_during_the_work_takes_the_crops_with_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crop cut from a slot that was being written again shows two frames; the card is asked for anew."""
    step = rig.selector._selection.step

    def slow(*arguments: object) -> list[Selected]:
        crops = step(*arguments)  # type: ignore[arg-type]
        rig.bus.clock.advance(100)
        return crops

    rig.selector._stream = "s1"
    monkeypatch.setattr(rig.selector._selection, "step", slow)
    rig.show((40, 60))
    assert rig.bus.sent == []
    assert rig.bus.drops == {"lease_expired": 1}
    monkeypatch.undo()
    rig.show((40, 60))
    assert len(rig.crops()) == 1


def test_no_ring_no_results(tmp_path: Path) -> None:
    """capture was killed: its last frames are counted as gone, and the selector lives on."""
    bus = FakeBus(tmp_path)
    ref = FrameRef("gone", 0, WIDTH, HEIGHT, bus.clock.now_ns() + 1)
    bus.feed(Selector(bus, Config()), FRAME, Frame(stream="s1", frame=0, t_ns=0, ref=ref, detections=[]))
    assert bus.sent == []
    assert bus.drops == {"ring_gone": 1}


def test_a_silent_detector_loses_no_card(rig: Rig) -> None:
    """No answer from the detector is not "no card": the track goes on, unseen and not counted as missed."""
    rig.show((40, 60))
    rig.show(detections=False)
    rig.show()
    states = [message.tracks[0] for message in rig.tracks()]
    assert [(state.track, state.hits, state.missed) for state in states] == [(1, 1, 0), (1, 1, 0), (1, 1, 1)]


def test_a_card_after_a_stall_is_asked_for_anew(tmp_path: Path) -> None:
    """What lies there now may be another card: neither its number nor what is known of it goes on."""
    with rigged(tmp_path, updated(Config(), "selector", max_gap_ms=400.0)) as rig:
        rig.show((40, 60))
        rig.answer(rig.crops()[0])
        rig.bus.clock.advance(401)
        rig.show((40, 60))
        (before, after) = (tracks.tracks[0].track for tracks in rig.tracks())
        assert after != before
        assert [(crop.track, crop.turns) for crop in rig.crops()[0].crops] == [(after, [0])]


def test_a_lossless_frame_waits_for_the_answers_before_it(lossless: Rig) -> None:
    """Two replays are the same only if the cache holds the same at the same frame."""
    lossless.show((40, 60))
    (crops,) = lossless.crops()
    lossless.tracks()
    lossless.show((40, 60))
    assert lossless.selector.step() == pytest.approx(20)
    assert lossless.tracks() == []
    assert (lossless.selector.queue(), lossless.selector.settled()) == (1, False)
    lossless.answer(crops)
    assert [message.frame for message in lossless.tracks()] == [1]
    assert lossless.selector.settled()


def test_a_lossless_frame_does_not_wait_for_ever(lossless: Rig) -> None:
    """The embedder may have died with the crop: after five seconds the replay goes on, and says so."""
    lossless.show((40, 60))
    lossless.tracks()
    lossless.bus.clock.advance(4_980)
    lossless.show((40, 60))
    lossless.bus.clock.advance(40)
    lossless.selector.step()
    assert [message.frame for message in lossless.tracks()] == [1]
    assert lossless.bus.drops == {"answer_late": 1}


def test_the_end_does_not_wait(lossless: Rig) -> None:
    """At the end of the stream what waits is passed on: its answers may never come."""
    lossless.show((40, 60))
    lossless.show((40, 60))
    lossless.selector.finish()
    assert [message.frame for message in lossless.tracks()] == [0, 1]


def test_a_frame_follows_to_the_next_stage_with_its_name(rig: Rig) -> None:
    """Stream, number and time are what everything later is joined by."""
    rig.show((40, 60))
    crops, tracks = rig.crops()[0], rig.tracks()[0]
    for message in (crops, tracks):
        assert (message.stream, message.frame, message.t_ns) == ("s1", 0, 1_033_000_000)
    assert tracks.tracks[0].quad == corners(as_quad(quad_at(40, 60)))


def test_crops_from_poor_light_are_enhanced_on_request(tmp_path: Path) -> None:
    """The option must change the crops that are sent, and be off by default."""
    with rigged(tmp_path, updated(Config(), "selector", enhance=True)) as rig:
        pixels = rig.show((40, 60))
        blobs = next(blobs for topic, _, blobs in rig.bus.sent if topic is CROPS)
        assert bytes(blobs[0]) != rectify(pixels, as_quad(quad_at(40, 60))).tobytes()
