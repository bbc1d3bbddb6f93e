"""A report as one HTML page that needs nothing else: no network, light and dark, readable on a phone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from html import escape

from bench import svg
from bench.latency import STAGES, TOTAL, Columns
from bench.report import Report
from bench.table import NAMES, NONE, Table, losses, plain, tables, verdict

_PLOTTED = ("cached", "new_card")
_MOST_BARS = 400
"""More frames than this share a bar, which shows the slowest of them."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #687076; --paper: #fcfcfd; --card: #fff; --rule: #e3e6e8;
  --good: #18794e; --bad: #ce2c31; --c0: #3e63dd; --c1: #0d9488; --c2: #d97706; --c3: #8e4ec6; --c4: #c2298a;
  --c5: #5c7c2f; --c6: #7d8590; }
@media (prefers-color-scheme: dark) { :root { --ink: #edeef0; --soft: #a1a8ae; --paper: #111315; --card: #1a1d20;
  --rule: #30353a; --good: #4cc38a; --bad: #ff6369; --c0: #6e8bff; --c1: #2dd4bf; --c2: #f5a742; --c3: #b58ae0;
  --c4: #f065b3; --c5: #a3c76d; --c6: #8b949e; } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif }
h1 { font-size: 1.35rem; margin: .4rem 0 } h2 { font-size: 1.05rem; margin: 0 0 .6rem }
h3 { font-size: .85rem; font-weight: 600; margin: .6rem 0 .2rem; color: var(--soft) }
p { margin: .3rem 0 } .soft { color: var(--soft); font-size: .85rem; overflow-wrap: anywhere }
section { background: var(--card); border: 1px solid var(--rule); border-radius: .6rem; padding: .9rem; margin: .9rem 0;
  overflow-x: auto }
.verdict { font-weight: 600 } .kept { color: var(--good) } .broken { color: var(--bad); font-weight: 600 }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 0 1.5rem }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .85rem }
th, td { text-align: right; padding: .22rem .4rem; border-bottom: 1px solid var(--rule); white-space: nowrap }
th { font-weight: 600; color: var(--soft) } th:first-child, td:first-child { text-align: left; padding-left: 0 }
.verdicts th:last-child, .verdicts td:last-child { text-align: left; white-space: normal }
.verdicts td:first-child { white-space: normal }
@media (max-width: 36rem) { body { padding: .5rem } section { padding: .7rem }
  table { font-size: .78rem } th, td { padding: .2rem } }
svg { display: block; overflow: visible } svg text { font-size: 11px; fill: var(--soft) }
.grid { stroke: var(--rule) } .limit { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 4 3 }
.lost { fill: var(--bad) } .legend { font-size: .8rem; color: var(--soft); margin: .3rem 0 0 }
.legend i { display: inline-block; width: .7em; height: .7em; border-radius: 2px; margin: 0 .3em 0 .9em }
"""
_COLOURS = "".join(f".c{n} {{ fill: var(--c{n}) }} .legend .c{n} {{ background: var(--c{n}) }} " for n in range(7))


def page(found: Report) -> str:
    """The page of a report."""
    heading = f"{found.stream}, {found.mode}, {found.profile}"
    sections = (_summary(found), _waterfall(found), _distribution(found), _timeline(found), _memory(found))
    rest = (f"<section>{_table(table)}</section>" for table in tables(found) if not table.verdicts)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(heading)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}{_COLOURS}.legend .lost {{ background: var(--bad) }}</style></head><body>"
        f"<h1>{escape(heading)}</h1>{''.join(sections)}{''.join(rest)}{_facts(found)}</body></html>\n"
    )


def _summary(found: Report) -> str:
    budgets = next(table for table in tables(found) if table.verdicts)
    mistakes = "".join(f"<p>{escape(mistake)}</p>" for mistake in (found.score.mistakes if found.score else []))
    state = "kept" if found.good else "broken"
    return (
        f'<section><p class="verdict {state}">{escape(verdict(found))}</p><p>{escape(losses(found))}</p>{mistakes}'
        f"</section><section>{_table(budgets)}</section>"
    )


def _table(table: Table) -> str:
    def cells(row: Sequence[str], tag: str) -> Iterator[str]:
        for column, cell in enumerate(row):
            last = table.verdicts and column == len(row) - 1
            kind = cell.partition(":")[0].replace(" ", "-") if last else ""
            text = escape(cell).replace(".", ".<wbr>") if table.verdicts and column == 0 else escape(cell)
            yield f'<{tag} class="{kind}">{text}</{tag}>' if kind else f"<{tag}>{text}</{tag}>"

    rows = "".join(f"<tr>{''.join(cells(row, 'td'))}</tr>" for row in table.rows)
    head = "".join(cells(table.header, "th"))
    kind = ' class="verdicts"' if table.verdicts else ""
    return f"<h2>{escape(table.title)}</h2><table{kind}><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _waterfall(found: Report) -> str:
    most = max(
        (end for frames in found.waterfall.values() for rows in frames.values() for _, _, end in rows), default=1
    )
    plots = "".join(
        f"<div><h3>{NAMES[path]}: {'median' if name == 'p50' else name}</h3>"
        f"{svg.spans(f'{NAMES[path]}, {name}', rows, most, list(STAGES))}</div>"
        for path, frames in found.waterfall.items()
        for name, rows in frames.items()
    )
    return f'<section><h2>where a frame&#39;s time goes</h2><div class="two">{plots}</div></section>'


def _limit(found: Report, table: str, row: str) -> float | None:
    return next((one.limit for one in found.budgets if (one.table, one.row) == (table, row)), None)


def _distribution(found: Report) -> str:
    values = {path: found.frames.values(path, TOTAL) for path in _PLOTTED}
    most = 1.02 * max((max(one) for one in values.values() if one), default=1.0)
    plots = "".join(
        f"<div><h3>{NAMES[path]} ({len(one)})</h3>"
        f"{svg.histogram(NAMES[path], one, most, colour=f'c{number}', limit=_limit(found, path, TOTAL))}</div>"
        for number, (path, one) in enumerate(values.items())
        if one
    )
    return f'<section><h2>from arrival to result</h2><div class="two">{plots}</div></section>'


def _timeline(found: Report) -> str:
    points, lost = _points(found.frames), _lost(found.frames)
    seconds = max([point[0] for point in points] + [0.001])
    legend = "".join(f'<i class="c{number}"></i>{NAMES[path]}' for number, path in enumerate(_PLOTTED))
    lost_legend = f'<i class="lost"></i>lost between answers ({len(lost)})'
    plot = svg.timeline("latency of every frame", points, lost, seconds)
    return f'<section><h2>frame by frame, ms</h2>{plot}<p class="legend">{legend}{lost_legend}</p></section>'


def _points(frames: Columns) -> list[tuple[float, float, str]]:
    """Second, total in ms and colour of each frame, or of the slowest of some."""
    new = set(frames.path("new_card"))
    every = [
        (t_ms / 1000, value, "c1" if index in new else "c0")
        for index, (t_ms, value) in enumerate(zip(frames.t_ms, frames.ms[TOTAL], strict=True))
        if value is not None
    ]
    size = -(-len(every) // _MOST_BARS)
    return [max(every[at : at + size], key=lambda one: one[1]) for at in range(0, len(every), size or 1)]


def _lost(frames: Columns) -> list[float]:
    """Seconds at which frames are missing, by the gaps in their numbers."""
    both = zip(frames.frame, frames.t_ms, strict=True)
    return [
        (before_ms + (after_ms - before_ms) * number / (after - before)) / 1000
        for (before, before_ms), (after, after_ms) in itertools.pairwise(both)
        for number in range(1, after - before)
    ]


def _memory(found: Report) -> str:
    if not found.memory.t_s:
        return ""
    names, columns = [*found.memory.mb], [*found.memory.mb.values()]
    plot = svg.stack("memory", found.memory.t_s, columns, _limit(found, "memory_mb", "together"))
    legend = "".join(f'<i class="c{number % 7}"></i>{escape(name)}' for number, name in enumerate(names))
    return f'<section><h2>memory (PSS), MB</h2>{plot}<p class="legend">{legend}</p></section>'


def _facts(found: Report) -> str:
    made = found.made
    facts = {
        "machine": made.machine,
        "date": made.date,
        "source": made.git,
        "versions": ", ".join(f"{name} {one}" for name, one in made.versions.items() if one),
        "stream": made.stream,
        "model": made.model,
        "catalogue": made.catalog,
        "configuration": made.config,
        "ready after": f"{plain(found.ready_s)} s",
    }
    lines = "".join(f'<p class="soft">{name}: {escape(text or NONE)}</p>' for name, text in facts.items())
    return f"<section>{lines}</section>"
