"""The sink collection: every confirmed visit on the disk, once, with the right picture, and nobody waits for it."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from actors.config import Config, updated
from actors.sink import make_sink
from actors.sinks import collection as module
from actors.sinks.collection import CROPS_A_TRACK, TRACKS, CollectionSink
from bus.fake import FakeBus
from bus.lock import AlreadyRunning
from bus.messages import Crop, Crops, Results, TrackResult, Visit
from bus.topics import CROPS, RESULTS
from catalog.store import ModelRef, Printing, write
from collection.database import Database
from collection.query import Filter, page, thumbnail
from collection.query import Visit as Kept

SIZE = (36, 26)
QUAD = [(0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0)]


class Table:
    """A sink on a fake bus, and the collection that it fills."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "data" / "c.sqlite"
        self.config = updated(Config(), "collection", file=str(self.path))
        self.config = updated(self.config, "matcher", catalog=str(folder / "catalog"))
        self.start()

    def start(self) -> None:
        self.bus = FakeBus()
        self.sink = CollectionSink(self.bus, self.config, lambda: 1000)
        self.sink.start()

    def crops(
        self, frame: int, *crops: tuple[int, int], sharpness: float = 1.0, turns: Any = (0,), **more: Any
    ) -> None:
        """Crops of a grey that tells them apart, by track, with a bright stripe at their top."""
        pictures = [np.full((*SIZE, 3), grey, np.uint8) for _, grey in crops]
        for picture in pictures:
            picture[:6] = 255
        header = {"stream": "s1", "frame": frame, "t_ns": 0, "width": SIZE[1], "height": SIZE[0], **more}
        wanted = [Crop(track, frame, list(turns), sharpness) for track, _ in crops]
        self.bus.feed(self.sink, CROPS, Crops(crops=wanted, **header), pictures)

    def results(self, frame: int, *visits: Visit, shown: Any = (), **more: Any) -> None:
        """Results with visits that began or ended, and the tracks of those that go on, as (visit, track)."""
        tracks = [TrackResult(track, "unknown", QUAD, visit=visit) for visit, track in shown]
        header = {"stream": "s1", "frame": frame, "t_ns": 0, "status": "cards", **more}
        self.bus.feed(self.sink, RESULTS, Results(tracks=tracks, visits=list(visits), **header))

    def kept(self) -> list[Kept]:
        """What is on the disk, oldest first."""
        self.sink.finish()
        with Database(self.path) as database:
            return page(database, Filter(), 100)[::-1]

    def picture(self, visit: int) -> int:
        """The grey of a thumbnail, negative if it is upside down."""
        with Database(self.path) as database:
            jpeg = thumbnail(database, visit)
        assert jpeg is not None
        pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
        grey = round(float(pixels[12:24].mean()) / 10) * 10
        return grey if pixels[:4].mean() > pixels[-4:].mean() else -grey


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    made = Table(tmp_path)
    yield made
    made.sink.close()


def confirmed(number: int, track: int, first: int, last: int, card: str = "sv1-1", name: str = "Pineco") -> Visit:
    return Visit(number, "confirmed", track, first, last, 0, card, name, "Scarlet & Violet", "1", 0.1, 0.4, [card])


def ended(number: int, first: int, last: int, card: str | None = "sv1-1") -> Visit:
    return Visit(number, "ended", 0, first, last, 0, card, "Pineco" if card else None)


def test_it_is_the_sink_of_that_name(tmp_path: Path) -> None:
    """`--sink collection` is a process of its own that ends with the results."""
    config = updated(Config(), "collection", file=str(tmp_path / "c.sqlite"))
    made = make_sink(FakeBus(), config, "sink.collection")
    assert isinstance(made, CollectionSink)
    assert (made.name, made.outputs, made.ends_with) == ("sink.collection", (), (RESULTS,))


def test_a_confirmed_visit_is_kept_with_its_picture(table: Table) -> None:
    """What was there, as the message names it where no catalogue is at hand, and nothing that nobody has said."""
    table.crops(5, (7, 100))
    table.results(6, confirmed(1, 7, 4, 6))
    (one,) = table.kept()
    assert one.card is not None
    assert (one.card.card_id, one.card.name, one.card.set_id, one.card.number) == ("sv1-1", "Pineco", "sv1", "1")
    assert (one.distance, one.gap, one.printings, one.seen_ms, one.ended_ms) == (0.1, 0.4, ["sv1-1"], 1000, None)
    assert (one.said.finish, one.said.condition) == (None, None)
    assert table.picture(1) == 100


def test_the_catalogue_knows_more(table: Table, tmp_path: Path) -> None:
    """Set, code and the picture of the reference, which the messages do not carry; also of a set added meanwhile."""
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.jpg").write_bytes(b"jpeg")
    card = Printing(
        name="Pineco", set="sv1", set_name="Scarlet & Violet", set_code="SVI", rarity="Common", file="a.jpg"
    )
    write(
        tmp_path / "catalog",
        ids=["sv1-1"],
        cards={"sv1-1": card},
        embeddings=np.eye(1, 8, dtype=np.float32),
        hashes=np.zeros((1, 64), np.uint8),
        groups=[],
        model=ModelRef("m", "m", 8),
        sources=["pictures"],
        created="now",
    )
    table.results(6, confirmed(1, 7, 4, 6))
    (one,) = table.kept()
    assert one.card is not None
    assert (one.card.set_code, one.card.rarity, one.card.picture) == ("SVI", "Common", str(tmp_path / "pictures/a.jpg"))


def test_something_unknown_is_kept_as_that(table: Table) -> None:
    """With the picture, so that a person can name it; and never as the nearest card."""
    table.crops(5, (7, 100), turns=(0, 2))
    table.results(6, shown=[(1, 7)])
    table.results(40, ended(1, 4, 30, card=None))
    (one,) = table.kept()
    assert (one.card, one.read_as, one.ended_ms) == (None, None, 1000)
    assert table.picture(1) == 100


def test_a_visit_is_one_however_often_it_is_told(table: Table) -> None:
    """A sink that was killed and started again in the middle of a visit: the end finds what is there."""
    table.results(6, confirmed(1, 7, 4, 6))
    table.sink.close()
    table.start()
    table.results(6, confirmed(1, 7, 4, 6))
    table.results(9, ended(1, 4, 8))
    (one,) = table.kept()
    assert one.ended_ms == 1000


def test_a_smoother_that_starts_again_counts_anew(table: Table) -> None:
    """Its visit 1 is another one: taken for the same, a card that was confirmed would be lost."""
    table.results(6, confirmed(1, 7, 4, 6), session="a")
    table.results(20, confirmed(1, 2, 18, 20, "sv1-2"), session="b")
    assert [one.read_as for one in table.kept()] == ["sv1-1", "sv1-2"]


def test_a_smoother_that_was_killed_goes_on(table: Table) -> None:
    """Its successor has a session of its own and the same life: the end is that of the visit which is there."""
    table.results(6, confirmed(1, 7, 4, 6), session="a", life="a")
    table.results(40, ended(1, 4, 30), confirmed(2, 9, 38, 40, "sv1-2"), session="b", life="a")
    assert [(one.read_as, one.ended_ms) for one in table.kept()] == [("sv1-1", 1000), ("sv1-2", None)]


# The picture.


@pytest.mark.parametrize(
    ("crops", "best"),
    [
        ([(5, 100, 1.0, (0,)), (6, 120, 3.0, (0,)), (7, 140, 2.0, (0,))], 120),
        ([(5, 100, 9.0, (0, 2)), (6, 120, 1.0, (2,))], -120),
        ([(3, 100, 9.0, (0,)), (6, 120, 1.0, (0,))], 120),
        ([(6, 120, 1.0, (0,)), (9, 100, 9.0, (0,))], 120),
    ],
    ids=["the sharpest", "one whose turn is known, turned", "not of what lay there before", "nor of what came after"],
)
def test_the_best_crop_of_the_visit(table: Table, crops: list[tuple[int, int, float, Any]], best: int) -> None:
    """A thumbnail that is blurred, upside down, or shows the card that lay there before is of no help."""
    for frame, grey, sharpness, turns in crops:
        table.crops(frame, (7, grey), sharpness=sharpness, turns=turns)
    table.results(9, confirmed(1, 7, 4, 8))
    table.kept()
    assert table.picture(1) == best


@pytest.mark.parametrize(("later", "shown"), [(5.0, 140), (0.5, 100)])
def test_a_better_picture_at_the_end(table: Table, later: float, shown: int) -> None:
    """When it is confirmed a card often still moves, under a hand; but a worse one replaces nothing."""
    table.crops(5, (7, 100), sharpness=1.0)
    table.results(6, confirmed(1, 7, 4, 6), shown=[(1, 7)])
    table.crops(20, (7, 140), sharpness=later)
    table.results(40, ended(1, 4, 30))
    table.kept()
    assert table.picture(1) == shown


def test_no_picture_of_another_card_after_a_restart(table: Table) -> None:
    """A selector that was started again counts its tracks from 1, the results go on: rather none than a wrong one."""
    table.crops(5, (1, 100), session="a")
    table.crops(20, (1, 140), session="b")
    table.results(21, confirmed(1, 1, 4, 21), confirmed(2, 2, 4, 21))
    assert [one.thumbnail for one in table.kept()] == [False, False]
    table.crops(3, (1, 160), session="b", stream="s2")
    table.results(4, confirmed(1, 1, 2, 4), stream="s2")
    assert [one.thumbnail for one in table.kept()] == [False, False, True]


def test_crops_take_bounded_memory(table: Table) -> None:
    """A day at a fair: thousands of tracks, of which the last are held."""
    for track in range(3 * TRACKS):
        for frame in range(2 * CROPS_A_TRACK):
            table.crops(frame, (track, 100))
    held = table.sink._thumbnails._tracks
    assert list(held) == list(range(2 * TRACKS, 3 * TRACKS))
    assert {len(crops) for crops in held.values()} == {CROPS_A_TRACK}


def test_a_crop_that_does_not_fit_is_left_out(table: Table) -> None:
    """Anybody may publish anything: a blob of another length must not end the sink."""
    header = Crops(stream="s1", frame=5, t_ns=0, width=26, height=36, crops=[Crop(7, 5, [0]), Crop(8, 5, [0])])
    table.bus.feed(table.sink, CROPS, header, [b"short"])
    table.results(6, confirmed(1, 7, 4, 6))
    assert [one.thumbnail for one in table.kept()] == [False]


# The disk.


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A disk that takes until the event is set."""
    opened = threading.Event()
    original: Callable[..., int] = module.visits.confirm

    def confirm(*arguments: Any) -> int:
        assert opened.wait(30)
        return original(*arguments)

    monkeypatch.setattr(module.visits, "confirm", confirm)
    yield opened
    opened.set()


def test_a_slow_disk_delays_nobody(table: Table, slow: threading.Event) -> None:
    """The sink goes on reading while the disk is busy; it says that it is not done, and is waited for at the end."""
    for number in range(5):
        table.results(number, confirmed(number, 7, 0, number))
    assert (table.sink.queue(), table.sink.settled()) == (5, False)
    assert table.sink.step() == 50.0
    slow.set()
    assert len(table.kept()) == 5
    assert (table.sink.queue(), table.sink.settled(), table.sink.step()) == (0, True, None)


def test_a_disk_that_is_gone_ends_the_sink(
    table: Table, slow: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a limit, what waits would grow until the memory is full."""
    monkeypatch.setattr(module, "WAITING", 3)
    with pytest.raises(RuntimeError, match="3 visits wait for the disk; is it full, or gone"):
        for number in range(5):
            table.results(number, confirmed(number, 7, 0, number))


def test_a_full_disk_ends_the_sink_with_a_line(table: Table) -> None:
    """What was confirmed before is there; the next start goes on where there is room again."""
    assert table.sink._database is not None
    table.results(1, confirmed(1, 7, 0, 1))
    table.sink.finish()
    table.sink._database.connection.execute("PRAGMA max_page_count = 1")
    table.results(2, confirmed(2, 7, 0, 1, name="x" * 100_000))
    with pytest.raises(ValueError, match="the disk is full; what was confirmed before is kept"):
        table.sink.finish()
    assert len(table.kept()) == 1


def test_one_sink_a_file(table: Table) -> None:
    """Two would write every visit twice."""
    second = CollectionSink(FakeBus(), table.config)
    with pytest.raises(AlreadyRunning, match=r"the sink of .*c.sqlite is already running .*or set \[collection\] file"):
        second.start()
    second.close()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """Refused at the start, with the key; at work it would be started again and again."""
    (tmp_path / "file").write_text("")
    sink = CollectionSink(FakeBus(), updated(Config(), "collection", file=str(tmp_path / "file" / "c.sqlite")))
    with pytest.raises(ValueError, match=r"\[collection\] file = .*: Not a directory|File exists"):
        sink.start()
    sink.close()
