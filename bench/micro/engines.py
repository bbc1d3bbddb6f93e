"""Ways to find the nearest rows of a made-up catalogue, by the files that lie in its folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.micro.made_up import BUILT, Hashes, Vectors
from catalog.index import CONNECTIVITY, EXPANSION_ADD, exact_search, expansion, usearch
from catalog.match import Match, Matcher
from catalog.store import EMBEDDINGS, Catalogue

S = TypeVar("S", bound=np.generic)

TOP = 5
_HNSW, _HNSW_BUILT = "hnsw.faiss", "hnsw_s.txt"
_LONG, _LONG_BUILT = "long.usearch", "long_s.txt"
Search = Callable[[Vectors, Hashes], NDArray[np.int64]]
"""The nearest row [m] of queries, vectors [m, dim] and hashes [m, 64]; the first `TOP` are found for it."""


@dataclass(frozen=True)
class Engine:
    """`library` is what it imports. `built` is the file with the seconds that its index took; `make` makes both.

    A catalogue of more than `most` rows is not asked of it: making its index takes too long for what it tells.
    """

    title: str
    library: str
    open: Callable[[Path], Search]
    built: str = ""
    make: Callable[[Path], None] | None = None
    fused: bool = False
    most: int = 1_000_000_000


def _graph(folder: Path) -> Search:
    index = Catalogue.load(folder / "catalogue").index
    return lambda vectors, _: index.search(vectors, TOP)[0][:, 0]


def _long(folder: Path) -> Search:
    index = usearch().Index.restore(str(folder / _LONG), view=True)
    assert index is not None
    index.expansion_search = expansion(len(index))
    return lambda vectors, _: np.asarray(index.search(vectors, TOP, threads=1).keys, np.int64).reshape(-1, TOP)[:, 0]


def _make_long(folder: Path) -> None:
    """A graph of all numbers of a vector, with the parameters of ours."""
    table = np.load(folder / "catalogue" / EMBEDDINGS, mmap_mode="r")
    options = {"connectivity": CONNECTIVITY, "expansion_add": EXPANSION_ADD}
    index = usearch().Index(ndim=table.shape[1], metric="cos", dtype="f16", **options)
    begun = time.perf_counter()
    index.add(np.arange(len(table), dtype=np.uint64), table, threads=1)
    seconds = time.perf_counter() - begun
    index.save(str(folder / _LONG))
    (folder / _LONG_BUILT).write_text(f"{seconds:.1f}")


def _matcher(folder: Path) -> Search:
    matcher = Matcher(Catalogue.load(folder / "catalogue"))
    return lambda vectors, hashes: _rows(matcher.match(vectors[:, None], hashes[:, None], top=TOP))


def _both_readings(folder: Path) -> Search:
    """While a card's turn is unknown, two readings of it are asked for; the other one is a stranger's."""
    matcher = Matcher(Catalogue.load(folder / "catalogue"))

    def search(vectors: Vectors, hashes: Hashes) -> NDArray[np.int64]:
        return _rows(matcher.match(_twice(vectors), _twice(hashes), (0, 2), TOP))

    return search


def _twice(queries: NDArray[S]) -> NDArray[S]:
    """Each query [m, k] and a stranger made of it, [m, 2, k]."""
    return np.stack([queries, np.roll(queries, 1, axis=1)], axis=1)


def _rows(found: list[Match]) -> NDArray[np.int64]:
    return np.array([int(one.candidates[0].card_id.removeprefix("made-")) for one in found])


def _numpy(folder: Path) -> Search:
    table = np.load(folder / "catalogue" / EMBEDDINGS, mmap_mode="r")
    return lambda vectors, _: exact_search(table, vectors, TOP)[:, 0]


def _faiss() -> Any:
    """The library, which is only here where somebody has installed it."""
    faiss = import_module("faiss")
    faiss.omp_set_num_threads(1)
    return faiss


def _flat(folder: Path) -> Search:
    faiss = _faiss()
    table = np.load(folder / "catalogue" / EMBEDDINGS, mmap_mode="r")
    index = faiss.IndexFlatIP(table.shape[1])
    index.add(table)
    return lambda vectors, _: np.asarray(index.search(vectors, TOP)[1][:, 0], np.int64)


def _hnsw(folder: Path) -> Search:
    faiss = _faiss()
    index = faiss.read_index(str(folder / _HNSW))
    index.hnsw.efSearch = expansion(index.ntotal)
    return lambda vectors, _: np.asarray(index.search(vectors, TOP)[1][:, 0], np.int64)


def _make_hnsw(folder: Path) -> None:
    """With the parameters of our graph, and 16 bits as well."""
    faiss = _faiss()
    table = np.load(folder / "catalogue" / EMBEDDINGS, mmap_mode="r")
    metric = faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexHNSWSQ(table.shape[1], faiss.ScalarQuantizer.QT_fp16, CONNECTIVITY, metric)
    index.hnsw.efConstruction = EXPANSION_ADD
    begun = time.perf_counter()
    index.add(table)
    seconds = time.perf_counter() - begun
    faiss.write_index(index, str(folder / _HNSW))
    (folder / _HNSW_BUILT).write_text(f"{seconds:.1f}")  # last: where this is, all of it is


ENGINES = (
    Engine("our search: short usearch graph, then all numbers", "usearch.index", _graph, BUILT),
    Engine("usearch, a graph of all numbers", "usearch.index", _long, _LONG_BUILT, _make_long, most=200_000),
    Engine("the matcher: our search and hash, fused", "usearch.index", _matcher, BUILT, fused=True),
    Engine("the matcher, both readings", "usearch.index", _both_readings, BUILT, fused=True),
    Engine("exact, numpy", "numpy", _numpy),
    Engine("faiss IndexFlatIP", "faiss", _flat),
    Engine("faiss HNSW, 16 bits", "faiss", _hnsw, _HNSW_BUILT, _make_hnsw),
)
