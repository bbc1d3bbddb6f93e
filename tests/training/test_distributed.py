"""Several processes under torchrun: they learn what one would have learnt from all their pictures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from training.run import BEST, STATE, Parts, Plan, Run, best_weights

ROOT = Path(__file__).parents[2]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]

WORKER = """
import sys
from pathlib import Path
import torch
from torch import nn
from training.distributed import processes
from training.run import Parts, Plan, Run

def train(rank):
    torch.manual_seed(rank)  # other weights in each process: the first one's must count
    network = nn.Linear(4, 1)
    if rank == 0:
        torch.manual_seed(0)
        network = nn.Linear(4, 1)
    parts = int(sys.argv[2])
    plan = Plan(steps=6, rate=0.01, warm_up=0, save_every=6, weight_decay=0.0, accumulate=parts)
    run = Run(network, plan, Path(sys.argv[1]))

    def batch(net, number):
        images = torch.rand(8, 4, generator=torch.Generator().manual_seed(run.step))[rank::2][number::parts]
        return Parts({"loss": (net(images) - images.sum(dim=1, keepdim=True)).square().mean()})

    while run.step < 6:
        run.learn(batch)
    torch.save(network.state_dict(), Path(sys.argv[1]) / f"rank{rank}.pt")

with processes() as (rank, device):
    train(rank)
"""


def torchrun(arguments: list[str]) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*TORCHRUN, *arguments], env=environment, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("accumulated", [1, 2])
def test_two_processes_learn_what_one_would(accumulated: int, tmp_path: Path) -> None:
    """Gradients that are summed instead of averaged, or not shared at all, look like bad luck with the rate."""
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    torchrun([str(script), str(tmp_path / "two"), str(accumulated)])
    torch.manual_seed(0)
    alone = Run(nn.Linear(4, 1), Plan(steps=6, rate=0.01, warm_up=0, weight_decay=0.0), tmp_path / "one")
    while alone.step < 6:
        images = torch.rand(8, 4, generator=torch.Generator().manual_seed(alone.step))
        alone.learn(
            lambda net, _, images=images: Parts(
                {"loss": (net(images) - images.sum(dim=1, keepdim=True)).square().mean()}
            )
        )
    first, second = (torch.load(tmp_path / "two" / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    wanted = torch.load(tmp_path / "one" / STATE, weights_only=True)["network"]
    for name in wanted:
        assert torch.equal(first[name], second[name])
        assert torch.allclose(first[name], wanted[name], atol=1e-5)


def test_a_recipe_runs_in_two_processes(tmp_path: Path) -> None:
    """The whole recipe, its memory shared, one process that writes and one run in MLflow."""
    out = tmp_path / "run"
    settings = {
        "out": out,
        "plan.steps": 8,
        "plan.precision": "float32",
        "network.height": 32,
        "network.width": 32,
        "network.widths": "[8, 8]",
        "network.depths": "[1, 1]",
        "network.dim": 8,
        "recipe.cards": 8,
        "recipe.memory_from": 2,
        "validate_every": 8,
        "validate_cards": 10,
    }
    config = tmp_path / "tiny.toml"
    config.write_text("[data]\ngenerated = 40\n[plan]\n[network]\n[recipe]\n")
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    torchrun(["-m", "training", "metric", "--config", str(config), *words])
    assert {STATE, BEST, "settings.json", "mlflow.id"} == {path.name for path in out.iterdir()}
    assert torch.load(out / STATE, weights_only=True)["memory"]["filled"].sum() > 24
    assert "encoder.stem.0.weight" in best_weights(out)
