"""Trains the card detector's networks: `python -m training.detector.train finder|closeup --out RUN [--cards DIR] …`.

Pictures are made as they are needed (`training.detector.compose`). `--cards` is a folder of card pictures and
`--grounds` one of any pictures without cards (wallpapers and textures do); without them everything is generated. The
state is saved every 500 steps into RUN/state.pt, and the same command goes on from there.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from training.detector import closeups
from training.detector.compose import Composer, Made
from training.detector.losses import close_up_losses, finder_losses
from training.detector.network import CardNet, CloseUpNet
from training.detector.targets import targets
from training.run import Batch, Parts, Plan, Run

Image = NDArray[np.uint8]
Example = dict[str, NDArray[Any]]
Losses = Callable[[Any, dict[str, Tensor]], dict[str, Tensor]]
"""From a network's outputs and a batch of what was wanted to the parts of its loss."""

PICTURES = 800
"""Card pictures and grounds that each worker keeps in memory."""
ENOUGH_PX = 640
"""Their shorter side at most."""


@dataclass(frozen=True, slots=True)
class Task:
    """What one of the networks learns: the examples in a picture, and how far each of the two sides is off."""

    make: Callable[[], nn.Module]
    losses: Losses
    examples: Callable[[Made, np.random.Generator], Iterable[Example]]
    shuffled: int
    """Examples that are kept to be drawn from: those of one picture resemble each other."""
    steps: int
    stages: tuple[tuple[float, int, int], ...]
    """Up to which share of the steps pictures of which side come in batches of how many."""


TASKS = {
    "finder": Task(
        CardNet,
        finder_losses,
        lambda made, _rng: [{"image": made.image, **targets(made)}],
        1,
        10_000,
        ((0.6, 320, 24), (1.0, 384, 18)),  # coarse first, then as they will be seen
    ),
    "closeup": Task(CloseUpNet, close_up_losses, closeups.examples, 2000, 8000, ((1.0, 512, 64),)),
}


class Examples(IterableDataset[Example]):
    """Endless examples; each worker and each start makes others."""

    def __init__(self, task: Task, cards: list[Path], grounds: list[Path], side: int, seed: int) -> None:
        self._task, self._cards, self._grounds, self._side, self._seed = task, cards, grounds, side, seed

    def __iter__(self) -> Iterator[Example]:
        cv2.setNumThreads(1)
        info = torch.utils.data.get_worker_info()
        rng = np.random.default_rng((self._seed, info.id if info else 0))
        composer = Composer(self._side, read_some(self._cards, rng), read_some(self._grounds, rng))
        kept: list[Example] = []
        while True:
            kept += self._task.examples(composer.make(rng), rng)
            while len(kept) >= self._task.shuffled:
                yield kept.pop(int(rng.integers(len(kept))))


def examples(
    task: Task, cards: list[Path], grounds: list[Path], count: int, *, side: int | None = None, seed: int = 0
) -> list[Example]:
    """So many examples as the task sees them at the end of its training, or of pictures of another side."""
    side = side or task.stages[-1][1]
    return list(itertools.islice(Examples(task, cards, grounds, side, seed), count))


def found(folder: Path | None) -> list[Path]:
    """All pictures below a folder, sorted; none without a folder."""
    if folder is None:
        return []
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"})


def read_some(files: list[Path], rng: np.random.Generator) -> list[Image]:
    """At most `PICTURES` of these files, uint8 RGB, no larger than needed; what cannot be read is left out."""
    chosen = (files[int(k)] for k in rng.permutation(len(files))[:PICTURES])
    pictures = (cv2.imread(str(file), cv2.IMREAD_COLOR) for file in chosen)
    return [_small(cv2.cvtColor(one, cv2.COLOR_BGR2RGB)) for one in pictures if one is not None]


def _small(picture: NDArray[Any]) -> Image:
    factor = ENOUGH_PX / min(picture.shape[:2])
    if factor < 1:
        picture = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(picture, np.uint8)


def train(
    task: Task,
    out: Path,
    cards: list[Path],
    grounds: list[Path],
    *,
    steps: int,
    workers: int = 1,
    seed: int = 0,
    device: str = "cpu",
) -> None:
    """Train for `steps` steps in all, from the state in `out` where there is one."""
    torch.manual_seed(seed)
    run = Run(task.make(), Plan(steps=steps, rate=3e-3, warm_up=300, weight_decay=0.02), out, device=device)
    for until, side, batch in task.stages:
        last = round(until * steps)
        if run.step < last:
            pictures = Examples(task, cards, grounds, side, seed + run.step)
            loader = DataLoader(pictures, batch, num_workers=workers, prefetch_factor=4 if workers else None)
            for wanted in loader:
                run.learn(_part(task, {name: one.to(device) for name, one in wanted.items()}))
                if run.step >= last:
                    break
    run.save()


def _part(task: Task, wanted: dict[str, Tensor]) -> Batch:
    return lambda network, _: Parts(task.losses(network(wanted["image"]), wanted))


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS, help="the network that finds cards, or the one that looks closer")
    parser.add_argument("--out", type=Path, required=True, help="folder of this run")
    parser.add_argument("--cards", type=Path, help="folder of card pictures, searched through")
    parser.add_argument("--grounds", type=Path, help="folder of pictures without cards, searched through")
    parser.add_argument("--steps", type=int, help="in all (default: those of the task)")
    parser.add_argument("--workers", type=int, default=1, help="processes that make pictures")
    parser.add_argument("--threads", type=int, default=1, help="threads that train")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cards, grounds = found(options.cards), found(options.grounds)
    task = TASKS[options.task]
    steps = task.steps if options.steps is None else options.steps
    train(
        task,
        options.out,
        cards,
        grounds,
        steps=steps,
        workers=options.workers,
        seed=options.seed,
        device=options.device,
    )


if __name__ == "__main__":
    main()
