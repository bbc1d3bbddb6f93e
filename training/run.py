"""A training run: steps, the average of the weights, and a state from which it goes on exactly."""

from __future__ import annotations

import json
import math
import pickle
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

STATE, BEST = "state.pt", "best.pt"
_FLOOR = 0.01
"""Of the rate, at the end."""
_SHOWN_EVERY = 50


def seed_of(*numbers: int) -> int:
    """One seed from several numbers (0 or more), such as a run's seed, a step and a rank; the same everywhere."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


class RunError(RuntimeError):
    """A run that cannot begin or go on; the message names the file and the remedy."""


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to descend. The rate warms up, then falls as a cosine to a hundredth."""

    steps: int
    rate: float = 2e-3
    warm_up: int = 300
    weight_decay: float = 0.05
    average: float = 0.998
    """Decay of the average of the weights; the average is what is kept."""
    clip: float = 5.0
    accumulate: int = 1
    """Batches whose gradients make one step."""
    precision: Literal["float32", "bfloat16"] = "float32"
    save_every: int = 500

    def rate_at(self, step: int) -> float:
        """The rate of a step, 0-based."""
        if step < self.warm_up:
            return self.rate * (step + 1) / self.warm_up
        share = min(1.0, (step - self.warm_up) / max(1, self.steps - self.warm_up))
        return self.rate * (_FLOOR + (1 - _FLOOR) * 0.5 * (1 + math.cos(math.pi * share)))


class Parts(NamedTuple):
    """Of one batch: the parts of the loss, whose sum is minimised, and numbers to be watched, both by name."""

    losses: dict[str, Tensor]
    watched: Mapping[str, Tensor] = MappingProxyType({})


Batch = Callable[[nn.Module, int], Parts]
"""From the network and the number of the batch within the step to the parts of its loss."""
Report = Callable[[int, dict[str, float]], None]
"""Called every 50 steps with the step and the running means."""


class Run:
    """A network in training, and where it stands.

    Whatever a batch draws it must draw from the step's number and a seed, and whatever it remembers must be in
    `memory` (tensors, changed in place): then a run that was cut off goes on as if it had not been.
    Raises RunError for a state of another network.
    """

    def __init__(
        self,
        network: nn.Module,
        plan: Plan,
        folder: Path,
        *,
        device: torch.device | str = "cpu",
        memory: dict[str, Tensor] | None = None,
        report: Report | None = None,
    ) -> None:
        self.plan, self.folder, self.device = plan, folder, torch.device(device)
        self.memory = memory or {}
        self.report = report
        self._bare = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        mean = get_ema_multi_avg_fn(plan.average)  # type: ignore[no-untyped-call]
        self._average = AveragedModel(self._bare, multi_avg_fn=mean, use_buffers=True)
        learnt = [one for one in self._bare.parameters() if one.requires_grad]
        self._optimizer = torch.optim.AdamW(learnt, lr=plan.rate, weight_decay=plan.weight_decay)
        self._means: dict[str, float] = {}
        self._begun = time.monotonic()
        self.step = 0
        self.best = -math.inf
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / STATE).exists():
            self._go_on()
        if (folder / BEST).exists():
            self.best = _read(folder / BEST)["score"]
        self._network: nn.Module = self._bare
        if torch.distributed.is_initialized():
            self._network = DistributedDataParallel(self._bare)

    @property
    def average(self) -> nn.Module:
        """The network with the average of its weights so far."""
        averaged: nn.Module = self._average.module
        return averaged

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes."""
        return not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0

    def learn(self, batch: Batch) -> None:
        """One step. FloatingPointError when the loss is no number any more; the state on disk is from before."""
        for group in self._optimizer.param_groups:
            group["lr"] = self.plan.rate_at(self.step)
        self._network.train()
        self._optimizer.zero_grad(set_to_none=True)
        for number in range(self.plan.accumulate):
            with self._sent(last=number + 1 == self.plan.accumulate):
                self._add_gradients(batch, number)
        torch.nn.utils.clip_grad_norm_(self._bare.parameters(), self.plan.clip)
        self._optimizer.step()
        self._average.update_parameters(self._bare)
        self.step += 1
        if self.step % _SHOWN_EVERY == 0 and self.leads:
            self._show()
        if self.step % self.plan.save_every == 0 or self.step == self.plan.steps:
            self.save()

    def _add_gradients(self, batch: Batch, number: int) -> None:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.plan.precision == "bfloat16"):
            parts = batch(self._network, number)
        loss = torch.stack(list(parts.losses.values())).sum()
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {float(loss.detach())} at step {self.step}: "
                f"go on from {self.folder / STATE} at a lower rate than {self.plan.rate}"
            )
        (loss / self.plan.accumulate).backward()  # type: ignore[no-untyped-call]
        self._watch({**parts.losses, **parts.watched})

    def _sent(self, last: bool) -> AbstractContextManager[None]:
        """Gradients of several batches are added up in each process, and sent with the last."""
        if last or not isinstance(self._network, DistributedDataParallel):
            return nullcontext()
        quiet: AbstractContextManager[None] = self._network.no_sync()
        return quiet

    def save(self) -> None:
        """Write the state; one that is cut off while it is written is no state, and the old one stays."""
        if self.leads:
            _write(self._state(), self.folder / STATE)

    def keep(self, score: float) -> bool:
        """Keep the average as the best one if its score is above all before it; says whether."""
        if score <= self.best or not self.leads:
            return False
        self.best = score
        _write({"network": self.average.state_dict(), "step": self.step, "score": score}, self.folder / BEST)
        return True

    def adopt_average(self) -> None:
        """Put the averaged weights into the network, for what is trained from here on."""
        self._bare.load_state_dict(self.average.state_dict())

    def _state(self) -> dict[str, Any]:
        return {
            "network": self._bare.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "memory": self.memory,
            "step": self.step,
        }

    def _go_on(self) -> None:
        path = self.folder / STATE
        try:
            saved = _read(path)
            self._bare.load_state_dict(saved["network"])
            self._average.load_state_dict(saved["average"])
            self._optimizer.load_state_dict(saved["optimizer"])
            for name, value in self.memory.items():
                value.copy_(saved["memory"][name])
            self.step = saved["step"]
        except (RuntimeError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())[:200]
            raise RunError(
                f"{path} is no state of this network ({reason}): train into another folder, or as that run was"
            ) from error

    def _watch(self, values: dict[str, Tensor]) -> None:
        for name, value in values.items():
            now = float(value.detach())
            self._means[name] = 0.98 * self._means.get(name, now) + 0.02 * now

    def _show(self) -> None:
        rounded = {name: round(value, 4) for name, value in self._means.items()}
        print(json.dumps({"step": self.step, "s": round(time.monotonic() - self._begun), **rounded}), flush=True)
        if self.report:
            self.report(self.step, {**self._means, "rate": self.plan.rate_at(self.step)})


def best_weights(folder: Path) -> dict[str, Tensor]:
    """The averaged weights of a run's best state. RunError where there is none."""
    path = folder / BEST
    if not path.exists():
        raise RunError(f"{path} is not there: let that run validate at least once")
    return bare(_read(path)["network"])


def bare(averaged: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Averaged weights under the names that the network itself gives them."""
    return {name.removeprefix("module."): value for name, value in averaged.items() if name != "n_averaged"}


def _read(path: Path) -> dict[str, Any]:
    try:
        saved: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RunError(f"{path} cannot be read ({reason}): it was cut off; remove it to begin anew") from error
    return saved


def _write(content: dict[str, Any], path: Path) -> None:
    fresh = path.with_suffix(".new")
    try:
        torch.save(content, fresh)
    except (OSError, RuntimeError) as error:
        fresh.unlink(missing_ok=True)
        raise RunError(f"{path} cannot be written ({error}): make room, and start again from the last state") from error
    fresh.replace(path)
