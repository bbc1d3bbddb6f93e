"""The dashboard beside the sink `collection`: its list says what the collection says, and the other way round."""

import csv
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from dashboard_booth import UNCERTAIN, Booth, Page, ask, track, visit_page, visited

from actors.config import dump, updated
from actors.dashboard.actor import Dashboard, Guest
from actors.dashboard.desk import Another
from bus.clock import ManualClock
from bus.ring import RingWriter
from cli.main import main
from collection import history, query, visits
from collection.database import Database
from collection.layouts import LAYOUTS
from collection.query import Filter
from collection.records import Card


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "c.sqlite"


@pytest.fixture
def booth(tmp_path: Path, ring: RingWriter, clock: ManualClock, file: Path) -> Iterator[Booth]:
    booth = Booth(tmp_path, ring, clock, collection=file)
    yield booth
    booth.close()


def kept(file: Path) -> list[str | None]:
    """The cards of a collection, newest first."""
    with Database(file) as database:
        return [one.card and one.card.name for one in query.page(database, Filter(), 100)]


def command(*arguments: object) -> int:
    return main(["collection", *map(str, arguments)])


def test_an_undo_on_the_page_is_one_in_the_collection(booth: Booth, file: Path) -> None:
    """A card that was taken off the list but stays in the collection is exported, and sold, all the same."""
    booth.confirm("one-1", 1)
    booth.confirm("one-2", 2)

    async def act(page: Page, _browser: Any) -> None:
        await page.until(lambda: page.names() == ["Ketziwyn", "Dromira"])
        assert page.news["session"]["kept"] == str(file)
        await page.say("undo")
        await page.until(lambda: page.names() == ["Dromira"])
        await page.until(lambda: page.news.get("note", {}).get("text") == "Undone: seen Ketziwyn")

    visit_page(booth, act)
    assert kept(file) == ["Dromira"]
    with Database(file) as database:
        assert [(one.what, one.undone) for one in history.log(database, 2)] == [
            ("undo 2", False),
            ("seen Ketziwyn", True),
        ]


def test_the_page_follows_what_others_do(booth: Booth, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An undo in a terminal beside it; whoever undoes twice, here and there, loses a card."""
    booth.confirm("one-1", 1)
    booth.confirm("one-2", 2)

    async def act(page: Page, _browser: Any) -> None:
        await page.until(lambda: page.names() == ["Ketziwyn", "Dromira"])
        assert command("undo", "--file", file) == 0
        await page.until(lambda: page.names() == ["Dromira"])
        assert command("fix", "1", "--note", "from Ann", "--finish", "holofoil", "--quantity", 2, "--file", file) == 0
        await page.until(lambda: page.news["session"]["entries"][0]["said"])
        (entry,) = page.news["session"]["entries"]
        assert (entry["said"], entry["quantity"], page.news["session"]["cards"]) == ("holofoil · from Ann", 2, 2)

    visit_page(booth, act)
    assert "undone" in capsys.readouterr().out


def test_the_list_survives_a_restart(tmp_path: Path, booth: Booth, ring: RingWriter, file: Path) -> None:
    """Of the dashboard alone, in the middle of a stream: everything is there, and can still be undone."""
    booth.confirm("one-1", 1)
    booth.dashboard.close()
    booth.dashboard = Dashboard(booth.bus, booth.dashboard._config)
    booth.dashboard.start()
    booth.url = booth.dashboard.url

    async def act(page: Page, _browser: Any) -> None:
        await page.until(lambda: page.names() == ["Dromira"])
        booth.confirm("one-2", 2)
        await page.until(lambda: page.names() == ["Ketziwyn", "Dromira"])
        for _ in range(2):
            await page.say("undo")
        await page.until(lambda: page.names() == [])
        await page.say("undo")
        await page.until(lambda: "nothing to undo" in page.news.get("note", {}).get("text", ""))

    visit_page(booth, act)


def test_a_correction_is_a_step_of_the_log(booth: Booth, file: Path) -> None:
    """By one of the nearest, which the collection has never heard of, or any of the catalogue; not by what is none."""
    booth.confirm("one-1", 1)

    async def act(page: Page, _browser: Any) -> None:
        await page.until(lambda: page.names() == ["Dromira"])
        await page.until(lambda: page.news["session"]["entries"][0]["choices"])
        (entry,) = page.news["session"]["entries"]
        assert [one["card_id"] for one in entry["choices"]] == ["one-1", "one-2", "two-9"]
        await page.say("correct", entry=entry["entry"], card_id="two-9")
        await page.until(lambda: page.names() == ["Brassazor"])
        assert page.news["session"]["entries"][0]["source"] == "corrected"
        await page.say("correct", entry=entry["entry"], card_id="nine-9")
        await page.until(lambda: "no card 'nine-9'" in page.news.get("note", {}).get("text", ""))
        await page.say("correct", entry=77, card_id="two-9")
        await page.until(lambda: "no visit 77" in page.news["note"]["text"])
        await page.say("undo")
        await page.until(lambda: page.names() == ["Dromira"])

    visit_page(booth, act)
    with Database(file) as database:
        assert query.visit(database, 1).named_by == "camera"
        found = query.card(database, "two-9")
        assert found is not None
        assert found.set_id == "two"


@pytest.mark.parametrize(("answer", "listed"), [("one-2", "Ketziwyn"), (None, None)], ids=["one", "none of them"])
def test_an_answer_counts_once(booth: Booth, file: Path, answer: str | None, listed: str | None) -> None:
    """What the camera makes of the card afterwards is the same visit, also for the sink, which knows of no question."""
    booth.doubt(7)

    async def act(page: Page, browser: aiohttp.ClientSession) -> None:
        await page.until(lambda: page.news["questions"]["questions"])
        (question,) = page.news["questions"]["questions"]
        await page.say("answer", question=question["question"], card_id=answer)
        await page.until(lambda: page.names() == [listed])
        entry = page.news["session"]["entries"][0]
        assert (entry["source"], entry["picture"]) == ("asked", True)
        async with browser.get(f"/picture/entry/{entry['entry']}") as picture:
            assert (await picture.read()).startswith(b"\xff\xd8\xff")
        booth.show([track(7, "confirmed", visit=3)], [msgspec.structs.replace(visited("one-1", 3), track_id=7)])
        booth.confirm("two-9", 4)
        await page.until(lambda: page.names() == ["Brassazor", listed])

    visit_page(booth, act)
    assert kept(file) == ["Brassazor", listed]


def test_searching_and_counting(booth: Booth, file: Path) -> None:
    """The search finds what was collected long ago; the count is that of the session."""
    with Database(file) as database:
        old = visits.Sighting(
            stream="old", life="l", number=1, source="camera:0", first_frame=1, last_frame=2,
            card=Card(card_id="sv1-1", name="Flabébé", set_id="sv1"),
        )  # fmt: skip
        visits.confirm(database, old, 5)
    booth.confirm("one-1", 1)
    booth.confirm("one-1", 2)
    booth.show(visits=[visited(None, 3, "ended")])

    async def act(page: Page, _browser: Any) -> None:
        await page.until(lambda: page.names() == [None, "Dromira", "Dromira", "Flabébé"])
        session = page.news["session"]
        counted = {name: session[name] for name in ("cards", "different", "unknown")}
        assert counted == {"cards": 2, "different": 1, "unknown": 1}
        await page.say("list", search="flabebe")
        await page.until(lambda: "list" in page.news)
        assert page.names("list") == ["Flabébé"]

    visit_page(booth, act)


def test_exports_are_those_of_the_collection(booth: Booth, file: Path) -> None:
    """What is downloaded can be read back by `collection import`, and into other programs."""
    booth.confirm("one-1", 1)
    booth.confirm("one-1", 2)
    assert booth.sink is not None
    booth.sink.finish()
    status, body, headers = ask(booth, "/export/csv")
    assert (status, headers["Content-Disposition"]) == (200, 'attachment; filename="sleevesight.csv"')
    (row,) = csv.DictReader(io.StringIO(body.decode()))
    assert tuple(row) == LAYOUTS["plain"].columns
    assert (row["name"], row["quantity"]) == ("Dromira", "2")
    listed = json.loads(ask(booth, "/export/json")[1])
    with Database(file) as database:
        assert listed == msgspec.to_builtins(query.page(database, Filter(), 9))
        history.remove(database, "all", 0, session=1)
    assert json.loads(ask(booth, "/export/json")[1]) == []


def test_a_long_export_is_read_in_parts(booth: Booth, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each visit once, where one part ends and the next begins."""
    monkeypatch.setattr("actors.dashboard.kept._ROWS", 2)
    for number in range(5):
        booth.confirm("one-1", number)
    assert booth.sink is not None
    booth.sink.finish()
    assert [one["visit"] for one in json.loads(ask(booth, "/export/json")[1])] == [5, 4, 3, 2, 1]


def test_a_collection_that_is_being_written_to(booth: Booth, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long import elsewhere: the page goes on, and whoever wanted a change is told."""
    booth.confirm("one-1", 1)

    async def act(page: Page, _browser: Any) -> None:
        await page.until(lambda: page.names() == ["Dromira"])
        server = booth.dashboard._server
        assert server is not None
        list_ = server._desk.listing.session
        list_._database.connection.execute("PRAGMA busy_timeout = 50")  # type: ignore[attr-defined]
        with Database(file) as other, other.writing():
            await page.say("undo")
            await page.until(lambda: "has been writing to it for too long" in page.news.get("note", {}).get("text", ""))
        await page.say("undo")
        await page.until(lambda: page.names() == [])

    visit_page(booth, act)


def test_a_collection_that_cannot_be_used(tmp_path: Path, ring: RingWriter, clock: ManualClock, file: Path) -> None:
    """It is damaged, or another program's: the page says so, and shows its own list meanwhile."""
    booth = Booth(tmp_path, ring, clock)
    file.write_bytes(b"no database at all, but long enough to be looked at" * 9)
    config = updated(booth.dashboard._config, "collection", file=str(file))
    booth.dashboard._config = updated(config, "sinks", enabled=["collection"])

    async def act(page: Page, _browser: Any) -> None:
        booth.confirm("one-1", 1)
        await page.until(lambda: "no SQLite database" in page.news.get("note", {}).get("text", ""))
        await page.until(lambda: page.names() == ["Dromira"])

    visit_page(booth, act)
    booth.close()


def test_a_guest_between_two_systems(booth: Booth, file: Path, tmp_path: Path) -> None:
    """Nothing runs: the collection is there to look through. The next system keeps none: the list is its own."""
    booth.confirm("one-1", 1)
    booth.dashboard.close()
    plain = updated(booth.dashboard._config, "sinks", enabled=["console"])
    booth.dashboard = Guest(booth.bus, plain)
    booth.dashboard.start()
    booth.url = booth.dashboard.url

    async def act(page: Page, _browser: Any) -> None:
        await page.until(lambda: page.names() == ["Dromira"])
        plain.launched.write_text(dump(plain))
        booth.sink, sink = None, booth.sink
        booth.confirm("two-9", 1)
        await page.until(lambda: page.names() == ["Brassazor"])
        assert page.news["session"]["kept"] == ""
        booth.sink = sink

    visit_page(booth, act)


def test_readings_do_not_write(booth: Booth, file: Path) -> None:
    """A card that is only doubted is in nobody's collection."""
    booth.show([track(7, "stabilizing", reading=UNCERTAIN)])
    assert kept(file) == []


def test_what_is_seen_while_it_joins(booth: Booth, file: Path) -> None:
    """The first card may be told in one go with the collection: what else it may be was noted on the list before."""
    server = booth.dashboard._server
    assert server is not None

    async def act(page: Page, _browser: Any) -> None:
        loop = server._loop
        held = threading.Event()
        loop.call_soon_threadsafe(held.wait)
        server.hand(Another(booth.dashboard._in_memory))
        booth.dashboard._collection = None
        booth.show(stream="s2")
        booth.show([track(1, "confirmed", "one-1", visit=1)], [visited("one-1", 1)], stream="s2")
        held.set()
        await page.until(lambda: page.names() == ["Dromira"] and page.news["session"]["kept"])
        await page.until(lambda: page.news["session"]["entries"][0]["choices"])

    visit_page(booth, act)


def test_an_end_in_order_leaves_one_file(booth: Booth, file: Path) -> None:
    """Whoever copies the collection after the end copies all of it: nothing is left in a log beside it."""
    booth.confirm("one-1", 1)
    booth.close()
    assert {path.name for path in file.parent.glob("c.sqlite*")} == {"c.sqlite", "c.sqlite.lock"}
