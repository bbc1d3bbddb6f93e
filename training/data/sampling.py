"""Who is in a batch: cards at random, and beside them cards that look alike."""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def draw_batch(classes: Tensor, neighbours: Tensor | None, count: int, share: float, generator: Generator) -> Tensor:
    """Rows int64 [count] of `classes` [n], no class twice.

    `neighbours` [k, m] are the classes most like each class (-1 where there is none); about `share` of the batch is
    one of those of another card of the batch. ValueError when there are fewer than `count` classes.
    """
    by_class = torch.randperm(len(classes), generator=generator)
    chosen: dict[int, int] = {}
    alike = 0 if neighbours is None else round(count * share)
    row_of: dict[int, int] = {}
    for row in by_class.tolist():
        row_of.setdefault(int(classes[row]), row)
    if len(row_of) < count:
        raise ValueError(f"a batch of {count} cards needs as many classes, and there are {len(row_of)}")
    rest = iter(list(row_of))
    while len(chosen) < count - alike:
        name = next(rest)
        chosen[name] = row_of[name]
    if neighbours is not None:
        for name in list(chosen)[:alike]:
            twin = int(neighbours[name, torch.randint(neighbours.shape[1], (1,), generator=generator)])
            if twin >= 0 and twin not in chosen:
                chosen[twin] = row_of[twin]
    for name in rest:
        if len(chosen) == count:
            break
        chosen.setdefault(name, row_of[name])
    return torch.tensor(list(chosen.values()), dtype=torch.int64)
