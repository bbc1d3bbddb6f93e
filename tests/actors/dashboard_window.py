"""A browser's window on the dashboard's page: what is done in it, waited for and seen."""

from collections.abc import Callable
from typing import Any

from actor_fakes import Pixels
from dashboard_booth import PATIENCE_S, Booth

SIZE = (480, 480)
"""Height and width of the frames: large enough that an outline can be measured in what the browser draws."""
CARD = [(100.0, 90.0), (240.0, 90.0), (240.0, 286.0), (100.0, 286.0)]


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
