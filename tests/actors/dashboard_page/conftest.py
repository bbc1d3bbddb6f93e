"""A real Chromium before a dashboard whose pictures are large enough to look at."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from actor_fakes import served_ring
from dashboard_booth import PATIENCE_S, Booth
from dashboard_window import SIZE

from bus.clock import ManualClock

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser with a profile of its own; skipped where there is neither it nor playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make develop)")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no Chromium (make programs)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
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
