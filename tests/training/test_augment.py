"""The effects that training puts on cards: each does its own, to the pictures it is given, by its generator alone."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from torch import Tensor

from synth.cards import card, draw
from training.augment.cover import MOST, cover
from training.augment.geometry import Geometry, homographies, warp
from training.augment.light import glare, shadow
from training.augment.pipeline import EFFECTS, Augmentation, Chances
from training.augment.sensor import grayscale, jpeg

STILL = Geometry(error=0, p_turn=0, p_perspective=0, p_margin=0)
NEVER = Chances(**{one.name: 0.0 for one in fields(Chances)})


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def cards() -> Tensor:
    faces = np.stack([draw(card(seed))[::2, ::2] for seed in range(8)])
    return torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 255


@pytest.mark.parametrize("name", EFFECTS)
def test_an_effect_does_something_and_stays_in_range(name: str, cards: Tensor) -> None:
    """An effect that does nothing is not missed for a whole training; one beyond 0..1 is clipped to something else."""
    before = cards.clone()
    shown = EFFECTS[name](cards, generator())
    assert torch.equal(cards, before)
    assert shown.shape == cards.shape
    assert torch.isfinite(shown).all()
    assert shown.min() > -0.2
    assert shown.max() < 1.6
    assert (shown - cards).abs().mean(dim=(1, 2, 3)).max() > 0.002


@pytest.mark.parametrize("name", EFFECTS)
def test_an_effect_depends_on_its_generator_alone(name: str, cards: Tensor) -> None:
    """A batch that cannot be made again cannot be looked into; a global generator differs between workers."""
    first = EFFECTS[name](cards, generator(1))
    torch.manual_seed(99)
    assert torch.equal(EFFECTS[name](cards, generator(1)), first)
    if name != "grayscale":
        assert not torch.equal(EFFECTS[name](cards, generator(2)), first)


def test_everything_together_keeps_cards_cards(cards: Tensor) -> None:
    """What comes out is what the network is trained on: 0 to 1, and nowhere nothing at all."""
    augment = Augmentation()
    shown = augment(cards, generator())
    assert torch.equal(shown, augment(cards, generator()))
    assert shown.min() >= 0
    assert shown.max() <= 1
    assert (shown.flatten(1).std(dim=1) > 0.02).all()


def test_without_chances_nothing_happens(cards: Tensor) -> None:
    """The clean view must be the clean picture."""
    assert (Augmentation(NEVER, STILL)(cards, generator()) - cards).abs().max() < 1e-4


@pytest.mark.parametrize("chance", [0.0, 0.4, 1.0])
def test_chances_are_kept(chance: float, cards: Tensor) -> None:
    """A sleeve on 40 % means on 40 % of the cards, not on 40 % of the batches."""
    many = cards[:1, :, 60:68, 40:48].expand(400, -1, -1, -1)
    shown = Augmentation(Chances(**{**{one.name: 0.0 for one in fields(Chances)}, "sleeve": chance}), STILL)(
        many, generator()
    )
    share = ((shown - many).abs().amax(dim=(1, 2, 3)) > 1e-3).float().mean()
    assert float(share) == pytest.approx(chance, abs=0.08)


def test_a_cover_covers_its_share(cards: Tensor) -> None:
    """More than a fifth hidden is not asked of anybody; less than 2 % teaches nothing."""
    many = torch.full((60, 3, 90, 64), 2.0)
    hidden = (cover(many, generator()) != 2.0).any(dim=1).float().mean(dim=(1, 2))
    assert hidden.min() > 0.01
    assert hidden.max() < MOST + 0.01
    assert hidden.std() > 0.03


def test_shadows_darken_and_glare_lightens(cards: Tensor) -> None:
    """A sign turned around would still change every picture."""
    assert (shadow(cards, generator()) <= cards + 1e-6).all()
    assert (glare(cards, generator()) >= cards - 1e-6).all()


def test_grey_has_no_colour(cards: Tensor) -> None:
    """All three channels alike, at the usual weights."""
    grey = grayscale(cards, generator())
    assert torch.equal(grey[:, 0], grey[:, 2])
    assert grey[0, 0, 50, 50] == pytest.approx(float(cards[0, :, 50, 50] @ torch.tensor([0.299, 0.587, 0.114])))


def test_jpeg_is_close_to_the_real_one(cards: Tensor) -> None:
    """A coder that ruins pictures, or does not touch them, teaches a world without photos."""
    error = (jpeg(cards, generator(3)) - cards).abs().mean()
    assert 0.002 < float(error) < 0.06


def test_upside_down_is_a_half_turn(cards: Tensor) -> None:
    """A mirrored card is another card."""
    shown = warp(cards, generator(), Geometry(error=0, p_turn=0, p_perspective=0, p_margin=0, p_upside_down=1))
    assert (shown - cards.flip(dims=(2, 3))).abs().max() < 1e-3


def test_a_margin_shows_what_lies_around(cards: Tensor) -> None:
    """In a toploader that was taken for the card, the card is smaller and its middle where it was."""
    settings = Geometry(error=0, p_turn=0, p_perspective=0, p_margin=1, margin=0.1)
    shown = warp(torch.ones_like(cards), generator(4), settings)
    assert (shown[:, :, 89, 64] == 1).all()
    assert (shown[:, :, 0, 0] < 1).any(dim=1).all()


def test_homographies_take_points_to_points() -> None:
    """Swapped source and target bend every card the other way."""
    source = torch.tensor([[[0.0, 0], [1, 0], [1, 1], [0, 1]]])
    target = torch.tensor([[[0.1, 0], [1.2, -0.1], [0.9, 1.1], [-0.1, 1]]])
    matrix = homographies(source, target)
    seen = torch.cat([source, torch.ones(1, 4, 1)], dim=2) @ matrix.transpose(1, 2)
    assert (seen[..., :2] / seen[..., 2:] - target).abs().max() < 1e-5
