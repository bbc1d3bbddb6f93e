"""Optimal one-to-one assignment for a few dozen rows and columns, without scipy (whose import costs 0.75 s)."""

from __future__ import annotations

from collections.abc import Sequence


def assign(cost: Sequence[Sequence[float]], unmatched: float) -> list[tuple[int, int]]:
    """The pairs (row, column) of the cheapest partial assignment; a pair at or above `unmatched` is not worth making.

    A row or a column that stays alone costs `unmatched`, whatever the pair would have cost; infinite costs forbid.
    Shortest augmenting paths (Kuhn, Munkres; Jonker and Volgenant 1987), O(rows² x columns).
    """
    if not cost or not cost[0]:
        return []
    if len(cost) > len(cost[0]):
        return sorted((row, column) for column, row in assign(list(zip(*cost, strict=True)), unmatched))
    # With at least as many columns as rows an unmatched row can always park on a free column at this price, so the
    # full assignment on clipped costs is the partial assignment on the real ones.
    clipped = [[min(value, unmatched) for value in row] for row in cost]
    owner = _augment_all(clipped)
    pairs = [(row, column) for column, row in enumerate(owner) if row >= 0 and cost[row][column] < unmatched]
    return sorted(pairs)


def _augment_all(cost: list[list[float]]) -> list[int]:
    """For each column the row that owns it, or -1; every row owns one column. Needs rows <= columns."""
    row_price = [0.0] * len(cost)
    column_price = [0.0] * len(cost[0])
    owner = [-1] * len(cost[0])
    for start in range(len(cost)):
        column, came_from = _shortest_path(cost, start, owner, row_price, column_price)
        while column >= 0:
            previous = came_from[column]
            owner[column] = owner[previous] if previous >= 0 else start
            column = previous
    return owner


def _shortest_path(
    cost: list[list[float]], start: int, owner: list[int], row_price: list[float], column_price: list[float]
) -> tuple[int, list[int]]:
    """The cheapest way from row `start` to a free column: that column, and for each column the one before it (or -1).

    Changes the prices so that all reduced costs stay at or above 0, and 0 on the path.
    """
    columns = range(len(owner))
    distance = [float("inf")] * len(owner)
    came_from = [-1] * len(owner)
    done = [False] * len(owner)
    row, column = start, -1
    while row >= 0:
        prices, base = cost[row], row_price[row]
        step, nearest = float("inf"), -1
        for other in columns:
            if done[other]:
                continue
            reduced = prices[other] - base - column_price[other]
            if reduced < distance[other]:
                distance[other], came_from[other] = reduced, column
            if distance[other] < step:
                step, nearest = distance[other], other
        row_price[start] += step
        for other in columns:
            if done[other]:
                row_price[owner[other]] += step
                column_price[other] -= step
            else:
                distance[other] -= step
        column, done[nearest] = nearest, True
        row = owner[nearest]
    return column, came_from
