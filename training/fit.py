"""From batches to a trained network: the loop that the embedder's recipes share."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import TypeVar

from torch import nn

from training.run import Parts, Run

Batch = TypeVar("Batch")
Scores = dict[str, float]


def fit(
    run: Run,
    *,
    make: Callable[[int, int], Batch],
    parts: Callable[[nn.Module, Batch, int], Parts],
    validate: Callable[[nn.Module], Scores],
    validate_every: int,
    between: Callable[[int], None] = lambda _: None,
    show: Callable[[int, Scores], None] = lambda _, __: None,
) -> None:
    """Go on with a run to its end.

    `make(step, number)` gives a batch and is called a batch ahead, in a thread; `parts(network, batch, step)` its
    losses. `between(step)` is called before a step, when no batch is being made: what it changes is seen by the batches
    after the next. `validate` gives scores of the averaged network; their "score" says which state is the best one.
    """
    plan = run.plan

    def check() -> None:
        if run.leads:
            scores = validate(run.average)
            show(run.step, scores)
            run.keep(scores["score"])

    if run.step >= plan.steps:
        if run.best == -math.inf:  # cut off after the last step and before its score
            check()
        return
    with ExitStack() as stack:
        maker = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="batches"))
        advance = stack.enter_context(_Bar(plan.steps, run.step))
        coming: Future[Batch] = maker.submit(make, run.step, 0)
        for step in range(run.step, plan.steps):

            def losses(network: nn.Module, number: int, step: int = step) -> Parts:
                nonlocal coming
                batch = coming.result()
                if number == 0:
                    between(step)
                following = (step, number + 1) if number + 1 < plan.accumulate else (step + 1, 0)
                if following[0] < plan.steps:
                    coming = maker.submit(make, *following)
                return parts(network, batch, step)

            run.learn(losses)
            advance(run.step)
            if run.step % validate_every == 0 or run.step == plan.steps:
                check()


class _Bar:
    """A progress bar on a terminal, nothing in a pipe."""

    def __init__(self, total: int, done: int) -> None:
        self._total, self._done = total, done
        self._stack = ExitStack()

    def __enter__(self) -> Callable[[int], None]:
        if not sys.stderr.isatty():
            return lambda _: None
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

        columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        bar = self._stack.enter_context(Progress(*columns, console=Console(stderr=True)))
        task = bar.add_task("training", total=self._total, completed=self._done)
        return lambda done: bar.update(task, completed=done)

    def __exit__(self, *_: object) -> None:
        self._stack.close()
