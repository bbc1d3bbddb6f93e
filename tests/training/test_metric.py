"""The metric recipe: its losses mean what they say, its batches can be made again, and it learns."""

import itertools
import math
from dataclasses import fields
from pathlib import Path

import msgspec
import pytest
import torch
from torch.nn import functional

from training.augment.geometry import Geometry
from training.augment.pipeline import Augmentation, Chances
from training.config import KEPT
from training.data.generated import generated
from training.data.source import Source
from training.metric.losses import ArcFace, info_nce, koleo
from training.metric.network import CardEncoder
from training.metric.recipe import Recipe, Settings
from training.metric.train import MetricConfig, Network, train_metric
from training.metric.validate import embed, retrieval
from training.run import BEST, STATE, Plan, RunError

SIZE = (64, 48)
MILD = Augmentation(Chances(**{one.name: 0.0 for one in fields(Chances)} | {"colour": 1.0}), Geometry(error=0.01))


def units(count: int, dim: int = 16, seed: int = 0) -> torch.Tensor:
    return functional.normalize(torch.randn(count, dim, generator=torch.Generator().manual_seed(seed)), dim=1)


def small(dim: int = 16) -> CardEncoder:
    torch.manual_seed(0)
    return CardEncoder(SIZE, (8, 16), (1, 1), dim, squeeze=8)


def test_info_nce_is_the_textbooks() -> None:
    """-log of the softmax of the right key, at the temperature."""
    queries, keys = units(5), units(9, seed=1)
    target = torch.tensor([3, 0, 8, 2, 2])
    logits = queries @ keys.T / 0.1
    wanted = -(logits[range(5), target] - logits.logsumexp(dim=1)).mean()
    assert info_nce(queries, keys, target, None, 0.1) == pytest.approx(float(wanted), rel=1e-5)


def test_keys_that_are_left_out_do_not_push() -> None:
    """The remembered embedding of a card of the batch is the card itself and no negative."""
    queries, keys = units(3), units(4, seed=1)
    both = torch.cat([keys, queries])  # the queries themselves, as the worst negatives
    allowed = torch.tensor([True] * 4 + [False] * 3)
    target = torch.tensor([0, 1, 2])
    assert info_nce(queries, both, target, allowed, 0.1) == pytest.approx(
        float(info_nce(queries, keys, target, None, 0.1)), rel=1e-5
    )


def test_koleo_falls_as_vectors_part() -> None:
    """A sign the wrong way round would draw all cards together."""
    crowd = functional.normalize(units(1) + 0.05 * units(20, seed=2), dim=1).requires_grad_()
    before = koleo(crowd)
    before.backward()  # type: ignore[no-untyped-call]
    after = koleo(functional.normalize(crowd.detach() - 0.02 * crowd.grad, dim=1))
    assert after < before
    assert koleo(torch.eye(8)) < 0 < float(before.detach())


def test_arcface_without_a_margin_is_a_softmax() -> None:
    """The margin ramps up from 0: there it must be plain cross-entropy."""
    head = ArcFace(7, 16, scale=10.0)
    vectors, labels = units(5), torch.tensor([0, 1, 2, 3, 6])
    logits = 10 * vectors @ functional.normalize(head.proxies, dim=1).T
    assert float(head(vectors, labels, 0.0)) == pytest.approx(float(functional.cross_entropy(logits, labels)), rel=1e-4)


def test_arcface_asks_for_the_margin_and_never_rewards_the_far_side() -> None:
    """Beyond pi - margin the cosine of the angle rises again: the loss would pull such cards further away."""
    head = ArcFace(2, 3, scale=8.0)
    head.proxies.data = torch.eye(3)[:2]
    angles = torch.linspace(0.01, math.pi - 0.01, 60)
    vectors = torch.stack([angles.cos(), torch.zeros(60), angles.sin()], dim=1)  # always at right angles to the other
    costs = [float(head(one[None], torch.tensor([0]), 0.5)) for one in vectors]
    assert all(later > earlier - 1e-4 for earlier, later in itertools.pairwise(costs))
    assert costs[10] > float(head(vectors[10][None], torch.tensor([0]), 0.0))


def test_arcface_takes_no_shortcut_under_autocast() -> None:
    """A cosine of 8 bits, times 64, is no logit; and on a GPU the margin and the rest were of two kinds: a crash."""
    head = ArcFace(7, 16)
    vectors, labels = units(5), torch.tensor([0, 1, 2, 3, 6])
    wanted = head(vectors, labels, 0.3)
    with torch.autocast("cpu", torch.bfloat16):
        assert float(head(vectors, labels, 0.3)) == float(wanted)


def test_the_encoder_reads_what_stands_where() -> None:
    """Averaged over the card, two cards with the same parts in other places would be one."""
    encoder = small().eval()
    image = torch.zeros(1, 3, *SIZE)
    image[:, :, :20] = 1.0
    turned = image.flip(2)
    one, other = (functional.normalize(encoder(picture), dim=1) for picture in (image, turned))
    assert (one * other).sum() < 0.95


def test_a_network_of_no_shape_is_refused() -> None:
    """One depth too few would leave a width out without a word."""
    with pytest.raises(ValueError, match="as many widths as depths"):
        CardEncoder(SIZE, (8, 16), (1,), 16)


@pytest.fixture
def recipe() -> Recipe:
    return Recipe(Settings(cards=12, memory_from=2, seed=4), generated(60, SIZE), (MILD, MILD), 16)


def test_a_batch_follows_from_its_step(recipe: Recipe) -> None:
    """Also when another was made in between, and on another rank it is another."""
    images, classes = recipe.images(5)
    recipe.images(6)
    again, same = recipe.images(5)
    assert torch.equal(images, again)
    assert torch.equal(classes, same)
    assert images.shape == (3 * 12, 3, *SIZE)
    other = Recipe(recipe.settings, recipe.pictures, (MILD, MILD), 16, rank=1)
    assert not torch.equal(other.images(5)[0], images)


def test_the_clean_cards_of_a_batch_are_the_references(recipe: Recipe) -> None:
    """What a degraded view is drawn to must be what the catalogue will hold."""
    images, classes = recipe.images(0)
    real = classes >= 0
    assert (~real).sum() == 2  # 15 % of 12
    for image, name in zip(images[:12][real], classes[real], strict=True):
        rows = (recipe.pictures.classes == name).nonzero()[:, 0]
        assert any(torch.equal(image, recipe.pictures.images[row].float() / 255) for row in rows)


def test_the_memory_holds_every_card_that_was_seen_and_its_twins(recipe: Recipe) -> None:
    """Negatives from memory are only as good as what is remembered, and look-alikes as its neighbours."""
    network = small()
    for step in range(12):
        recipe.parts(network, *recipe.images(step), step, None)
    recipe.find_look_alikes()
    filled, near = recipe.memory["filled"], recipe.memory["neighbours"]
    assert filled.sum() > 40
    bank = recipe.memory["bank"]
    assert torch.allclose(bank[filled].norm(dim=1), torch.ones(int(filled.sum())), atol=1e-4)
    row = int(filled.nonzero()[0])
    cosines = (bank @ bank[row]).masked_fill(~filled, -2.0)
    cosines[row] = -2.0
    assert near[row].tolist() == cosines.topk(8).indices.tolist()
    assert (near[~filled] == -1).all()


@pytest.mark.parametrize("kind", ["infonce", "arcface"])
def test_every_part_of_the_loss_teaches(kind: str) -> None:
    """A part without a gradient is not missed for hours."""
    recipe = Recipe(Settings(cards=12, loss=kind, koleo=0.1), generated(40, SIZE), (MILD,), 16)  # type: ignore[arg-type]
    head = ArcFace(recipe.pictures.count, 16) if kind == "arcface" else None
    for part in (kind, "koleo"):
        network = small()
        parts = recipe.parts(network, *recipe.images(0), 0, head)
        parts.losses[part].backward()  # type: ignore[no-untyped-call]
        assert parts.losses[part] != 0
        assert network.stem[0].weight.grad.abs().sum() > 0


def test_scores_of_a_perfect_and_of_a_blind_network() -> None:
    """The number by which the best state is kept."""

    class Pixels(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            small = functional.adaptive_avg_pool2d(images, 8).flatten(1)
            return small - small.mean(dim=1, keepdim=True)

    class Blind(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.ones(len(images), 8) + 1e-3 * torch.arange(8)

    nothing = Augmentation(
        Chances(**{one.name: 0.0 for one in fields(Chances)}), Geometry(error=0, p_turn=0, p_perspective=0, p_margin=0)
    )
    held_out, others = generated(30, SIZE, 1), generated(60, SIZE, 0)
    seen = retrieval(Pixels(), held_out, others, {"clean": nothing}, count=30)
    assert seen["clean"] > 95
    blind = retrieval(Blind(), held_out, others, {"clean": nothing}, count=30)
    assert blind["clean"] < 10
    assert blind["spread"] == pytest.approx(1.0, abs=1e-3)
    assert blind["dimensions"] < 2 < seen["dimensions"]


def test_embeddings_do_not_depend_on_their_batch() -> None:
    """Batch statistics in a catalogue would make a card's vector depend on its neighbours."""
    images = generated(10, SIZE).images
    network = small()
    assert torch.allclose(embed(network, images)[3], embed(network, images[3:4])[0], atol=1e-5)


def test_a_run_learns_and_goes_on(tmp_path: Path) -> None:
    """The whole recipe on generated cards: the loss falls, a best state is kept, and a second start finds it done."""
    config = MetricConfig(
        out=tmp_path / "run",
        data=Source(generated=60),
        plan=Plan(steps=60, rate=3e-3, warm_up=10, save_every=30, average=0.9),
        network=Network(height=SIZE[0], width=SIZE[1], widths=(8, 16), depths=(1, 1), dim=16),
        recipe=Settings(cards=16, memory_from=20),
        views=(MILD,),
        validate_every=30,
        validate_cards=40,
    )
    train_metric(config)
    assert {STATE, BEST} <= {path.name for path in config.out.iterdir()}
    saved = torch.load(config.out / BEST, weights_only=True)
    assert saved["score"] > 30
    before = (config.out / STATE).stat().st_mtime_ns
    train_metric(config)
    assert (config.out / STATE).stat().st_mtime_ns == before
    # Cut off after its last step and before its score: the run must not be over without ever having one.
    (config.out / BEST).unlink()
    train_metric(config)
    assert torch.load(config.out / BEST, weights_only=True)["step"] == 60
    assert (config.out / STATE).stat().st_mtime_ns == before
    # Another network into the same folder is refused, and the run that lies there can still be exported.
    known = (config.out / KEPT).read_bytes()
    with pytest.raises(RunError, match="no state of this network"):
        train_metric(msgspec.structs.replace(config, network=Network(height=SIZE[0], width=SIZE[1], dim=8)))
    assert (config.out / KEPT).read_bytes() == known
