"""The dashboard from outside, over HTTP and WebSockets: what it shows."""

import asyncio
from importlib.resources import files
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import numpy as np
import pytest
from dashboard_booth import STEP_MS, Booth, Page, ask, drawing, track, visit_page, visited

from bus.clock import ManualClock
from bus.ring import RingWriter


def test_a_picture_and_its_outlines_are_of_one_frame(booth: Booth, ring: RingWriter) -> None:
    """Drawn on a later picture, the outline of a card in motion lies beside it."""

    async def act(page: Page, _browser: Any) -> None:
        await page.say("watch", on=True)
        await asyncio.to_thread(watched, booth)
        for number in range(1, 7):
            quad = [(float(number), 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0)]
            pixels = np.full((*ring.shape[:2], 3), 40 * number, np.uint8)
            booth.show([track(1, "confirmed", visit=1, quad=quad)], pixels=pixels)
        await page.until(lambda: page.pictures and drawing(page.pictures[-1])["frame"] == 6)
        for message in page.pictures:
            shown = drawing(message)
            assert (shown["width"], shown["height"]) == (64, 48)
            assert shown["cards"][0]["quad"][0][0] == shown["frame"]
            assert abs(float(decoded(message).mean()) - 40 * shown["frame"]) < 4

    visit_page(booth, act)


def decoded(message: bytes) -> Any:
    import cv2

    jpeg = message[4 + int.from_bytes(message[:4], "little") :]
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def watched(booth: Booth) -> None:
    """Wait until the thread of the web has heard that somebody watches."""
    import time

    deadline = time.monotonic() + 20
    server = booth.dashboard._server
    assert server is not None
    while not server.watched:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_nothing_is_encoded_while_nobody_watches(booth: Booth) -> None:
    """A page in the background, or the overlay: the Pi has better things to do."""

    async def act(page: Page, _browser: Any) -> None:
        booth.confirm("one-1", 1)
        await page.until(lambda: page.names() == ["Dromira"])
        assert page.pictures == []

    visit_page(booth, act)
    assert booth.bus.counts["pictures"] == 0


def test_pictures_come_no_faster_than_asked_for(tmp_path: Path, ring: RingWriter, clock: ManualClock) -> None:
    """Every picture costs; on average there are exactly as many as the configuration says."""
    booth = Booth(tmp_path, ring, clock, fps=4.0)

    async def act(page: Page, _browser: Any) -> None:
        await page.say("watch", on=True)
        await asyncio.to_thread(watched, booth)
        for _ in range(50):
            booth.show()

    try:
        visit_page(booth, act)
        assert booth.bus.counts["pictures"] in (20, 21)  # five seconds; the first comes at once
    finally:
        booth.close()


def test_a_frame_that_is_gone_is_shown_without_its_picture(booth: Booth, clock: ManualClock) -> None:
    """The outlines still tell; the loss is counted."""

    async def act(page: Page, _browser: Any) -> None:
        await page.say("watch", on=True)
        await asyncio.to_thread(watched, booth)
        before = booth.ring.write
        booth.ring.write = lambda frame: (before(frame), clock.advance(300))[0]  # type: ignore[method-assign]
        booth.show([track(1, "confirmed", visit=1)])
        await page.until(lambda: page.pictures)
        assert drawing(page.pictures[0])["cards"]

    visit_page(booth, act)
    assert booth.bus.drops["lease_expired"] >= 1


def test_a_late_result_has_its_picture_all_the_same(booth: Booth, ring: RingWriter) -> None:
    """On a slow machine every result may come when the ring has other frames: there would be no picture at all."""

    async def act(page: Page, _browser: Any) -> None:
        await page.say("watch", on=True)
        await asyncio.to_thread(watched, booth)
        booth.show(pixels=np.full((*ring.shape[:2], 3), 170, np.uint8), after_ms=600)
        await page.until(lambda: page.pictures)
        assert abs(float(decoded(page.pictures[0]).mean()) - 170) < 4

    visit_page(booth, act)
    assert booth.bus.drops["lease_expired"] == 0


def test_what_is_confirmed_is_listed_with_its_picture(booth: Booth) -> None:
    """Once for each visit; what is not in the catalogue when it has left, and not among the cards."""
    booth.confirm("one-1", 1)
    booth.show([track(1, "confirmed", "one-1", visit=1)])
    booth.show([track(2, "unknown", reading=(0.9, 0.0), visit=2)])
    booth.show(visits=[visited(None, 2, "ended"), visited("one-1", 1, "ended")])
    booth.show()

    async def act(page: Page, browser: aiohttp.ClientSession) -> None:
        await page.until(lambda: page.names() == [None, "Dromira"])  # the last of it may still be on its way
        session = page.news["session"]
        assert (session["cards"], session["different"], session["unknown"]) == (1, 1, 1)
        assert [one["picture"] for one in session["entries"]] == [True, True]
        async with browser.get("/picture/entry/1") as answer:
            assert answer.content_type == "image/jpeg"
            assert (await answer.read()).startswith(b"\xff\xd8\xff")

    visit_page(booth, act)


def test_a_track_that_becomes_another_card_is_pictured_anew(booth: Booth, ring: RingWriter) -> None:
    """A card that is laid on another may keep its track: the list must not show it with the other's picture."""
    dark, light = (np.full((*ring.shape[:2], 3), value, np.uint8) for value in (20, 230))
    booth.show([track(1, "confirmed", "one-1", visit=1)], [visited("one-1", 1)], pixels=dark)
    above = msgspec.structs.replace(visited("one-2", 2), track_id=1)
    booth.show([track(1, "confirmed", "one-2", visit=2, reading=(0.1, 0.9))], [above], pixels=light)

    async def act(page: Page, browser: aiohttp.ClientSession) -> None:
        await page.until(lambda: page.names() == ["Ketziwyn", "Dromira"])
        means = []
        for entry in (1, 2):
            async with browser.get(f"/picture/entry/{entry}") as answer:
                means.append(decoded(b"\0\0\0\0" + await answer.read()).mean())
        assert means[0] < 40
        assert means[1] > 200

    visit_page(booth, act)


def test_correcting_searching_and_undoing(booth: Booth) -> None:
    """By a card of the catalogue that is not among the nearest; every page sees it."""
    booth.confirm("one-1", 1)

    async def act(page: Page, _browser: Any) -> None:
        await page.say("find", text="orchard")
        await page.until(lambda: "found" in page.news)
        (card,) = page.news["found"]["cards"]
        await page.say("correct", entry=1, card_id=card["card_id"])
        await page.until(lambda: page.names() == ["Brassazor"])
        await page.say("list", search="dromira")
        await page.until(lambda: "list" in page.news)
        assert page.names("list") == []
        await page.say("undo")
        await page.until(lambda: page.names() == ["Dromira"])
        await page.say("undo")
        await page.until(lambda: page.names() == [])
        await page.say("undo")
        await page.until(lambda: page.news.get("note", {}).get("text") == "there is nothing to undo")

    visit_page(booth, act)


@pytest.mark.parametrize(
    ("answer", "listed"),
    [("one-2", ["Ketziwyn"]), (None, [None]), ("nine-9", [None])],
    ids=["one", "none", "no choice"],
)
def test_answering_which_one_it_is(booth: Booth, answer: str | None, listed: list[str | None]) -> None:
    """A person's word stands: when the camera makes up its mind later, the card is not counted twice."""
    booth.doubt(7)

    async def act(page: Page, browser: aiohttp.ClientSession) -> None:
        (question,) = page.news["questions"]["questions"]
        assert [one["name"] for one in question["choices"]] == ["Dromira", "Ketziwyn", "Brassazor"]
        async with browser.get(f"/picture/question/{question['question']}") as picture:
            assert picture.status == 200
        await page.say("answer", question=question["question"], card_id=answer)
        await page.until(lambda: page.names() == listed and not page.news["questions"]["questions"])
        booth.show([track(7, "confirmed", visit=3)], [msgspec.structs.replace(visited("one-1", 3), track_id=7)])
        booth.confirm("two-9", 4)
        await page.until(lambda: page.names() == ["Brassazor", *listed])
        await page.say("answer", question=question["question"], card_id=answer)
        await page.until(lambda: "not open any more" in page.news.get("note", {}).get("text", ""))

    visit_page(booth, act)


def test_a_question_about_no_card_can_be_dropped(booth: Booth) -> None:
    """A pattern on the table cloth is none of these, and nothing to count either."""
    booth.doubt(7)

    async def act(page: Page, _browser: Any) -> None:
        await page.say("dismiss", question=page.news["questions"]["questions"][0]["question"])
        await page.until(lambda: not page.news["questions"]["questions"])
        assert page.names() == []

    visit_page(booth, act)


def test_health_is_told(booth: Booth) -> None:
    """Every process, and the latency that a frame had."""
    booth.beat("matcher", p95_ms=3.25)
    booth.show()
    booth.show()

    async def act(page: Page, _browser: Any) -> None:
        health = page.news["health"]["health"]
        assert health["p50_ms"] == STEP_MS / 5
        assert {one["name"]: one["state"] for one in health["processes"]}["matcher"] == "ready"

    visit_page(booth, act)


def test_exports(booth: Booth) -> None:
    """Downloads with a name; another format is not there."""
    booth.confirm("one-1", 1)
    status, body, headers = ask(booth, "/export/csv")
    assert (status, body.count(b"Dromira")) == (200, 1)
    assert headers["Content-Disposition"] == 'attachment; filename="sleevesight.csv"'
    assert ask(booth, "/export/json")[0] == 200
    assert ask(booth, "/export/xml")[0] == 404


def test_the_page_is_small_and_says_what_it_may_do(booth: Booth) -> None:
    """Less than 150 kB in all, without a line of script or style in the markup, so that the policy can forbid them."""
    names = [file.name for file in files("actors.dashboard").joinpath("page").iterdir()]
    total = 0
    for path in ["/", "/overlay", *(f"/assets/{name}" for name in names if not name.endswith(".html"))]:
        status, body, headers = ask(booth, path)
        assert status == 200, path
        total += len(body)
        policy = headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        if path in ("/", "/overlay"):
            assert b"style=" not in body
            assert b" on" not in body.replace(b" one", b"").replace(b" on ", b"").replace(b" only", b"")
    assert total < 150_000
