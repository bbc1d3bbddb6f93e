"""Plots: what is drawn lies inside, in proportion, and at round numbers."""

import re
from xml.etree import ElementTree as ET

import pytest

from bench import svg


def rects(text: str) -> list[tuple[float, float]]:
    """Place across and width of each bar, per cent."""
    return [(float(x), float(w)) for x, w in re.findall(r'<rect[^>]* x="([\d.]+)%"[^>]* width="([\d.]+)%"', text)]


@pytest.mark.parametrize(
    ("most", "ticks"), [(100, [0, 50, 100]), (7, [0, 2, 4, 6]), (0.31, [0, 0.1, 0.2, 0.3]), (0, [0]), (1e-9, None)]
)
def test_ticks_are_round_numbers(most: float, ticks: list[float] | None) -> None:
    """13.7, 27.4 and 41.1 cannot be read at a glance."""
    found = svg.steps(most)
    assert found[0] == 0 and found[-1] <= most + 1e-6 and len(found) <= 6
    assert ticks is None or found == ticks


def test_bars_are_in_proportion_and_inside() -> None:
    """A bar that leaves the picture hides the slowest stage."""
    text = svg.spans("a", [("detect", 0, 25), ("embed", 50, 100)], 100, ["detect", "embed"])
    (x1, w1), (x2, w2) = rects(text)
    assert w2 == pytest.approx(2 * w1, rel=0.01)
    assert x1 == svg.LEFT and x2 + w2 == pytest.approx(svg.RIGHT, abs=0.1)


PLOTS = {
    "spans": svg.spans("a <&>", [("detect", 0, 0), ("embed", 3, 9)], 9, ["detect", "embed"]),
    "histogram": svg.histogram("a", [1, 2, 2, 50], 40, colour="c0", limit=17),
    "histogram of one": svg.histogram("a", [3], 3, colour="c0", limit=None),
    "timeline": svg.timeline("a", [(0, 5, "c0"), (1, 9, "c1")], [0.5], 1),
    "timeline of one": svg.timeline("a", [(0, 5, "c0")], [], 0.001),
    "timeline of none": svg.timeline("a", [], [], 0.001),
    "stack": svg.stack("a", [0, 1, 2], [[1, None, 3], [4, 5, 6]], 300),
    "stack of one": svg.stack("a", [0], [[1]], None),
}


@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_is_sound(name: str) -> None:
    """One unescaped name or NaN and the browser draws nothing."""
    ET.fromstring(PLOTS[name])
    assert "nan" not in PLOTS[name].lower()
    assert all(0 <= x <= 100 and width >= 0 and x + width <= 101 for x, width in rects(PLOTS[name]))


def test_a_stack_adds_up() -> None:
    """Its height is what a budget for all is compared with."""
    heights = [float(h) for h in re.findall(r'<rect[^>]* height="([\d.]+)"', svg.stack("a", [0], [[100], [50]], 150))]
    assert heights[0] == pytest.approx(2 * heights[1], rel=0.01)
