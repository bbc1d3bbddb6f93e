"""The page in a real Chromium: what people see and do. Skipped where there is neither it nor playwright."""

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from actor_fakes import Pixels, mosaic, served_ring
from dashboard_booth import PATIENCE_S, STRANGE, Booth, track, visited

from actors.dashboard.desk import Another
from bus.clock import ManualClock
from cli.main import main

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make develop)")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium (make programs)")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZE = (480, 480)
CARD = [(100.0, 90.0), (240.0, 90.0), (240.0, 286.0), (100.0, 286.0)]
TOKEN = "a long enough secret"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser with a profile of its own."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def windows() -> list[Any]:
    """Those that are open."""
    return []


@pytest.fixture
def booth(tmp_path: Path, clock: ManualClock, windows: list[Any]) -> Iterator[Booth]:
    with served_ring(tmp_path / "ring.sock", clock, SIZE) as ring:
        booth = Booth(tmp_path, ring, clock)
        yield booth
        while windows:  # a page that still loads a picture would say that nobody answers any more
            windows.pop().close()
        booth.close()


@pytest.fixture
def visit(chromium: Any, windows: list[Any]) -> Iterator[Callable[..., Any]]:
    """Open an address in a window of its own; nothing may be said on its console meanwhile."""
    said: list[str] = []

    def open_page(url: str, **window: Any) -> Any:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **window})
        windows.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(url)
        return page

    yield open_page
    while windows:
        windows.pop().close()
    assert said == []


def connected(page: Any) -> Any:
    """Wait until the page has heard from the dashboard."""
    page.wait_for_selector("#processes li")
    return page


def filmed(page: Any, booth: Booth, *tracks: Any, pixels: Pixels | None = None) -> None:
    """Show frames until the page has drawn one of them."""
    before = int(page.get_attribute("#live", "data-pictures") or 0)
    for _ in range(200):
        booth.show(tracks, pixels=pixels)
        page.wait_for_timeout(20)
        if int(page.get_attribute("#live", "data-pictures") or 0) > before + 1:
            return
    raise AssertionError("no picture was drawn")


def names(page: Any) -> list[str]:
    return [str(text) for text in page.locator("#list strong").all_inner_texts()]


def until(page: Any, condition: Callable[[], Any]) -> None:
    """Wait until something is so; the page's policy forbids to evaluate conditions in it."""
    for _ in range(round(PATIENCE_S * 50)):
        if condition():
            return
        page.wait_for_timeout(20)
    raise AssertionError("it has not come to that")


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


def test_the_way_of_the_focus(visit: Callable[..., Any], booth: Booth) -> None:
    """Everything can be reached with Tab, in the order in which it is read, and shows that it is there."""
    booth.confirm("one-1", 1)
    page = connected(visit(booth.url))
    until(page, lambda: len(names(page)) == 1)
    seen = []
    for _ in range(9):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "(e => [e.id || e.textContent || e.className, getComputedStyle(e).outlineStyle])(document.activeElement)"
        )
        assert focused[1] != "none", focused
        seen.append(focused[0])
    assert seen[:8] == ["Skip to the list", "sound", "theme", "help", "search", "undo", "CSV", "JSON"]
    assert seen[8].startswith("Dromira")


def test_help_sound_and_theme(visit: Callable[..., Any], booth: Booth) -> None:
    """By key; sound is off until it is asked for, and the choice of a theme survives a reload."""
    page = connected(visit(booth.url, color_scheme="light"))
    page.keyboard.press("?")
    assert page.is_visible("#keys")
    page.keyboard.press("Escape")
    assert page.is_hidden("#keys")
    assert page.get_attribute("#sound", "aria-pressed") == "false"
    page.keyboard.press("m")
    page.wait_for_selector("#sound[aria-pressed=true]")
    booth.confirm("one-1", 1)
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.keyboard.press("d")
    dark = page.evaluate(ground)
    page.reload()
    connected(page)
    assert page.evaluate(ground) == dark != light


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(visit: Callable[..., Any], booth: Booth, scheme: str) -> None:
    """Legible at arm's length: every text has 4.5 to 1 against what is behind it (WCAG AA)."""
    booth.confirm("one-1", 1)
    booth.show(visits=[visited(None, 2, "ended")])
    page = connected(visit(booth.url, color_scheme=scheme))
    until(page, lambda: len(names(page)) == 2)
    selectors = ("h1", "#latency", "dt", "#list strong", "#list small", ".total span", "#other", "#processes span")
    for selector in selectors:
        text, behind = page.eval_on_selector_all(
            selector,
            """(all) => { const e = all[all.length - 1]; let b = e; const clear = "rgba(0, 0, 0, 0)";
            while (b.parentElement && getComputedStyle(b).backgroundColor === clear) b = b.parentElement;
            return [getComputedStyle(e).color, getComputedStyle(b).backgroundColor]; }""",
        )
        light, dark = sorted((luminance(text), luminance(behind)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (selector, text, behind)


def luminance(colour: str) -> float:
    """Of `rgb(r, g, b)`, relative, as WCAG defines it."""
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_on_a_phone(visit: Callable[..., Any], booth: Booth) -> None:
    """390 px: nothing to scroll sideways for, and everything large enough for a thumb."""
    booth.confirm("one-1", 1)
    booth.doubt(7)
    window = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
    page = connected(visit(booth.url, **window))
    filmed(page, booth, track(1, "confirmed", visit=1, quad=CARD), pixels=mosaic(1, *SIZE))
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    sizes = page.eval_on_selector_all(
        "button, .button, input",
        """(all) => all.filter((e) => e.checkVisibility())
        .map((e) => [e.id || e.className, e.getBoundingClientRect().height])""",
    )
    assert [name for name, height in sizes if height < 40] == ["drop"]
    page.tap("#questions .choice >> nth=1")
    until(page, lambda: names(page) == ["Ketziwyn", "Dromira"])


def test_all_of_it_is_small(visit: Callable[..., Any], booth: Booth) -> None:
    """Less than 150 kB with everything that the browser fetches, and nothing from anywhere else."""
    booth.confirm("one-1", 1)
    page = visit("about:blank")
    fetched: list[tuple[str, int]] = []
    page.on("response", lambda answer: fetched.append((answer.url, len(answer.body()))))
    page.goto(booth.url)
    connected(page)
    page.wait_for_load_state("load")
    assert all(url.startswith(booth.url) for url, _ in fetched)
    assert len([url for url, _ in fetched if url.endswith((".js", ".css"))]) >= 7
    assert sum(size for _, size in fetched) < 150_000


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


def test_signing_in(visit: Callable[..., Any], tmp_path: Path, clock: ManualClock) -> None:
    """With the form, under the policy that forbids everything else."""
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o600)
    with served_ring(tmp_path / "ring.sock", clock, SIZE) as ring:
        booth = Booth(tmp_path, ring, clock, token_file=str(tmp_path / "token"))
        page = visit(booth.url)
        assert page.url == f"{booth.url}login"
        page.fill("#token", TOKEN)
        page.keyboard.press("Enter")
        connected(page)
        assert page.url == booth.url
        page.close()  # it would say that nobody answers any more
        booth.close()


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
