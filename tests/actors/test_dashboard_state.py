"""What the dashboard knows, without its web: the list, the questions, the gauges, the search, the hand-over."""

import asyncio
import csv
import io
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from dashboard_booth import CARDS, CONFIRMED, STRANGE, UNCERTAIN, catalogue, track, visited

from actors.dashboard.gauges import Gauges
from actors.dashboard.handover import Handover
from actors.dashboard.live import drawn
from actors.dashboard.memory import MemorySession
from actors.dashboard.picture import Darkroom
from actors.dashboard.questions import MOST, Questions, band
from actors.dashboard.search import CardSearch
from actors.dashboard.session import KEPT, Card, Count, Format, Seen
from bus.messages import Heartbeat, Hop, Results, TrackResult
from catalog.decide import Thresholds
from catalog.store import CatalogueError

THRESHOLDS = Thresholds()
ANOTHER = Card("one-2", "Ketziwyn", "Hollow Tides", "2")


@pytest.fixture
def session() -> MemorySession:
    known = {"two-9": Card("two-9", "Brassazor", "Glass Orchard", "9")}
    return MemorySession(known.get, lambda: 1_700_000_000_000)


def names(session: MemorySession, search: str = "") -> list[str]:
    return [one.card.name if one.card else "" for one in session.entries(search, 100)]


def seen(card_id: str | None, visit: int, choices: Sequence[Card] = (), **said: Any) -> Seen:
    told = visited(card_id, visit, "confirmed" if card_id else "ended")
    return Seen(stream="s", life="l", visit=msgspec.structs.replace(told, **said), choices=choices)


def exported(session: MemorySession, form: Format) -> str:
    file = io.StringIO()
    session.export(form, file)
    return file.getvalue()


# The list of this session.


def test_the_newest_comes_first(session: MemorySession) -> None:
    """Whoever scans looks at the top of the list."""
    for visit, card in enumerate(["one-1", None, "one-2"]):
        session.saw(seen(card, visit))
    assert names(session) == ["Ketziwyn", "", "Dromira"]
    assert session.count() == Count(cards=2, different=2, unknown=1)


def test_undo_takes_back_step_by_step(session: MemorySession) -> None:
    """Undo after a correction must bring the first name back, and not throw the card away."""
    session.saw(seen("one-1", 1, [ANOTHER]))
    session.correct(1, "one-2")
    session.correct(1, "two-9")
    assert names(session) == ["Brassazor"]
    assert session.undo() == "corrected Brassazor"
    assert names(session) == ["Ketziwyn"]
    session.undo()
    assert session.entries("", 1)[0].source == "seen"
    assert session.undo() == "seen Dromira"
    assert names(session) == []
    with pytest.raises(ValueError, match="there is nothing to undo"):
        session.undo()


def test_an_undone_entry_keeps_its_number_for_itself(session: MemorySession) -> None:
    """A page that corrects what another page has just undone must not hit the next card."""
    session.saw(seen("one-1", 1, [ANOTHER]))
    session.undo()
    session.saw(seen("one-2", 2))
    assert session.entries("", 1)[0].entry == 2
    with pytest.raises(ValueError, match="there is no entry 1: it may have been undone"):
        session.correct(1, "one-2")


def test_a_card_that_nobody_knows(session: MemorySession) -> None:
    """A correction to something that is in no catalogue would be exported as if it existed."""
    session.saw(seen("one-1", 1))
    with pytest.raises(ValueError, match="there is no card 'nine-9' in the catalogue"):
        session.correct(1, "nine-9")
    assert names(session) == ["Dromira"]


@pytest.mark.parametrize(
    ("words", "found"), [("tides", 2), ("TIDES drom", 1), ("one-2", 1), ("not in", 1), ("nothing", 0), (" ", 3)]
)
def test_searching_the_list(session: MemorySession, words: str, found: int) -> None:
    """Every word must occur, wherever and however it is written."""
    for number, card in enumerate(["one-1", "one-2", None]):
        session.saw(seen(card, number))
    assert len(names(session, words)) == found


def test_pictures_take_bounded_memory(session: MemorySession) -> None:
    """A day at a fair: the oldest pictures go, their cards stay."""
    for number in range(KEPT + 3):
        session.saw(msgspec.structs.replace(seen("one-1", number), jpeg=b"jpeg"))
    assert (session.picture(3), session.picture(4)) == (None, b"jpeg")
    assert session.count().cards == KEPT + 3


def test_exports_hold_everything(session: MemorySession) -> None:
    """Oldest first, the unknown ones too, and what commas and quotes do to a CSV."""
    session.saw(seen("one-1", 1, name='Say "hi", Bo', distance=0.1))
    session.saw(seen(None, 2))
    rows = list(csv.DictReader(io.StringIO(exported(session, "csv"))))
    assert [row["name"] for row in rows] == ['Say "hi", Bo', ""]
    assert rows[0]["distance"] == "0.1"
    listed = json.loads(exported(session, "json"))
    assert [one["card"] and one["card"]["card_id"] for one in listed] == ["one-1", None]


def test_an_export_runs_nothing_in_a_spreadsheet(session: MemorySession) -> None:
    """Names come from a catalogue that a stranger may have made."""
    session.saw(seen("one-1", 1, name='=HYPERLINK("http://x")'))
    (row,) = csv.DictReader(io.StringIO(exported(session, "csv")))
    assert row["name"] == '\'=HYPERLINK("http://x")'


# Which one is it?


def results(*tracks: TrackResult, at_ms: int = 0, stream: str = "s") -> Results:
    return Results(stream=stream, frame=at_ms, t_ns=at_ms * 1_000_000, status="cards", tracks=list(tracks))


def doubting(questions: Questions, *numbers: int, start_ms: int = 0, looks: int = 13) -> None:
    for look in range(looks):
        reading = (UNCERTAIN[0] + look / 1000, UNCERTAIN[1])
        tracks = [track(number, "stabilizing", reading=reading) for number in numbers]
        questions.watch(results(*tracks, at_ms=start_ms + look * 100))


def test_what_stays_uncertain_is_asked_once() -> None:
    """The three nearest, and not again once it is answered, though the card still lies there."""
    questions = Questions(THRESHOLDS)
    doubting(questions, 7)
    (asked,) = questions.open()
    assert [one.card_id for one in asked.choices] == list(CARDS)
    questions.take(asked.question)
    doubting(questions, 7, start_ms=2000)
    assert questions.open() == []
    assert questions.answered(("s", 7))
    with pytest.raises(ValueError, match="not open any more"):
        questions.take(asked.question)


def test_one_look_is_no_doubt() -> None:
    """A track that lingers where a card was lifted off has one reading for ever: it is not asked about."""
    questions = Questions(THRESHOLDS)
    for at_ms in range(0, 5000, 100):
        questions.watch(results(track(7, "stabilizing", reading=UNCERTAIN), at_ms=at_ms))
    assert questions.open() == []


def test_what_is_being_read_is_not_asked() -> None:
    """A question that flashes up before every confirmation would be answered by mistake."""
    questions = Questions(THRESHOLDS)
    doubting(questions, 7, looks=8)
    questions.watch(results(track(7, "stabilizing", reading=CONFIRMED), at_ms=900))
    doubting(questions, 7, start_ms=1000, looks=8)
    assert questions.open() == []


@pytest.mark.parametrize("status", ["confirmed", "unknown"])
def test_a_question_that_answers_itself(status: str) -> None:
    """The camera has got it after all: an answer now would count the card twice."""
    questions = Questions(THRESHOLDS)
    doubting(questions, 7)
    assert questions.watch(results(track(7, status), at_ms=2000))
    assert questions.open() == []
    assert not questions.answered(("s", 7))


def test_a_question_outlives_its_card() -> None:
    """In bulk the card has left the picture long before one looks up; a new stream numbers its tracks anew."""
    questions = Questions(THRESHOLDS)
    doubting(questions, 7)
    questions.watch(results(at_ms=9000))
    questions.watch(results(track(7, "confirmed"), at_ms=0, stream="another"))
    assert len(questions.open()) == 1


def test_questions_do_not_pile_up() -> None:
    """An evening without anybody at the page."""
    questions = Questions(THRESHOLDS)
    doubting(questions, *range(MOST + 5))
    assert [one.key[1] for one in questions.open()] == list(range(5, MOST + 5))


@pytest.mark.parametrize(("distance", "bars"), [(None, 0), (0.1, 3), (0.2, 2), (0.45, 1), (0.6, 0)])
def test_bands(distance: float | None, bars: int) -> None:
    """The bars on the page mean the model's own limits."""
    assert band(distance, THRESHOLDS) == bars


def test_states_of_outlines() -> None:
    """What cannot be told apart, what is no card of the catalogue and what is not read yet look different."""
    tracks = [
        track(1, "confirmed"),
        track(2, "stabilizing", reading=UNCERTAIN),
        track(3, "unknown", reading=STRANGE),
        msgspec.structs.replace(track(4, "detecting"), distance=None, gap=None, candidates=[]),
    ]
    states = [card.state for card in drawn(results(*tracks), (64, 48), THRESHOLDS).cards]
    assert states == ["confirmed", "asked", "unknown", "reading"]


# Gauges.


def answered(frame: int, took_ms: float, stream: str = "s") -> Results:
    trace = [Hop("capture", 0, 0), Hop("smooth", 0, round(took_ms * 1e6))]
    return Results(stream=stream, frame=frame, t_ns=0, trace=trace, status="no_card", tracks=[])


def test_latency_rate_and_losses_of_the_last_seconds() -> None:
    """A gauge that averages since the start hides what is wrong now."""
    gauges = Gauges()
    gauges.results(answered(0, 900.0), 0)
    for frame in (100, 101, 103, 104):
        gauges.results(answered(frame, 10.0 + frame - 100), 20_000_000_000 + frame * 50_000_000)
    health = gauges.read(25_000_000_000 + 200_000_000)
    assert (health.p50_ms, health.p95_ms, health.lost, health.state) == (13.0, 14.0, 1, "live")
    assert health.fps == 15.0
    assert gauges.read(40_000_000_000).state == "waiting"


def test_a_new_stream_is_no_loss() -> None:
    """Its frames are numbered from 0 again."""
    gauges = Gauges()
    gauges.results(answered(500, 1.0), 0)
    gauges.results(answered(0, 1.0, "another"), 1)
    gauges.results(answered(1, 1.0, "another"), 2)
    assert gauges.read(3).lost == 0


def test_a_process_that_falls_silent() -> None:
    """Its last heartbeat said that all was well."""
    gauges = Gauges()
    gauges.heartbeat(
        Heartbeat(actor="matcher", pid=1, t_ns=0, state="ready", started_ns=0, drops={"wrong_model": 2, "none": 0}), 0
    )
    states = {one.name: one for one in gauges.read(2_000_000_000).processes}
    assert states["matcher"].state == "ready"
    assert states["matcher"].drops == {"wrong_model": 2}
    assert states["capture"].state == "missing"
    assert {one.name: one.state for one in gauges.read(4_000_000_000).processes}["matcher"] == "silent"


# The catalogue.


def test_finding_a_card(tmp_path: Path) -> None:
    """By any words of name, set, number and id; a name that begins with the word is meant first."""
    search = CardSearch(catalogue(tmp_path / "c"))
    assert [one.card_id for one in search.find("tides", 9)] == ["one-1", "one-2"]
    assert search.find("k", 9)[0].card_id == "one-2"
    assert [one.card_id for one in search.find("brass orchard", 9)] == ["two-9"]
    assert search.find("  ", 9) == []
    assert len(search.find("o", 1)) == 1
    assert search.lookup("two-9") == Card("two-9", "Brassazor", "Glass Orchard", "9")
    assert search.lookup("nine-9") is None


@pytest.mark.parametrize("path", [None, Path("/nonexistent")])
def test_without_a_catalogue(path: Path | None) -> None:
    """The page works beside a system that is not there yet: searching says what is missing."""
    search = CardSearch(path)
    assert search.lookup("one-1") is None
    with pytest.raises(CatalogueError, match="catalogue"):
        search.find("dromira", 9)


# From thread to thread.


def test_everything_arrives_in_order() -> None:
    """A visit before its thumbnail would stay without it."""

    async def run() -> list[int]:
        taken: list[int] = []
        done = asyncio.Event()

        def take(item: int) -> None:
            taken.append(item)
            if item == 999:
                done.set()

        handover = Handover(asyncio.get_running_loop(), take)
        threading.Thread(target=lambda: [handover.put(item) for item in range(1000)]).start()
        await asyncio.wait_for(done.wait(), 10)
        return taken

    assert asyncio.run(run()) == list(range(1000))


def test_a_taker_that_hangs_costs_a_bounded_memory() -> None:
    """The bus goes on while the web hangs; what it missed is counted."""

    async def run() -> None:
        taken: list[int] = []
        handover = Handover(asyncio.get_running_loop(), taken.append, depth=10)
        for item in range(25):  # the loop has no turn meanwhile
            handover.put(item)
        assert len(handover) == 10
        await asyncio.sleep(0)
        assert taken == list(range(15, 25))
        assert handover.lost == 15

    asyncio.run(run())


def test_a_taker_that_is_gone() -> None:
    """The last messages of the bus come when the web has been closed."""
    loop = asyncio.new_event_loop()
    loop.close()
    Handover(loop, print).put("anything")


@pytest.mark.parametrize(
    ("shape", "longest", "expected"),
    [
        ((1520, 1520), 960, (960, 960)),
        ((1080, 1920), 960, (540, 960)),
        ((721, 1281), 960, (540, 960)),
        ((1890, 1890), 960, (945, 945)),
        ((3040, 4056), 960, (720, 960)),
        ((48, 64), 960, (48, 64)),
        ((3000, 2), 960, (960, 1)),
    ],
)
def test_the_live_picture_is_small(shape: tuple[int, int], longest: int, expected: tuple[int, int]) -> None:
    """And keeps its shape and its looks; the frame itself, which others read, stays as it is."""
    pixels = np.full((*shape, 3), (200, 120, 30), np.uint8)
    pixels.flags.writeable = False
    small = read(Darkroom(longest, 95).develop(pixels))
    assert small.shape == (*expected, 3)
    assert np.abs(small.astype(int) - (200, 120, 30)).max() <= 4


def test_pictures_are_made_in_the_same_memory() -> None:
    """Fresh memory for each delays every frame of the pipeline, on another core; a smaller frame needs its own."""
    room = Darkroom(200, 95)
    shades = [(300, 300, 40), (300, 300, 80), (150, 100, 120), (300, 300, 160)]
    for height, width, shade in shades:
        small = read(room.develop(np.full((height, width, 3), shade, np.uint8)))
        assert small.shape[:2] == (min(height, 200), min(width, 200))
        assert np.abs(small.astype(int) - shade).max() <= 2
        memory, again = room._memory, room.develop(np.full((height, width, 3), 0, np.uint8))
        assert np.shares_memory(room._memory, memory)
        assert read(again).max() <= 2


def read(jpeg: bytes) -> np.ndarray:
    """The picture uint8 RGB in a file."""
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
