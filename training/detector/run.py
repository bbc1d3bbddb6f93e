"""A training run: steps, the average of the weights, and a state to go on from."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

Losses = Callable[[Any, dict[str, Tensor]], dict[str, Tensor]]

RATE, WARM_UP = 3e-3, 300
SAVE_EVERY = 500


def _rate(step: int, steps: int) -> float:
    """Warm-up, then a cosine down to a hundredth."""
    if step < WARM_UP:
        return RATE * (step + 1) / WARM_UP
    share = (step - WARM_UP) / max(1, steps - WARM_UP)
    return RATE * (0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * min(1.0, share)))))


class Run:
    """A network in training, and where it stands. `losses` gives the parts of the loss for a batch, by name."""

    def __init__(self, make: Callable[[], nn.Module], losses: Losses, state: Path, steps: int, seed: int) -> None:
        torch.manual_seed(seed)
        self._losses_of, self._state, self._steps = losses, state, steps
        self._network = make().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        mean = get_ema_multi_avg_fn(0.998)  # type: ignore[no-untyped-call]
        self._average = AveragedModel(self._network, multi_avg_fn=mean, use_buffers=True)
        self._optimizer = torch.optim.AdamW(self._network.parameters(), lr=RATE, weight_decay=0.02)
        self._losses: dict[str, float] = {}
        self._begun = time.monotonic()
        self.step = 0
        if state.exists():
            saved = torch.load(state, weights_only=True)
            self._network.load_state_dict(saved["network"])
            self._average.load_state_dict(saved["average"])
            self._optimizer.load_state_dict(saved["optimizer"])
            self.step = saved["step"]

    def learn(self, images: Tensor, wanted: dict[str, Tensor]) -> None:
        """One step. FloatingPointError when the loss is no number any more."""
        for group in self._optimizer.param_groups:
            group["lr"] = _rate(self.step, self._steps)
        parts = self._losses_of(self._network(images), wanted)
        loss = torch.stack(list(parts.values())).sum()
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {float(loss)} at step {self.step}: go on from {self._state} at a lower rate"
            )
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), 5.0)
        self._optimizer.step()
        self._average.update_parameters(self._network)
        self.step += 1
        for name, part in parts.items():
            value = float(part.detach())
            self._losses[name] = 0.98 * self._losses.get(name, value) + 0.02 * value
        if self.step % 50 == 0:
            spent = round(time.monotonic() - self._begun)
            row = {"step": self.step, "s": spent, **{name: round(value, 4) for name, value in self._losses.items()}}
            print(json.dumps(row), flush=True)
        if self.step % SAVE_EVERY == 0:
            self.save()

    def save(self) -> None:
        """Write the state beside the old one and rename it: a state that is cut off is no state."""
        fresh = self._state.with_suffix(".new")
        torch.save(
            {
                "network": self._network.state_dict(),
                "average": self._average.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "step": self.step,
            },
            fresh,
        )
        fresh.replace(self._state)
