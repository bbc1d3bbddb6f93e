"""Trains the embedder for CPUs: clean views against degraded ones, from scratch."""

from __future__ import annotations

from pathlib import Path

import msgspec
import torch
from torch import Tensor, nn

from training.augment.pipeline import Augmentation
from training.config import keep, kept
from training.data.pictures import Pictures
from training.data.source import Source, digest
from training.distributed import processes
from training.encoder import Encoder
from training.fit import fit
from training.metric.losses import ArcFace
from training.metric.network import CardEncoder
from training.metric.recipe import Recipe, Settings
from training.metric.validate import retrieval
from training.run import Plan, Run, best_weights
from training.tracking import tracked

LOOK_ALIKES_EVERY = 250


class Network(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Size and shape of the network."""

    height: int = 224
    width: int = 160
    widths: tuple[int, ...] = (32, 64, 128, 256)
    depths: tuple[int, ...] = (1, 2, 3, 2)
    dim: int = 256

    @property
    def size(self) -> tuple[int, int]:
        """Of a picture: height and width."""
        return self.height, self.width

    def encoder(self) -> CardEncoder:
        """The network, with random weights."""
        return CardEncoder(self.size, self.widths, self.depths, self.dim)


class MetricConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about a run."""

    out: Path
    plan: Plan
    data: Source = Source()
    network: Network = Network()
    recipe: Settings = Settings()
    views: tuple[Augmentation, ...] = (Augmentation(), Augmentation())
    """How the cards of a batch are degraded, once for each view."""
    validate_every: int = 1000
    validate_cards: int = 200


class Embedder(nn.Module):
    """The network and, for ArcFace, the proxies of the classes."""

    def __init__(self, network: Network, classes: int | None = None) -> None:
        super().__init__()
        self.encoder = network.encoder()
        self.arcface = ArcFace(classes, network.dim) if classes else None

    def forward(self, images: Tensor) -> Tensor:
        """[n, 3, h, w] to [n, dim]."""
        embedded: Tensor = self.encoder(images)
        return embedded


def train_metric(config: MetricConfig) -> None:
    """Run to the end, or go on to it."""
    with processes() as (rank, device):
        _train(config, rank, device)


def _train(config: MetricConfig, rank: int, device: torch.device) -> None:
    torch.manual_seed(config.recipe.seed)
    learnt, held_out = (part.to(device) for part in config.data.read(config.network.size))
    recipe = Recipe(config.recipe, learnt, config.views, config.network.dim, rank)
    network = Embedder(config.network, learnt.count if config.recipe.loss == "arcface" else None)
    run = Run(network, config.plan, config.out, device=device, memory=recipe.memory)
    # From here on the input is known to be good: what was there before is only now written over.
    if run.leads:
        keep("metric", config, config.out)
    with tracked("metric", config.out, config, run.leads) as tracker:
        tracker.tag("data", digest(learnt))
        run.report = tracker.report
        print(f"{len(learnt)} pictures of {learnt.count} classes, {len(held_out)} held out; from step {run.step}")

        def validate(averaged: nn.Module) -> dict[str, float]:
            views = {f"view{number}": view for number, view in enumerate(config.views)}
            scores = retrieval(averaged, held_out, learnt, views, count=config.validate_cards)
            return {**scores, "score": sum(scores[name] for name in views) / len(views)}

        def show(step: int, scores: dict[str, float]) -> None:
            print({"step": step, **{name: round(value, 2) for name, value in scores.items()}}, flush=True)
            tracker.report(step, scores)

        fit(
            run,
            make=recipe.images,
            parts=lambda net, batch, step: recipe.parts(net, *batch, step, network.arcface),
            validate=validate,
            validate_every=config.validate_every,
            between=lambda step: recipe.find_look_alikes() if step % LOOK_ALIKES_EVERY == 0 else None,
            show=show,
        )


def metric_cards(config: MetricConfig) -> tuple[Pictures, Augmentation]:
    """What a run learns from, and how it is shown."""
    return config.data.read(config.network.size)[0], config.views[0]


def encoder_to_export(config: MetricConfig) -> tuple[Encoder, tuple[int, int]]:
    """The best encoder of a run, and the size of its pictures."""
    return trained_encoder(config.out), config.network.size


def trained_encoder(folder: Path) -> CardEncoder:
    """The best encoder of the run in a folder. ConfigError or RunError where there is none."""
    weights = best_weights(folder)
    encoder = kept(folder, "metric", MetricConfig).network.encoder()
    encoder.load_state_dict(
        {name.removeprefix("encoder."): value for name, value in weights.items() if name.startswith("encoder.")}
    )
    encoder.eval()
    return encoder
