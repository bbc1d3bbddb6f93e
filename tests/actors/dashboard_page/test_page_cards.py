"""Cards on the page in a real Chromium: how they come, are named, corrected, counted and kept."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from actor_fakes import Pixels, served_ring
from dashboard_booth import STRANGE, Booth, track, visited
from dashboard_window import CARD, SIZE, connected, filmed, names, until

from actors.dashboard.desk import Another
from bus.clock import ManualClock
from cli.main import main


def canvas(page: Any) -> Pixels:
    """What the live view shows, RGB."""
    png = np.frombuffer(page.locator("#live").screenshot(), np.uint8)
    return np.asarray(cv2.cvtColor(cv2.imdecode(png, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)


def green(shown: Pixels) -> Any:
    """Where the mark of a confirmed card is."""
    return (shown[..., 1] > 190) & (shown[..., 0] < 110) & (shown[..., 2] > 110) & (shown[..., 2] < 190)


def test_the_picture_with_outline_and_name(visit: Callable[..., Any], booth: Booth) -> None:
    """The point of it all: the outline lies where the card is, and the name is there for those who cannot see it."""
    page = connected(visit(booth.url))
    pixels = np.full((*SIZE, 3), 60, np.uint8)
    pixels[90:286, 100:240] = (200, 60, 60)
    filmed(page, booth, track(1, "confirmed", visit=1, quad=CARD), pixels=pixels)
    shown = canvas(page)
    scale = shown.shape[0] / SIZE[0]
    rows, columns = np.nonzero(green(shown)[round(80 * scale) :])
    assert abs(columns.min() / scale - 100) < 4
    assert abs(columns.max() / scale - 240) < 4
    assert abs((rows.max() + round(80 * scale)) / scale - 286) < 4
    card = shown[round(200 * scale), round(170 * scale)]
    assert card[0] > 150
    assert card[1] < 110
    assert page.get_attribute("#live", "aria-label") == "Live picture: Dromira"


def test_what_is_not_in_the_catalogue(visit: Callable[..., Any], booth: Booth) -> None:
    """A state of its own, in the picture and in the list, and no card that counts."""
    page = connected(visit(booth.url))
    filmed(page, booth, track(2, "unknown", reading=STRANGE, visit=2, quad=CARD))
    assert page.get_attribute("#live", "aria-label") == "Live picture: Not in the catalogue"
    booth.show(visits=[visited(None, 2, "ended")])
    until(page, lambda: names(page) == ["Not in the catalogue"])
    assert page.inner_text("#cards") == "0"
    assert page.inner_text("#other") == "1 not in the catalogue"


def test_the_count_and_what_is_said_aloud(visit: Callable[..., Any], booth: Booth) -> None:
    """Whoever looks at the cards hears of each; what was there when the page was opened is no news."""
    booth.confirm("one-1", 1)
    page = connected(visit(booth.url))
    until(page, lambda: page.inner_text("#cards") == "1")
    assert page.inner_text("#live-region") == ""
    booth.confirm("one-2", 2)
    until(page, lambda: page.inner_text("#live-region") == "Ketziwyn, card 2")
    assert page.get_attribute("#live-region", "aria-live") == "polite"
    assert names(page) == ["Ketziwyn", "Dromira"]


def test_which_one_is_it_by_key(visit: Callable[..., Any], booth: Booth) -> None:
    """One key, without touching the mouse; undo takes it back."""
    page = connected(visit(booth.url))
    booth.doubt(7)
    page.wait_for_selector("#questions:not([hidden])")
    assert page.locator("#questions .choice strong").all_inner_texts() == ["Dromira", "Ketziwyn", "Brassazor"]
    page.keyboard.press("2")
    until(page, lambda: names(page) == ["Ketziwyn"])
    assert page.is_hidden("#questions")
    page.keyboard.press("u")
    until(page, lambda: names(page) == [])


def test_which_one_is_it_by_click(visit: Callable[..., Any], booth: Booth) -> None:
    """The next question follows; one about no card is dropped; none of them is not in the catalogue."""
    page = connected(visit(booth.url))
    for number in (7, 8, 9):
        booth.doubt(number)
    until(page, lambda: "3 open" in page.inner_text("#questions"))
    page.click("#questions .choice >> nth=0")
    until(page, lambda: names(page) == ["Dromira"])
    until(page, lambda: "2 open" in page.inner_text("#questions"))
    page.click("#questions .drop")
    until(page, lambda: "open" not in page.inner_text("#questions"))
    page.keyboard.press("0")
    until(page, lambda: names(page) == ["Not in the catalogue", "Dromira"])
    assert page.is_hidden("#questions")


def test_correcting_by_keyboard(visit: Callable[..., Any], booth: Booth) -> None:
    """Through the list with the arrows, into the catalogue with a few letters, and the focus comes back."""
    booth.confirm("one-1", 1)
    booth.confirm("one-2", 2)
    page = connected(visit(booth.url))
    until(page, lambda: len(names(page)) == 2)
    page.focus("#list button >> nth=0")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("#fix[open]")
    page.fill("#fix-search", "brass")
    page.focus("#fix-found .choice")
    page.keyboard.press("Enter")
    until(page, lambda: names(page) == ["Ketziwyn", "Brassazor"])
    assert page.is_hidden("#fix")
    assert "corrected" in page.inner_text("#list li >> nth=1")


def test_searching_the_list(visit: Callable[..., Any], booth: Booth) -> None:
    """A card that comes meanwhile does not push itself among the found."""
    booth.confirm("one-1", 1)
    page = connected(visit(booth.url))
    page.keyboard.press("/")
    page.keyboard.type("drom")
    booth.confirm("one-2", 2)
    until(page, lambda: page.inner_text("#cards") == "2")
    assert names(page) == ["Dromira"]
    page.keyboard.press("Escape")
    until(page, lambda: names(page) == ["Ketziwyn", "Dromira"])


def test_the_overlay(visit: Callable[..., Any], booth: Booth) -> None:
    """Transparent over the stream; it shows a card that is confirmed now, not those from before, and takes it away."""
    booth.confirm("one-1", 1)
    page = visit(f"{booth.url}overlay?seconds=1")
    page.wait_for_timeout(100)
    assert page.locator("#card.shown").count() == 0
    opened = booth.dashboard._server
    assert opened is not None
    until(page, lambda: len(opened._desk.clients) == 1)
    page.wait_for_timeout(100)
    booth.confirm("one-2", 2)
    page.wait_for_selector("#card.shown")
    assert page.inner_text("#name") == "Ketziwyn"
    assert page.inner_text("#place") == "Hollow Tides · 2"
    image = cv2.imdecode(np.frombuffer(page.screenshot(omit_background=True), np.uint8), cv2.IMREAD_UNCHANGED)
    assert image[10, 10, 3] == 0
    page.wait_for_selector("#card:not(.shown)")
    assert booth.bus.counts["pictures"] == 0


def test_the_list_is_downloaded(visit: Callable[..., Any], booth: Booth) -> None:
    """As a file, by a link that works with the keyboard too."""
    booth.confirm("one-1", 1)
    page = connected(visit(booth.url))
    with page.expect_download() as download:
        page.click("text=CSV")
    file = io.StringIO(Path(download.value.path()).read_text())
    assert "Dromira" in file.read()
    assert download.value.suggested_filename == "sleevesight.csv"


def test_an_undo_on_the_page_is_an_undo_in_the_collection(
    visit: Callable[..., Any], tmp_path: Path, clock: ManualClock, capsys: pytest.CaptureFixture[str]
) -> None:
    """By click; the command finds it undone. What is undone there, the page takes off its list by itself."""
    file = tmp_path / "c.sqlite"

    def command(*words: str) -> list[str]:
        assert main(["collection", *words, "--file", str(file)]) == 0
        return capsys.readouterr().out.splitlines()

    with served_ring(tmp_path / "ring.sock", clock, SIZE) as ring:
        booth = Booth(tmp_path, ring, clock, collection=file)
        booth.confirm("one-1", 1)
        booth.confirm("one-2", 2)
        page = connected(visit(booth.url))
        until(page, lambda: names(page) == ["Ketziwyn", "Dromira"])
        assert page.inner_text("#kept") == "Kept in the collection"
        assert page.inner_text("#other") == "in this session"
        page.click("#undo")
        until(page, lambda: names(page) == ["Dromira"])
        assert page.inner_text("#note") == "Undone: seen Ketziwyn"
        assert [json.loads(line)["card"]["name"] for line in command("list", "--json")] == ["Dromira"]
        assert [line.split("  ")[-1] for line in command("log")[1:2]] == ["undo 2"]
        assert "seen Dromira" in command("undo")[0]
        until(page, lambda: names(page) == [])
        assert page.is_enabled("#undo"), "an import, or a whole session that was taken out, may be undone"
        page.close()
        booth.close()


def test_another_list_is_no_news(visit: Callable[..., Any], tmp_path: Path, clock: ManualClock) -> None:
    """When the collection comes in place of a list in memory, nothing of it has been confirmed just now."""
    with served_ring(tmp_path / "ring.sock", clock, SIZE) as ring:
        booth = Booth(tmp_path, ring, clock, collection=tmp_path / "c.sqlite")
        booth.confirm("one-1", 1)
        page, overlay = connected(visit(booth.url)), visit(f"{booth.url}overlay")
        server = booth.dashboard._server
        assert server is not None
        until(page, lambda: names(page) == ["Dromira"] and len(server._desk.clients) == 2)
        server.hand(Another(booth.dashboard._in_memory))
        until(page, lambda: page.inner_text("#kept").startswith("Not kept"))
        booth.dashboard._collection = None
        booth.show(stream="s2")
        until(page, lambda: names(page) == ["Dromira"])
        overlay.wait_for_timeout(100)
        assert page.inner_text("#live-region") == ""
        assert overlay.locator("#card.shown").count() == 0
        page.close()
        overlay.close()
        booth.close()
