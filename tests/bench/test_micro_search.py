"""The searches that are set beside each other: they find the same rows, and recall and growth are computed right."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from bench.micro import search
from bench.micro.engines import ENGINES, Engine
from bench.micro.footprint import footprint
from bench.micro.made_up import made_up, queries, vectors_of
from bench.micro.options import Options
from bench.micro.recall import best_cosine, best_fused, cosine, fused, recall
from bench.micro.table import Figure, Row, Table
from catalog.index import exact_search
from catalog.store import EMBEDDINGS, HASHES, MANIFEST

ROWS, DIM = 600, 32


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    made_up(folder, ROWS, DIM)
    return folder


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything in this process: a dozen new ones would take as many half seconds."""

    def call(function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)

    monkeypatch.setattr(search, "alone", call)


def known(cache: Path) -> tuple[np.ndarray, np.ndarray]:
    folder = made_up(cache, ROWS, DIM) / "catalogue"
    return np.load(folder / EMBEDDINGS), np.load(folder / HASHES)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.title)
def test_every_engine_finds_the_nearest_rows(engine: Engine, cache: Path) -> None:
    """A rival that is asked wrongly is fast and finds nothing."""
    pytest.importorskip(engine.library)
    folder = made_up(cache, ROWS, DIM)
    if engine.make is not None:
        engine.make(folder)
    table, hashes = known(cache)
    asked = queries(table, hashes, 50)
    found = engine.open(folder)(*asked)
    if engine.fused:
        assert recall(best_fused(table, hashes, *asked), fused(table, hashes, found, *asked)) > 0.95
    else:
        assert recall(best_cosine(table, asked[0]), cosine(table, found, asked[0])) > 0.95
        assert (found == exact_search(table, asked[0], 1)[:, 0]).mean() > 0.9


def test_recall_counts_what_is_as_good() -> None:
    """Equal rows are equally right; a row that is clearly worse is a miss."""
    best = np.array([0.9, 0.9, 0.9, 0.9], np.float32)
    assert recall(best, np.array([0.9, 0.8995, 0.8, 0.9], np.float32)) == 0.75


def test_the_oracles_agree_with_a_plain_loop(cache: Path) -> None:
    """They work in parts, so that a million rows fit into memory."""
    table, hashes = known(cache)
    vectors, asked = queries(table, hashes, 7)
    assert np.allclose(best_cosine(table, vectors), [(table @ one).max() for one in vectors], atol=1e-6)
    rows = best_fused(table, hashes, vectors, asked)
    every = [
        fused(table, hashes, np.arange(ROWS), np.tile(vector, (ROWS, 1)), np.tile(one, (ROWS, 1)))
        for vector, one in zip(vectors, asked, strict=True)
    ]
    assert np.allclose(rows, [scores.max() for scores in every], atol=1e-5)


def test_rows_are_the_same_each_time() -> None:
    """Clusters must not begin anew with every part, and a cached index must fit the rows of the next run."""
    once = vectors_of(100, 8)
    assert np.array_equal(once, vectors_of(100, 8))
    assert np.allclose(np.linalg.norm(once, axis=1), 1, atol=1e-6)
    similar = once @ once.T
    inside = np.mean([similar[row, row - row % 8 + (row + 1) % 8] for row in range(96)])
    assert inside > 0.4 > np.abs(similar[:8, 16:]).mean()


def test_what_is_there_is_not_made_again(cache: Path) -> None:
    """A million rows take a quarter of an hour."""
    manifest = made_up(cache, ROWS, DIM) / "catalogue" / MANIFEST
    before = manifest.stat()
    made_up(cache, ROWS, DIM)
    assert (manifest.stat().st_ino, manifest.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_footprint_is_of_one_index(cache: Path) -> None:
    """Loaded, and searched."""
    found = footprint(0, made_up(cache, ROWS, DIM), DIM)
    assert found.load_ms > 0


def test_the_table_has_every_engine(cache: Path, here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its time, its recall and what it takes; the one that cannot be imported says so."""
    gone = Engine("something", "no_such_library", lambda _: lambda vectors, _: np.zeros(len(vectors), np.int64))
    monkeypatch.setattr(search, "ENGINES", (*ENGINES[:3], gone))
    monkeypatch.setattr(search, "_QUERIES", 60)
    monkeypatch.setattr(search, "footprint", lambda *_: search.Footprint(1.0, 2.0))
    *found, missing = search.table(cache, ROWS, DIM, 2).rows
    assert [row.way for row in found] == [engine.title for engine in ENGINES[:3]]
    for row in found:
        assert set(row.figures) == {search.FEW, search.MANY}
        assert set(row.facts) == {"recall@1", "memory, MB", "load, ms", "build, s"}
        assert row.facts["recall@1"] > 0.9
    assert (missing.way, missing.figures, missing.facts) == ("something", {}, {})
    assert "not installed" in missing.note


def test_growth_is_the_slope_of_logarithms() -> None:
    """A hundred times the rows in ten times the time is the power of one half, on any machine."""
    assert search.exponent([100, 10_000], [1.0, 10.0]) == pytest.approx(0.5)
    assert search.exponent([10, 100, 1000], [2.0, 20.0, 200.0]) == pytest.approx(1.0)


def test_growth_has_no_row_for_what_is_missing() -> None:
    """An engine that was measured at one size only does not grow."""

    def table(ms: float, *ways: str) -> Table:
        figures = {search.MANY: Figure(p50_ms=ms)}
        return Table(title="", rows=[Row(way=way, figures=figures, facts={"memory, MB": ms}) for way in ways])

    first, second = ENGINES[0].title, ENGINES[1].title
    (row,) = search.growth({100: table(1.0, first, second), 10_000: table(10.0, first)}).rows
    assert row.way == first
    assert row.facts == pytest.approx(
        {"100 rows, ms": 1.0, "10,000 rows, ms": 10.0, "time grows as rows to the": 0.5, "bytes a row": 1000.0}
    )


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        (Options(quick=True), [17_592]),
        (Options(rows=3_000), [3_000]),
        (Options(), [17_592, 200_000, 1_000_000]),
    ],
)
def test_which_sizes_are_measured(monkeypatch: pytest.MonkeyPatch, options: Options, sizes: list[int]) -> None:
    """A million rows take half an hour; and the length is the shipped model's unless another is asked for."""
    asked: list[tuple[int, int]] = []

    def table(_cache: Path, size: int, dim: int, _rounds: int) -> Table:
        asked.append((size, dim))
        return Table(title="", rows=[])

    monkeypatch.setattr(search, "table", table)
    search.measure(options)
    search.measure(msgspec.structs.replace(options, dim=768))
    assert asked == [(size, dim) for dim in (256, 768) for size in sizes]
