"""Who can use the page, and on what, in a real Chromium: keyboard, contrast, a phone, a slow line, a token."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from actor_fakes import mosaic, served_ring
from dashboard_booth import TOKEN, Booth, track, visited
from dashboard_window import CARD, SIZE, connected, filmed, names, until

from bus.clock import ManualClock


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


def test_signing_in(visit: Callable[..., Any], tmp_path: Path, clock: ManualClock, secret: Path) -> None:
    """With the form, under the policy that forbids everything else."""
    with served_ring(tmp_path / "ring.sock", clock, SIZE) as ring:
        booth = Booth(tmp_path, ring, clock, token_file=str(secret))
        page = visit(booth.url)
        assert page.url == f"{booth.url}login"
        page.fill("#token", TOKEN)
        page.keyboard.press("Enter")
        connected(page)
        assert page.url == booth.url
        page.close()  # it would say that nobody answers any more
        booth.close()
