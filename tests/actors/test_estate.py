"""A smoother that is killed: its successor goes on with the visits that were open: nothing is counted twice."""

from pathlib import Path
from typing import Any

import pytest
from test_smoother_actor import Rig, match

from actors.estate import Will
from actors.smoother import SmootherActor
from bus.fake import FakeBus
from bus.messages import Visit


class Mortal(Rig):
    """A rig whose smoother can be killed; the next one finds the run directory as it was."""

    def __init__(self, run_dir: Path) -> None:
        super().__init__()
        self._run_dir = run_dir
        self._lives = 0
        self.kill()

    def kill(self, frames: int = 12) -> None:
        """The selector goes on for so many frames, which nobody hears; then there is another smoother."""
        self._lives += 1
        self.bus = FakeBus(self._run_dir, clock=self.bus.clock)
        self.bus.session = f"life {self._lives}"
        self.smoother = SmootherActor(self.bus, self.config)
        for _ in range(frames if self._lives > 1 else 0):
            self.bus.clock.advance(33.0)
            self.frame += 1

    def confirm(self, track: int = 1, card: str = "base-1", **about: Any) -> None:
        for _ in range(4):
            self.asked(track, card, **about)

    def visits(self) -> list[Visit]:
        return [visit for one in self.sent() for visit in one.visits]

    def told(self) -> list[tuple[int, str]]:
        return [(visit.visit, visit.event) for visit in self.visits()]


@pytest.fixture
def rig(tmp_path: Path) -> Mortal:
    return Mortal(tmp_path)


def test_a_card_that_still_lies_there_is_not_counted_again(rig: Mortal) -> None:
    """On the same track it is confirmed at once, under its number, and its end is told once, with its name."""
    rig.confirm()
    rig.sent()
    rig.kill()
    rig.tracks(1)
    (first,) = rig.sent()
    shown = first.tracks[0]
    assert (shown.status, shown.card_id, shown.set_name, shown.visit, shown.group) == (
        "confirmed",
        "base-1",
        "Base",
        1,
        ["base-1"],
    )
    assert (first.session, first.life) == ("life 2", "life 1")
    rig.confirm()
    for _ in range(30):
        rig.tracks()
    (end,) = rig.visits()
    assert (end.visit, end.event, end.card_id, end.number, end.first_frame) == (1, "ended", "base-1", "1", 0)


def test_a_card_that_was_taken_away_meanwhile_has_left(rig: Mortal) -> None:
    """Its end would never be told; shown again later, it is another visit with a number of its own."""
    rig.confirm()
    rig.sent()
    rig.kill()
    for _ in range(30):
        rig.tracks()
    assert rig.told() == [(1, "ended")]
    rig.confirm(track=2)
    assert rig.told() == [(2, "confirmed")]


def test_the_selector_died_as_well(rig: Mortal) -> None:
    """Its tracks are new ones; the same card at the same place goes on all the same, another one is another visit."""
    rig.confirm()
    rig.sent()
    rig.kill(frames=3)
    rig.confirm(selector="b")
    assert rig.told() == []
    rig.kill(frames=3)
    rig.confirm(card="base-2", selector="c")
    assert (2, "confirmed") in rig.told()


def test_tracks_keep_their_numbers(rig: Mortal) -> None:
    """After a restart of the selector tracks are counted on from where they were; sinks know a card by that number."""
    rig.confirm()
    rig.confirm(selector="b")
    before = rig.last().track_id
    rig.kill()
    rig.tracks(1, selector="b")
    assert rig.last().track_id == before != 1


def test_another_card_on_the_track(rig: Mortal) -> None:
    """Laid on the pile while nobody looked: the old name goes as soon as the new card is read, and both count."""
    rig.confirm()
    rig.sent()
    rig.kill()
    rig.confirm(card="base-2")
    for _ in range(30):
        rig.tracks(1)
    assert rig.told() == [(2, "confirmed"), (1, "ended")]


def test_the_card_below(rig: Mortal) -> None:
    """It waits under the one on it, also across a death: it comes up again as the visit that it was."""
    rig.confirm()
    for _ in range(4):
        frame = rig.tracks(1, 2, crops=1)
        rig.answer(frame, match(2, frame, "base-2"))
    rig.tracks(2)
    rig.sent()
    rig.kill()
    for _ in range(40):
        rig.tracks(2)
    assert rig.told() == []
    for _ in range(18):
        rig.tracks()
    assert rig.told() == [(2, "ended")]
    rig.confirm(track=3)
    assert rig.told() == []


def test_something_unknown_is_still_that(rig: Mortal) -> None:
    """It is told once, when it has left."""
    for _ in range(4):
        frame = rig.tracks(1, crops=1)
        rig.answer(frame, match(1, frame, decision="unknown"))
    rig.kill()
    for _ in range(30):
        rig.tracks()
    assert [(one.visit, one.card_id) for one in rig.visits()] == [(1, None)]


def test_another_stream_inherits_nothing(rig: Mortal) -> None:
    """What lay before the camera an hour ago is not what lies there now."""
    rig.confirm()
    rig.sent()
    rig.kill()
    rig.frame = -1
    rig.confirm(stream="s2")
    assert rig.told() == [(1, "confirmed")]


def test_an_end_in_order_leaves_nothing(rig: Mortal, tmp_path: Path) -> None:
    """The visits were told to be over: the run directory is as it was."""
    rig.confirm()
    assert Will(tmp_path).read() is not None
    rig.smoother.finish()
    rig.smoother.close()
    assert [(visit.event) for visit in rig.visits()] == ["confirmed", "ended"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b'{"stream": "s1"}', b"\xff\xfe"])
def test_a_will_that_cannot_be_read(rig: Mortal, tmp_path: Path, content: bytes) -> None:
    """Half a file, or one of another version: the card counts again, and all goes on."""
    rig.confirm()
    rig.sent()
    (tmp_path / "visits.json").write_bytes(content)
    rig.kill()
    rig.confirm()
    assert rig.told() == [(1, "confirmed")]


def test_it_is_written_when_something_has_changed(rig: Mortal, tmp_path: Path) -> None:
    """Thirty times a second for cards that lie still would wear out what the run directory lies on."""
    rig.confirm()
    before = (tmp_path / "visits.json").stat().st_ino
    for _ in range(20):
        rig.tracks(1)
    assert (tmp_path / "visits.json").stat().st_ino == before
