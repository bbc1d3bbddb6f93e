"""The fused ranking."""

import msgspec
import numpy as np
import pytest

from catalog import store
from catalog.embedding import normalise
from catalog.match import Matcher
from catalog.store import Catalogue, ModelRef, Printing
from vision.phash import agreement, hamming

DIM = 32


@pytest.fixture
def make(tmp_path):
    """Writes and loads a catalogue from unit vectors and hashes."""

    def make(vectors, hashes, groups=()):
        ids = [f"c-{row}" for row in range(len(vectors))]
        store.write(
            tmp_path / "out",
            ids=ids,
            cards={one: Printing(name=one.upper(), set="c", set_name="Cards", number=one[2:]) for one in ids},
            embeddings=vectors,
            hashes=hashes,
            groups=groups,
            model=ModelRef("00", "none", vectors.shape[1]),
            sources=[],
            created="",
        )
        return Catalogue.load(tmp_path / "out")

    return make


def table(rows, seed=0):
    rng = np.random.default_rng(seed)
    vectors = normalise(rng.normal(size=(rows, DIM)) + 0.5)
    return vectors, rng.integers(0, 256, (rows, 64), dtype=np.uint8)


def noisy(vectors, hashes, rows, noise=0.3, flips=0.25, seed=1):
    rng = np.random.default_rng(seed)
    seen = normalise(vectors[rows] + rng.normal(0, noise, (len(rows), DIM)))
    return seen.astype(np.float32), hashes[rows] ^ np.packbits(rng.random((len(rows), 512)) < flips, axis=1)


def test_the_ranking_is_that_of_an_exhaustive_search(make):
    """Prevents that the short lists of the two searches change the answer, its score or its gap."""
    vectors, hashes = table(1500)
    catalogue = make(vectors, hashes)
    seen, seen_hashes = noisy(vectors, hashes, np.arange(0, 1500, 15))
    for match, vector, one in zip(
        Matcher(catalogue).match(seen[:, None], seen_hashes[:, None]), seen, seen_hashes, strict=True
    ):
        scores = vectors @ vector + agreement(hamming(hashes, one))
        best = np.argsort(-scores)
        assert match.candidates[0].card_id == catalogue.ids[best[0]]
        assert match.candidates[0].score == pytest.approx(scores[best[0]], abs=3e-3)
        assert match.distance == pytest.approx(1 - vectors[best[0]] @ vector, abs=3e-3)
        assert match.gap == pytest.approx(scores[best[0]] - scores[best[1]], abs=6e-3)


@pytest.mark.parametrize("witness", ["vector", "hash"])
def test_either_search_alone_can_bring_the_card_in(make, witness):
    """Prevents that a card is lost because one of the two witnesses was blinded, as by glare."""
    vectors, hashes = table(400)
    seen, seen_hashes = vectors[7:8].copy(), hashes[7:8].copy()
    if witness == "hash":
        seen = vectors[100:101] * 0.4 + seen * 0.3
    else:
        seen_hashes = hashes[100:101] ^ np.packbits(np.arange(512) % 2 == 0)
    (match,) = Matcher(make(vectors, hashes)).match(seen[:, None], seen_hashes[:, None])
    assert match.candidates[0].card_id == "c-7"


def test_the_better_reading_wins_and_is_reported(make):
    """Prevents that a card that lies upside down is named by its wrong reading."""
    vectors, hashes = table(300)
    seen, seen_hashes = noisy(vectors, hashes, np.array([5, 6]))
    stranger, strange_hash = noisy(*table(2, seed=9), np.array([0, 1]))
    both = np.stack([np.stack([seen[0], stranger[0]]), np.stack([stranger[1], seen[1]])])
    both_hashes = np.stack([np.stack([seen_hashes[0], strange_hash[0]]), np.stack([strange_hash[1], seen_hashes[1]])])
    found = Matcher(make(vectors, hashes)).match(both, both_hashes, (0, 2))
    assert [(match.turn, match.candidates[0].card_id) for match in found] == [(0, "c-5"), (2, "c-6")]


def test_a_card_that_both_readings_propose_is_listed_once(make):
    """Prevents a gap of zero, hence `unknown`, because a card is its own rival."""
    vectors, hashes = table(60)
    (match,) = Matcher(make(vectors, hashes)).match(vectors[[3, 3]][None], hashes[[3, 3]][None], (0, 2))
    ids = [candidate.card_id for candidate in match.candidates]
    assert len(set(ids)) == len(ids) == 5
    assert match.gap > 0.5


def test_the_gap_is_measured_to_the_next_picture_not_to_the_reprint(make):
    """Prevents that a card with reprints is always `unknown`: its reprint is as near as itself."""
    vectors, hashes = table(200)
    vectors[50], hashes[50] = vectors[4], hashes[4]
    catalogue = make(vectors, hashes, [["c-4", "c-50"]])
    (match,) = Matcher(catalogue).match(vectors[4][None, None], hashes[4][None, None])
    assert set(match.group) == {"c-4", "c-50"}
    assert {candidate.card_id for candidate in match.candidates[:2]} == {"c-4", "c-50"}
    assert match.gap > 0.5


@pytest.mark.parametrize("turns", [(0,), (0, 2)])
def test_a_group_larger_than_the_short_list_still_has_its_true_rival(make, turns):
    """Prevents a gap too large for basic energies, which exist in dozens of printings and fill the lists."""
    vectors, hashes = table(300)
    vectors[:120], hashes[:120] = vectors[0], hashes[0]
    catalogue = make(vectors, hashes, [[f"c-{row}" for row in range(120)]])
    other, other_hashes = table(1, seed=5)
    seen = np.stack([vectors[0], other[0]])[: len(turns)]
    seen_hashes = np.stack([hashes[0], other_hashes[0]])[: len(turns)]
    (match,) = Matcher(catalogue).match(seen[None], seen_hashes[None], turns)
    rival = max(
        (vectors[120:] @ vector + agreement(hamming(hashes[120:], one))).max()
        for vector, one in zip(seen, seen_hashes, strict=True)
    )
    assert match.gap == pytest.approx(2.0 - rival, abs=5e-3)
    assert len(match.group) == 120


def test_a_catalogue_of_one_card_has_a_finite_gap(make):
    """Prevents infinity or a crash where there is no rival at all."""
    vectors, hashes = table(1)
    (match,) = Matcher(make(vectors, hashes)).match(vectors[None], hashes[None])
    assert (len(match.candidates), match.gap) == (1, pytest.approx(2.0, abs=1e-2))


def test_the_weight_decides_how_much_the_hash_counts(make):
    """Prevents a weight that is configured and ignored."""
    vectors, hashes = table(100)
    seen = normalise(vectors[1:2] + 0.2 * vectors[2:3])[None]
    catalogue = make(vectors, hashes)
    by_weight = [Matcher(catalogue, weight).match(seen, hashes[2:3][None])[0] for weight in (0.0, 5.0)]
    assert [match.candidates[0].card_id for match in by_weight] == ["c-1", "c-2"]
    with pytest.raises(ValueError, match="weight"):
        Matcher(catalogue, -1)


def test_queries_do_not_influence_each_other(make):
    """Prevents that a batch answers otherwise than its crops one by one."""
    vectors, hashes = table(500)
    seen, seen_hashes = noisy(vectors, hashes, np.arange(10))
    matcher = Matcher(make(vectors, hashes))
    batch = matcher.match(seen.reshape(5, 2, DIM), seen_hashes.reshape(5, 2, 64), (0, 2))
    single = [
        matcher.match(v[None], h[None], (0, 2))[0]
        for v, h in zip(seen.reshape(5, 2, DIM), seen_hashes.reshape(5, 2, 64), strict=True)
    ]
    assert [m.candidates[0].card_id for m in batch] == [m.candidates[0].card_id for m in single]
    assert np.allclose([m.gap for m in batch], [m.gap for m in single], atol=1e-5)
    assert matcher.match(np.empty((0, 2, DIM), np.float32), np.empty((0, 2, 64), np.uint8), (0, 2)) == []


@pytest.mark.parametrize(
    ("vectors", "hashes", "word"),
    [
        (np.ones((1, 1, DIM + 1), np.float32), np.zeros((1, 1, 64), np.uint8), "vectors must be"),
        (np.ones((1, 2, DIM), np.float32), np.zeros((1, 2, 64), np.uint8), "1 readings"),
        (np.ones((1, DIM), np.float32), np.zeros((1, 64), np.uint8), "vectors must be"),
        (np.ones((2, 1, DIM), np.float32), np.zeros((1, 1, 64), np.uint8), "hashes must be"),
        (np.ones((1, 1, DIM), np.float32), np.zeros((1, 1, 64), np.float32), "hashes must be"),
        (np.zeros((1, 1, DIM), np.float32), np.zeros((1, 1, 64), np.uint8), "no direction"),
        (np.full((1, 1, DIM), np.nan, np.float32), np.zeros((1, 1, 64), np.uint8), "not finite"),
    ],
)
def test_queries_of_another_form_are_refused(make, vectors, hashes, word):
    """Prevents answers to vectors of another model, or to zeros that stand for a failure."""
    matcher = Matcher(make(*table(20)))
    with pytest.raises(ValueError, match=word):
        matcher.match(vectors, hashes)


def test_a_match_can_be_written_as_json(make):
    """Prevents numpy scalars in results, which no encoder takes."""
    vectors, hashes = table(20)
    (match,) = Matcher(make(vectors, hashes)).match(vectors[:1][None], hashes[:1][None], (2,))
    assert msgspec.json.decode(msgspec.json.encode(match))["turn"] == 2
