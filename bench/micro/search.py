"""Finding the nearest rows: our search beside exact numpy and faiss, at three sizes of catalogue, on one thread."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np

from actors.backends import DEFAULT_MODEL
from bench.micro.alone import alone
from bench.micro.engines import ENGINES, TOP, Engine, Search
from bench.micro.footprint import Footprint, footprint
from bench.micro.made_up import Hashes, Vectors, made_up, queries
from bench.micro.options import MISSING, Options, say
from bench.micro.recall import best_cosine, best_fused, cosine, fused, recall
from bench.micro.table import Row, Table, rows
from bench.micro.timing import Way, alternate, timed
from catalog.model_card import read_card
from catalog.store import EMBEDDINGS, HASHES

SIZES = {17_592: 400, 200_000: 200, 1_000_000: 60}
"""Rows, and rounds: the cards that there are, and more."""
FEW, MANY = "1 query", "5 queries"
_QUERIES, _FUSED = 1000, 100
LIBRARIES = ("usearch", "faiss-cpu", "numpy")


def measure(options: Options) -> list[Table]:
    """A table for each size, and one that says how each way grows."""
    dim = options.dim or _model_dim()
    if options.quick:
        return [table(options.cache, min(SIZES), dim, 20)]
    if options.rows is not None:
        return [table(options.cache, options.rows, dim, SIZES.get(options.rows, max(SIZES.values())))]
    tables = {size: table(options.cache, size, dim, rounds) for size, rounds in SIZES.items()}
    return [*tables.values(), growth(tables)]


def table(cache: Path, size: int, dim: int, rounds: int) -> Table:
    """Every engine that can be imported, on the same rows and queries."""
    folder = alone(made_up, cache, size, dim)
    asked = [engine for engine in ENGINES if size <= engine.most]
    present = {engine.title: engine for engine in asked if _importable(engine.library)}
    for engine in present.values():
        if engine.make is not None and not (folder / engine.built).exists():
            say(f"search: building {engine.title} of {size:,} rows")
            alone(engine.make, folder)
    # Before anything is mapped here: PSS shares out what two processes have mapped.
    prints = {title: alone(footprint, ENGINES.index(engine), folder, dim) for title, engine in present.items()}
    say(f"search: {size:,} rows, {rounds} rounds")
    known, hashes = np.load(folder / "catalogue" / EMBEDDINGS, mmap_mode="r"), np.load(folder / "catalogue" / HASHES)
    looked_for = queries(known, hashes, _QUERIES)
    opened = {title: engine.open(folder) for title, engine in present.items()}
    measured = rows(
        alternate({title: _way(one, *looked_for) for title, one in opened.items()}, rounds, 10), ENGINES[0].title
    )
    recalls = _recalls({present[title]: one for title, one in opened.items()}, (known, hashes), looked_for)
    found = [
        Row(
            way=row.way,
            figures=row.figures,
            facts={
                "recall@1": recalls[row.way],
                **_facts(present[row.way], prints[row.way], folder),
            },
        )
        for row in measured
    ]
    missing = [Row(way=engine.title, note=MISSING) for engine in asked if engine.title not in present]
    return Table(
        title=f"{size:,} rows of {dim} numbers, one thread; the first {TOP} are asked for.",
        rows=[*found, *missing],
        libraries=LIBRARIES,
    )


def growth(tables: dict[int, Table]) -> Table:
    """How five queries and memory grow with the rows: at each size, and the power of the rows that fits best."""
    sizes = list(tables)
    grown = []
    for engine in ENGINES:
        found = [row for one in tables.values() for row in one.rows if row.way == engine.title and row.figures]
        if len(found) < len(sizes):
            continue
        times = [row.figures[MANY].p50_ms for row in found]
        facts = {f"{size:,} rows, ms": time for size, time in zip(sizes, times, strict=True)}
        facts["time grows as rows to the"] = exponent(sizes, times)
        facts["bytes a row"] = found[-1].facts["memory, MB"] * 1e6 / sizes[-1]
        grown.append(Row(way=engine.title, facts=facts))
    return Table(title=f"How they grow: {MANY}, p50.", rows=grown, libraries=LIBRARIES)


def exponent(sizes: list[int], times: list[float]) -> float:
    """The power of the size that the times grow with: the slope of a straight line through their logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def _way(search: Search, vectors: Vectors, hashes: Hashes) -> Way:
    def ask(number: int, count: int) -> None:
        start = number * count % (len(vectors) - count)
        search(vectors[start : start + count], hashes[start : start + count])

    return timed({FEW: lambda number: ask(number, 1), MANY: lambda number: ask(number, 5)})


def _recalls(
    engines: dict[Engine, Search], known: tuple[Vectors, Hashes], asked: tuple[Vectors, Hashes]
) -> dict[str, float]:
    """By the score that each engine ranks by; comparing all rows by both takes its time, so fewer are asked."""
    few = asked[0][:_FUSED], asked[1][:_FUSED]
    by_cosine, by_both = best_cosine(known[0], asked[0]), best_fused(*known, *few)
    return {
        engine.title: recall(by_both, fused(*known, search(*few), *few))
        if engine.fused
        else recall(by_cosine, cosine(known[0], search(*asked), asked[0]))
        for engine, search in engines.items()
    }


def _facts(engine: Engine, taken: Footprint, folder: Path) -> dict[str, float]:
    facts = {"memory, MB": taken.memory_mb, "load, ms": taken.load_ms}
    if engine.built:
        facts["build, s"] = float((folder / engine.built).read_text())
    return facts


def _importable(library: str) -> bool:
    try:
        import_module(library)
    except ImportError:
        return False
    return True


def _model_dim() -> int:
    card = read_card(DEFAULT_MODEL)
    if card is None:
        raise ValueError(f"{DEFAULT_MODEL} has no card beside it: name the length of an embedding with --dim")
    return card.dim
