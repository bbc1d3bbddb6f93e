"""What a card says: name, element, hit points, attacks. A reprint repeats all of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synth import names
from synth.elements import ELEMENTS, Element

_KINDS = {"creature": 0.8, "person": 0.09, "thing": 0.08, "energy": 0.03}
"""What the cards of a set show, and how many of them."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One line of a card that does something: cost symbols, name, damage (0 for none) and rules text ("" for none)."""

    cost: tuple[Element, ...]
    name: str
    damage: int
    rules: str


@dataclass(frozen=True, slots=True)
class Content:
    """The words and numbers of a card, and the seed of its art."""

    seed: int
    kind: str
    name: str
    element: Element
    points: int
    stage: str
    attacks: tuple[Attack, ...]
    weakness: Element
    retreat: int
    story: str


def content_of(seed: int) -> Content:
    """The content that a seed stands for."""
    rng = np.random.default_rng((seed, 1))
    kind = str(rng.choice(list(_KINDS), p=list(_KINDS.values())))
    element = ELEMENTS[int(rng.integers(len(ELEMENTS)))]
    return Content(
        seed=seed,
        kind=kind,
        name=_name(rng, kind, element),
        element=element,
        points=int(rng.integers(4, 34)) * 10,
        stage=str(rng.choice(["BASIC", "BASIC", "STAGE 1", "STAGE 2"])),
        attacks=tuple(_attack(rng, kind, element) for _ in range(int(rng.choice([1, 2], p=[0.35, 0.65])))),
        weakness=ELEMENTS[int(rng.integers(len(ELEMENTS) - 1))],
        retreat=int(rng.integers(4)),
        story=names.rules_text(rng),
    )


def _name(rng: np.random.Generator, kind: str, element: Element) -> str:
    if kind == "creature":
        return names.creature_name(rng)
    if kind == "person":
        return names.person_name(rng)
    return names.item_name(rng) if kind == "thing" else f"{element.name} Energy"


def _attack(rng: np.random.Generator, kind: str, element: Element) -> Attack:
    cost = tuple(element if rng.random() < 0.6 else ELEMENTS[-1] for _ in range(int(rng.integers(1, 4))))
    sentences = int(rng.integers(1, 4)) if kind != "creature" else int(rng.choice([0, 1, 2], p=[0.35, 0.45, 0.2]))
    rules = " ".join(dict.fromkeys(names.rules_text(rng) for _ in range(sentences)))
    return Attack(cost, names.attack_name(rng), int(rng.integers(0, 19)) * 10, rules)
