"""Runs: one that was cut off goes on as if it had not been, and no worse network ever replaces a better one."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from training import run as run_module
from training.run import BEST, STATE, Parts, Plan, Run, RunError, best_weights, seed_of


def network(width: int = 3) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, width), nn.BatchNorm1d(width), nn.Linear(width, 1))


def learn(run: Run, until: int) -> None:
    while run.step < until:
        step = run.step

        def part(net: nn.Module, number: int, step: int = step) -> Parts:
            images = torch.rand(6, 4, generator=torch.Generator().manual_seed(seed_of(step, number)))
            run.memory["seen"] += 1
            return Parts({"loss": (net(images) - images.sum(dim=1, keepdim=True)).square().mean()})

        run.learn(part)


def start(folder: Path, make: Callable[[], nn.Module] = network, **changes: object) -> Run:
    plan = Plan(**{"steps": 12, "rate": 0.01, "warm_up": 3, "save_every": 4, **changes})  # type: ignore[arg-type]
    return Run(make(), plan, folder, memory={"seen": torch.zeros(())})


def test_a_run_that_was_cut_off_goes_on_exactly(tmp_path: Path) -> None:
    """Optimiser, average, memory and the batches themselves: what is forgotten shows as a bump in the loss."""
    whole = start(tmp_path / "whole", accumulate=2)
    learn(whole, 12)
    cut = start(tmp_path / "cut", accumulate=2)
    learn(cut, 6)  # the state on disk is that of step 4
    again = start(tmp_path / "cut", accumulate=2)
    assert again.step == 4
    learn(again, 12)
    for one, other in zip(whole.average.state_dict().values(), again.average.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert again.memory["seen"] == whole.memory["seen"] == 24


def test_accumulated_batches_make_one_step(tmp_path: Path) -> None:
    """Counted apart, a run with small batches ends after a part of its pictures."""
    run = start(tmp_path, accumulate=3)
    learn(run, 2)
    assert run.step == 2
    assert run.memory["seen"] == 6


def test_a_state_of_another_network_is_refused(tmp_path: Path) -> None:
    """Loaded in part, it would train something that nobody described."""
    learn(start(tmp_path), 4)
    with pytest.raises(RunError, match=r"state\.pt is no state of this network"):
        start(tmp_path, lambda: network(5))


def test_a_state_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    """It must not be taken for a run that has not begun: that would write over it."""
    learn(start(tmp_path), 4)
    state = tmp_path / STATE
    state.write_bytes(state.read_bytes()[:200])
    with pytest.raises(RunError, match=r"state\.pt cannot be read"):
        start(tmp_path)


def test_a_loss_that_is_no_number_ends_the_run_and_leaves_the_state(tmp_path: Path) -> None:
    """A step with a NaN ruins every weight, and the next save would keep them."""
    run = start(tmp_path)
    learn(run, 4)
    before = (tmp_path / STATE).read_bytes()
    with pytest.raises(FloatingPointError, match=r"nan at step 4: go on from .*state\.pt at a lower rate than 0\.01"):
        run.learn(lambda net, _: Parts({"loss": net(torch.rand(6, 4)).mean() * float("nan")}))
    assert (tmp_path / STATE).read_bytes() == before


def test_a_worse_network_does_not_replace_a_better_one(tmp_path: Path) -> None:
    """Also not after a restart, which has to know what was reached before it."""
    run = start(tmp_path)
    learn(run, 3)
    assert run.keep(90.0)
    learn(run, 4)
    best = (tmp_path / BEST).read_bytes()
    assert not run.keep(80.0)
    again = start(tmp_path)
    assert again.best == 90.0
    assert not again.keep(89.0)
    assert (tmp_path / BEST).read_bytes() == best
    assert again.keep(91.0)
    assert (tmp_path / BEST).read_bytes() != best


def test_what_was_reached_is_known_without_a_save(tmp_path: Path) -> None:
    """A run is cut off between its best state and the next save: the best one is on disk, its score must be, too."""
    run = start(tmp_path)
    learn(run, 4)
    run.keep(95.0)
    assert start(tmp_path).best == 95.0


def test_no_room_to_save_is_said_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old state is all that is left then."""
    run = start(tmp_path)
    learn(run, 4)
    before = (tmp_path / STATE).read_bytes()

    def full(_content: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_module.torch, "save", full)
    with pytest.raises(RunError, match=r"state\.pt cannot be written .*No space left.*make room"):
        run.save()
    assert (tmp_path / STATE).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [STATE]


def test_the_rate_warms_up_and_falls(tmp_path: Path) -> None:
    """A rate that starts at its full height throws the first weights away."""
    plan = Plan(steps=100, rate=1.0, warm_up=10)
    rates = [plan.rate_at(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[10] == pytest.approx(1.0, abs=0.01)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0.01)


def test_bfloat16_learns_as_float32_does(tmp_path: Path) -> None:
    """Half the digits must not change where it goes."""
    ends = []
    for precision in ("float32", "bfloat16"):
        run = start(tmp_path / precision, precision=precision)
        learn(run, 12)
        ends.append(run.average.eval()(torch.ones(1, 4)))
    assert torch.allclose(ends[0], ends[1], atol=0.05)


def test_a_run_without_a_best_state_says_so(tmp_path: Path) -> None:
    """Exporting the weights of the last step would ship what nobody measured."""
    with pytest.raises(RunError, match="validate at least once"):
        best_weights(tmp_path)


def test_seeds_differ_with_every_number() -> None:
    """Ranks with one seed learn the same batch twice."""
    seeds = {seed_of(a, b, c) for a in range(4) for b in range(4) for c in range(4)}
    assert len(seeds) == 64
