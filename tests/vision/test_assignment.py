"""The assignment is the optimal one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from vision.assignment import assign


def price(cost: np.ndarray, pairs: list[tuple[int, int]], unmatched: float) -> float:
    return sum(cost[pair] for pair in pairs) + unmatched * (min(cost.shape) - len(pairs))


@pytest.mark.parametrize("seed", range(30))
def test_as_good_as_scipy(seed: int) -> None:
    """A greedy or wrong solver swaps the ids of cards that lie close together."""
    optimize = pytest.importorskip("scipy.optimize", reason="scipy is the reference for the assignment")
    rng = np.random.default_rng(seed)
    cost = rng.random(rng.integers(1, 21, 2)) * 3
    cost[rng.random(cost.shape) < 0.4] = np.inf
    pairs = assign(cost.tolist(), 2.0)
    clipped = np.minimum(cost, 2.0)
    rows, columns = optimize.linear_sum_assignment(clipped)
    assert price(cost, pairs, 2.0) == pytest.approx(clipped[rows, columns].sum())
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)


@pytest.mark.parametrize("seed", range(20))
def test_as_good_as_trying_everything(seed: int) -> None:
    """The same without scipy: every partial assignment of up to 4 x 5, more rows than columns and less."""
    rng = np.random.default_rng(100 + seed)
    cost = rng.random((rng.integers(1, 5), rng.integers(2, 6))) * 3
    cost = cost if seed % 2 else cost.T
    best = min(
        price(cost, list(zip(rows, columns, strict=True)), 1.5)
        for count in range(min(cost.shape) + 1)
        for rows in itertools.combinations(range(cost.shape[0]), count)
        for columns in itertools.permutations(range(cost.shape[1]), count)
    )
    assert price(cost, assign(cost.tolist(), 1.5), 1.5) == pytest.approx(best)


@pytest.mark.parametrize("cost", [[], [[]], [[float("inf")]], [[2.0]]])
def test_nothing_to_pair(cost: list[list[float]]) -> None:
    """No cards, no detections, or none that belong together: no pair, no error."""
    assert assign(cost, 2.0) == []
