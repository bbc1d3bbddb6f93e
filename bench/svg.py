"""Plots as inline SVG that fit any width: places across are per cent of it, heights and letters are pixels.

Colours are classes of the page (`c0` to `c6`), so that a plot is readable in light and dark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

LEFT, RIGHT = 16.0, 98.0
"""Where the plotting area begins and ends, per cent of the width."""
_ROW, _AXIS = 22, 20


def _x(share: float) -> float:
    return LEFT + (RIGHT - LEFT) * min(max(share, 0.0), 1.0)


def _svg(title: str, height: float, parts: Iterator[str]) -> str:
    return f'<svg role="img" width="100%" height="{height:.0f}"><title>{escape(title)}</title>{"".join(parts)}</svg>'


def _rect(x: float, y: float, width: float, height: float, *, colour: str, hint: str = "") -> str:
    title = f"<title>{escape(hint)}</title>" if hint else ""
    return f'<rect class="{colour}" x="{x:.2f}%" y="{y:.1f}" width="{width:.2f}%" height="{height:.1f}">{title}</rect>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.2f}%" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x: float, top: float, bottom: float, colour: str) -> str:
    return f'<line class="{colour}" x1="{x:.2f}%" x2="{x:.2f}%" y1="{top:.1f}" y2="{bottom:.1f}"/>'


def steps(most: float, count: int = 4) -> list[float]:
    """Round numbers from 0 to `most`, about so many steps of them."""
    if not most > 0:
        return [0.0]
    rough = most / count
    unit = 10.0 ** np.floor(np.log10(rough))
    step = float(unit * min((factor for factor in (1, 2, 5, 10) if factor * unit >= rough), default=10))
    return [round(step * number, 6) for number in range(int(most / step + 1e-9) + 1)]


def _across(most: float, unit: str, height: float) -> Iterator[str]:
    """An axis below the plotting area, whose height is given."""
    ticks = steps(most)
    for tick in ticks:
        place = _x(tick / most if most else 0)
        label = f"{tick:g} {unit}" if tick == ticks[-1] else f"{tick:g}"
        yield _line(place, 0, height, "grid") + _text(place, height + 14, label, "middle" if tick < most else "end")


def _up(most: float, height: float, unit: str) -> Iterator[str]:
    """An axis on the left: values from the bottom up."""
    for tick in steps(most, 3):
        y = height - tick / most * height if most else height
        yield f'<line class="grid" x1="{LEFT}%" x2="{RIGHT}%" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _text(LEFT - 1.5, max(y + 4, 10), f"{tick:g}{unit}", "end")


def spans(title: str, rows: Sequence[tuple[str, float, float]], most: float, names: Sequence[str]) -> str:
    """Bars from begin to end in ms, one below the other; `most` ends the axis, `names` gives each its colour."""

    def parts() -> Iterator[str]:
        height = _ROW * len(rows)
        yield from _across(most, "ms", height)
        for number, (name, begin, end) in enumerate(rows):
            y = number * _ROW
            width = max(_x(end / most) - _x(begin / most), 0.4)
            yield _text(0, y + 15, name)
            colour, hint = f"c{names.index(name) % 7}", f"{name}: {end - begin:.2f} ms"
            yield _rect(_x(begin / most), y + 3, width, _ROW - 6, colour=colour, hint=hint)
            after = _x(end / most) + 1
            value, x, anchor = f"{end - begin:.1f}", after, "start"
            if after > 88:
                x, anchor = _x(begin / most) - 1, "end"
            yield _text(x, y + 15, value, anchor)

    return _svg(title, _ROW * len(rows) + _AXIS, parts())


def histogram(
    title: str, values: Sequence[float], most: float, *, colour: str, limit: float | None, unit: str = "ms"
) -> str:
    """How often which value occurs from 0 to `most` (what is above it counts at the end), with a line at the limit."""

    def parts() -> Iterator[str]:
        height, bins = 90.0, 48
        counts = np.histogram(np.clip(values, 0, most), bins, (0, most))[0]
        yield from _up(float(counts.max()), height, "")
        yield from _across(most, unit, height)
        width = (RIGHT - LEFT) / bins
        for number, count in enumerate(counts):
            if count:
                tall = float(count / counts.max() * height)
                hint = f"{number * most / bins:.1f} to {(number + 1) * most / bins:.1f} {unit}: {count}"
                yield _rect(LEFT + number * width, height - tall, width * 0.9, tall, colour=colour, hint=hint)
        if limit is not None and limit <= most:
            yield _line(_x(limit / most), 0, height, "limit")

    return _svg(title, 90 + _AXIS, parts())


def timeline(
    title: str, points: Sequence[tuple[float, float, str]], lost: Sequence[float], seconds: float, unit: str = "ms"
) -> str:
    """A bar for each frame: (second, value, colour), and a mark below for each lost one."""

    def parts() -> Iterator[str]:
        height, marks = 110.0, 10.0
        most = max((value for _, value, _ in points), default=1.0)
        yield from _up(most, height, "")
        ticks = steps(seconds)
        for tick in ticks:
            label = f"{tick:g} s" if tick == ticks[-1] else f"{tick:g}"
            yield _text(_x(tick / seconds), height + marks + 16, label, "middle" if tick < seconds else "end")
        width = (RIGHT - LEFT) / max(len(points), 1)
        for second, value, colour in points:
            tall = value / most * height
            hint = f"{second:.2f} s: {value:.1f} {unit}"
            left = min(_x(second / seconds), RIGHT - width)
            yield _rect(left, height - tall, max(0.75 * width, 0.12), tall, colour=colour, hint=hint)
        for second in lost:
            yield _rect(_x(second / seconds), height + 2, 0.3, marks, colour="lost", hint=f"lost at {second:.2f} s")

    return _svg(title, 110 + 10 + _AXIS, parts())


def stack(title: str, times: Sequence[float], columns: Sequence[Sequence[float | None]], limit: float | None) -> str:
    """Columns of values on top of each other at some times in seconds, with a line at the limit of their sum (MB)."""

    def parts() -> Iterator[str]:
        height, count = 130.0, max(len(times), 1)
        sums = [sum(value or 0.0 for value in row) for row in zip(*columns, strict=True)]
        most = 1.05 * max(max(sums, default=1.0), limit or 0.0)
        yield from _up(most, height, "")
        width = (RIGHT - LEFT) / count
        for place in range(len(times)):
            below = height
            for number, column in enumerate(columns):
                tall = (column[place] or 0.0) / most * height
                below -= tall
                left, hint = LEFT + place * width, f"{column[place] or 0:g} MB"
                yield _rect(left, below, 0.9 * width, tall, colour=f"c{number % 7}", hint=hint)
        if limit is not None:
            y = height - limit / most * height
            yield f'<line class="limit" x1="{LEFT}%" x2="{RIGHT}%" y1="{y:.1f}" y2="{y:.1f}"/>'
        for place in sorted({0, len(times) // 2, len(times) - 1}) if times else ():
            anchor = "start" if place == 0 else "end" if place == len(times) - 1 else "middle"
            x = LEFT + (place + (0 if place == 0 else 1 if anchor == "end" else 0.5)) * width
            yield _text(x, height + 14, f"{times[place]:.0f} s", anchor)

    return _svg(title, 130 + _AXIS, parts())
