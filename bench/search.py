"""How fast and how exact the search is: `python -m bench.search` (17,592 x 768 made-up rows) or `--catalogue DIR`.

Rows come in clusters, as reprints and cards of one frame do, and queries are rows with noise. One thread.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is imported
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.embedding import normalise
from catalog.index import exact_search, expansion
from catalog.match import Matcher
from catalog.store import Catalogue, ModelRef, Printing, write
from vision.phash import HASH_BYTES, agreement, hamming

ROWS, DIM = 17_592, 768
_CLUSTER = 8
_REPEATS = 400
_RECALL_QUERIES = 4_000
_TIE = 2e-3
"""Scores nearer than this are equal: the graph keeps f16, and reprints are the same vector twice."""


def generate(folder: Path, rows: int, dim: int) -> None:
    """Write a catalogue of made-up rows."""
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(rows // _CLUSTER + 1, dim)).astype(np.float32)
    vectors = normalise(centres[np.arange(rows) // _CLUSTER] + rng.normal(0, 0.7, (rows, dim)).astype(np.float32))
    ids = [f"made-{row}" for row in range(rows)]
    started = time.perf_counter()
    write(
        folder,
        ids=ids,
        cards={card_id: Printing(name=card_id) for card_id in ids},
        embeddings=vectors,
        hashes=rng.integers(0, 256, (rows, HASH_BYTES), dtype=np.uint8),
        groups=[],
        model=ModelRef("0" * 64, "made-up", dim),
        sources=[],
        created="",
    )
    print(f"{rows} x {dim} made-up rows written and indexed in {time.perf_counter() - started:.1f} s")


def queries(catalogue: Catalogue, count: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Noisy rows: vectors [count, dim] at a cosine of about 0.7 to their row, hashes with about 100 bits flipped."""
    rng = np.random.default_rng(2)
    rows = rng.integers(0, len(catalogue.ids), count)
    dim = catalogue.embeddings.shape[1]
    vectors = catalogue.embeddings[rows] + rng.normal(0, 1 / np.sqrt(dim), (count, dim)).astype(np.float32)
    flips = np.packbits(rng.random((count, HASH_BYTES * 8)) < 0.2, axis=1)
    return normalise(vectors), catalogue.hashes[rows] ^ flips


def measure(path: Path) -> None:
    """Load a catalogue and print load time, memory, latency and recall."""
    rng, before = np.random.default_rng(3), pss_mb()
    started = time.perf_counter()
    catalogue = Catalogue.load(path)
    matcher = Matcher(catalogue)
    seconds = time.perf_counter() - started
    loaded = pss_mb()
    rows, dim = catalogue.embeddings.shape
    print(f"{rows} x {dim}, expansion {expansion(rows)}: loaded in {seconds * 1e3:.0f} ms")
    # Before any query is made from the float32 table, which a matcher never reads.
    for _ in range(_REPEATS):
        stranger = rng.normal(size=(1, 2, dim)).astype(np.float32)
        matcher.match(stranger, rng.integers(0, 256, (1, 2, HASH_BYTES), dtype=np.uint8), (0, 2))
    print(f"memory (PSS): {loaded - before:.0f} MB after loading, {pss_mb() - before:.0f} MB after searching")
    vectors, hashes = queries(catalogue, _RECALL_QUERIES)
    _latencies(matcher, vectors, hashes)
    _exact_latencies(catalogue, vectors)
    _recall(matcher, vectors, hashes)


def pss_mb() -> float:
    """This process's proportional set size in MB; NaN where the system does not tell (anything but Linux)."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    except OSError:
        return float("nan")
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _latencies(matcher: Matcher, vectors: NDArray[np.float32], hashes: NDArray[np.uint8]) -> None:
    for readings, turns in ((1, (0,)), (2, (0, 2))):
        for count in (1, 5):
            size = count * readings

            def ask(start: int, turns: tuple[int, ...] = turns, shape: tuple[int, int] = (count, readings)) -> None:
                stop = start + shape[0] * shape[1]
                matcher.match(vectors[start:stop].reshape(*shape, -1), hashes[start:stop].reshape(*shape, -1), turns)

            _print_times(f"fused, {count} x {readings} readings", ask, size)
    for count in (1, 5):

        def nearest(start: int, count: int = count) -> None:
            matcher.catalogue.index.search(vectors[start : start + count], 5)

        _print_times(f"usearch alone, {count}", nearest, count)


def _exact_latencies(catalogue: Catalogue, vectors: NDArray[np.float32]) -> None:
    table = np.array(catalogue.embeddings)
    for count in (1, 5):

        def nearest(start: int, count: int = count) -> None:
            exact_search(table, vectors[start : start + count], 5)

        _print_times(f"exact numpy f32, {count}", nearest, count)


def _print_times(what: str, ask: Callable[[int], object], size: int) -> None:
    """Wall time, and the thread's CPU time, which other programs on the machine hardly change."""
    wall, cpu = [], []
    for repeat in range(_REPEATS):
        start = repeat * size % (_RECALL_QUERIES - size)
        begun, spent = time.perf_counter(), time.thread_time()
        ask(start)
        wall.append((time.perf_counter() - begun) * 1e3)
        cpu.append((time.thread_time() - spent) * 1e3)
    (p50, p99), (cpu50, cpu99) = (np.quantile(times[20:], [0.5, 0.99]) for times in (wall, cpu))
    print(f"{what:24s} p50 {p50:6.2f}  p99 {p99:6.2f} ms    CPU p50 {cpu50:6.2f}  p99 {cpu99:6.2f} ms")


def _recall(matcher: Matcher, vectors: NDArray[np.float32], hashes: NDArray[np.uint8]) -> None:
    """Share of queries whose first answer is as good as the exhaustive search's, by cosine and by the fused score."""
    catalogue = matcher.catalogue
    nearest = exact_search(catalogue.embeddings, vectors, 1)[:, 0]
    found = catalogue.index.search(vectors, 1)[0][:, 0]
    loss = np.einsum("ij,ij->i", vectors, catalogue.embeddings[nearest] - catalogue.embeddings[found])
    count = min(200, len(vectors))
    similar = vectors[:count] @ catalogue.embeddings.T
    agree = np.stack([agreement(hamming(catalogue.hashes, one)) for one in hashes[:count]])
    best = (similar + matcher.weight * agree).max(axis=1)
    fused = np.array([m.candidates[0].score for m in matcher.match(vectors[:count, None], hashes[:count, None])])
    alone, together = (loss < _TIE).mean(), (best - fused < _TIE).mean()
    print(f"recall@1: usearch {alone:.4f} of {len(vectors)}, fused {together:.4f} of {count}")


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.search", description="Speed and recall of the search.")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--dim", type=int, default=DIM)
    parser.add_argument("--catalogue", type=Path, help="measure this catalogue instead of made-up rows")
    options = parser.parse_args()
    if options.catalogue:
        measure(options.catalogue)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalogue"
        generate(path, options.rows, options.dim)
        # A process of its own, so that memory and load time are a matcher's and not the builder's.
        subprocess.run([sys.executable, "-m", "bench.search", "--catalogue", str(path)], check=True)


if __name__ == "__main__":
    main()
