"""Nearest rows."""

import subprocess
import sys

import numpy as np
import pytest

from catalog import index
from catalog.embedding import normalise
from catalog.index import VectorIndex, exact_search, expansion, nearest_hashes
from vision.phash import hamming


def clustered(rows, dim=64, seed=1):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(rows // 8 + 1, dim))
    return normalise(centres[np.arange(rows) // 8] + rng.normal(0, 0.7, (rows, dim)))


def test_the_graph_finds_what_the_exact_search_finds():
    """Prevents a graph so sparse that the right card is not even among the candidates."""
    vectors = clustered(3000)
    queries = normalise(vectors[::10] + np.random.default_rng(2).normal(0, 0.1, (300, 64)))
    found, cosines = VectorIndex.build(vectors).search(queries, 5)
    assert (found[:, 0] == exact_search(vectors, queries, 1)[:, 0]).mean() >= 0.999
    exact = np.einsum("ij,ikj->ik", queries, vectors[found])
    assert np.abs(cosines - exact).max() < 2e-3


def test_what_the_graph_leaves_out_decides_in_the_end():
    """Prevents that a graph of fewer numbers than a vector has costs a right answer, or an exact distance."""
    vectors = clustered(2000, 768)
    queries = normalise(vectors[::10] + np.random.default_rng(2).normal(0, 0.036, (200, 768)))  # at a cosine of 0.7
    found, cosines = VectorIndex.build(vectors).search(queries, 5)
    assert (found[:, 0] == exact_search(vectors, queries, 1)[:, 0]).mean() >= 0.999
    assert np.abs(cosines - np.einsum("ij,ikj->ik", queries, vectors[found])).max() < 2e-3
    assert (np.diff(cosines) <= 0).all()


def test_the_graph_goes_by_what_tells_rows_apart():
    """Prevents that numbers are just cut off: the first ones of these rows are all the same."""
    rng = np.random.default_rng(4)
    vectors = normalise(np.hstack([np.ones((500, 600)), rng.normal(size=(500, 20)) @ rng.normal(size=(20, 168))]))
    found, _ = VectorIndex.build(vectors).search(vectors, 1)
    assert found[:, 0].tolist() == list(range(500))


def test_some_rows_stand_for_many(monkeypatch: pytest.MonkeyPatch):
    """Prevents that the products of a million rows take minutes, and that rows of one part stand for all."""
    vectors = clustered(1000, 200)
    monkeypatch.setattr(index, "_FOR_BASIS", 300)
    found, _ = VectorIndex.build(vectors).search(vectors, 1)
    assert found[:, 0].tolist() == list(range(1000))


def test_cosines_of_given_rows_are_those_that_a_search_gives():
    """Prevents that the score of a card depends on which search proposed it."""
    vectors = clustered(100)
    built = VectorIndex.build(vectors)
    rows = np.array([[3, 97, 3], [0, 1, 2]])
    found, cosines = built.search(vectors[:2], 3)
    assert np.allclose(built.cosines(found, vectors[:2]), cosines, atol=1e-6)
    assert np.abs(built.cosines(rows, vectors[:2]) - np.einsum("mkd,md->mk", vectors[rows], vectors[:2])).max() < 2e-3


def test_the_hash_search_is_exact():
    """Prevents that a near hash is missed: a graph would miss some, and so would a search that stops early."""
    rng = np.random.default_rng(3)
    hashes = rng.integers(0, 256, (2000, 64), dtype=np.uint8)
    queries = hashes[:20] ^ np.packbits(rng.random((20, 512)) < 0.3, axis=1)
    found = nearest_hashes(hashes, queries, 8)
    for query, rows in zip(queries, found, strict=True):
        distances = hamming(hashes, query)
        assert distances[rows].tolist() == sorted(distances.tolist())[:8]


def test_a_search_for_more_than_there_is_gives_all():
    """Prevents filler rows, which would be read as cards, in a small catalogue."""
    vectors = clustered(3)
    assert sorted(VectorIndex.build(vectors).search(vectors[:1], 10)[0][0].tolist()) == [0, 1, 2]
    assert sorted(nearest_hashes(np.zeros((3, 64), np.uint8), np.zeros((1, 64), np.uint8), 10)[0].tolist()) == [0, 1, 2]
    assert sorted(exact_search(vectors, vectors[:1], 10)[0].tolist()) == [0, 1, 2]


def test_the_expansion_grows_with_the_catalogue():
    """Prevents the loss of one search in eight that a constant costs at 200,000 rows."""
    assert [expansion(rows) for rows in (1, 17_592, 20_000, 200_000)] == [64, 64, 64, 255]


def test_many_equal_rows_give_rows_that_exist():
    """Prevents that what usearch leaves undefined, when its walk ends early, is read as a row."""
    vectors = np.repeat(clustered(1), 500, axis=0)
    rows, cosines = VectorIndex.build(vectors).search(vectors[:2], 300)
    assert rows.min() >= 0
    assert rows.max() < 500
    assert np.allclose(cosines, 1, atol=2e-3)


def test_an_engine_may_be_loaded_after_the_catalogues_code() -> None:
    """ONNX Runtime crashes the process when usearch was there first: `sleevesight train` ended so, without a word."""
    code = "import catalog.store, catalog.build, catalog.match, catalog.verify, onnxruntime"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
