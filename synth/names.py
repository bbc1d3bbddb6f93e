"""Invented words for the cards: creatures, people, things, sets, attacks and rules text, none of them anybody's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# fmt: off
_HEADS = (
    "Ve", "Kor", "Mir", "Tal", "Zu", "Bra", "Quo", "Fen", "Lu", "Dra", "Pyx", "Nim", "Sol", "Gri", "Tho", "Ula",
    "Cra", "Jun", "Hes", "Ori", "Wex", "Bal", "Ryn", "Sko", "Ama", "Eli", "Pho", "Ket", "Dro", "Mo", "Ysa",
    "Var", "Zep", "Gal", "Tri", "Umb", "Cin", "Lop", "Nar", "Ber", "Shi", "Oka", "Fli", "Rav", "Tem",
)
_MIDDLES = (
    "lo", "ri", "na", "ku", "ve", "ssa", "mi", "dra", "bo", "the", "ga", "lli", "po", "zi", "re", "nu", "ma",
    "fe", "", "", "",
)
_TAILS = (
    "rix", "dun", "lith", "mir", "pup", "zor", "ling", "fang", "moth", "ra", "bun", "shade", "quill", "horn",
    "kit", "wyn", "ton", "bloom", "claw", "dell", "gon", "tail", "bug", "rex", "nox", "let", "mantle", "tuft",
    "fin", "wing", "ose",
)
_PEOPLE = (
    "Mirela", "Tovan", "Ashby", "Corin", "Delwyn", "Oskar", "Petra", "Runa", "Silvan", "Yorick", "Zelda",
    "Hanno", "Imke", "Jovan", "Kestrel", "Lorne",
)
_ROLES = ["'s Advice", "'s Errand", "'s Training", "'s Gambit", ", Field Guide", ", Ranger", "'s Call", " at Dusk"]
_ITEMS = (
    "Potion", "Lantern", "Compass", "Satchel", "Whistle", "Rope", "Scope", "Charm", "Tonic", "Map", "Gauntlet",
    "Ladder", "Mirror", "Drum", "Kite", "Anvil",
)
_ITEM_KINDS = (
    "Rusty", "Grand", "Hidden", "Polished", "Woven", "Double", "Field", "Ancient", "Spare", "Lucky", "Heavy",
    "Paper",
)
_SETS_FIRST = (
    "Silver", "Hollow", "Rising", "Lost", "Painted", "Quiet", "Burning", "Winter", "Glass", "Iron", "Wandering",
    "First",
)
_SETS_LAST = (
    "Tides", "Orchard", "Horizon", "Lanterns", "Canyon", "Echoes", "Meridian", "Frontier", "Gardens", "Summit",
    "Harbour", "Skies",
)
_VERBS = (
    "Crush", "Spark", "Gnaw", "Sweep", "Drill", "Howl", "Bind", "Pulse", "Slash", "Rush", "Bloom", "Sting",
    "Roar", "Drain", "Whirl", "Snap", "Bash", "Glow",
)
_NOUNS = (
    "Fang", "Tail", "Gale", "Ember", "Wave", "Root", "Bolt", "Veil", "Shard", "Claw", "Horn", "Dust", "Frost",
    "Beam", "Stomp", "Song", "Spore", "Comet",
)
_RULES = (
    "Flip a coin. If heads, this attack does 20 more damage.",
    "Draw 2 cards, then put one card of your hand on the table.",
    "During your opponent's next turn this creature takes 30 less damage.",
    "Search your deck for a basic card and shuffle it afterwards.",
    "Heal 30 damage from one of your creatures.",
    "Your opponent's creature falls asleep until the end of the turn.",
    "This attack also does 10 damage to each creature that waits.",
    "Discard a symbol from this creature. If you cannot, the attack fails.",
    "Look at the top 4 cards of your deck and put them back in any order.",
    "Move a symbol from this creature to another one of yours.",
    "You may play this card only when you have fewer cards than your opponent.",
)
# fmt: on


def pick(rng: np.random.Generator, words: Sequence[str]) -> str:
    """One of `words`."""
    return words[int(rng.integers(len(words)))]


def creature_name(rng: np.random.Generator) -> str:
    """Such as Velorix."""
    return pick(rng, _HEADS) + pick(rng, _MIDDLES) + pick(rng, _TAILS)


def person_name(rng: np.random.Generator) -> str:
    """Such as Petra's Errand."""
    return pick(rng, _PEOPLE) + pick(rng, _ROLES)


def item_name(rng: np.random.Generator) -> str:
    """Such as Rusty Lantern."""
    return f"{pick(rng, _ITEM_KINDS)} {pick(rng, _ITEMS)}"


def set_name(rng: np.random.Generator) -> str:
    """Such as Hollow Harbour."""
    return f"{pick(rng, _SETS_FIRST)} {pick(rng, _SETS_LAST)}"


def attack_name(rng: np.random.Generator) -> str:
    """Such as Gale Drill."""
    return f"{pick(rng, _NOUNS)} {pick(rng, _VERBS)}"


def rules_text(rng: np.random.Generator) -> str:
    """One sentence or two of game text."""
    return pick(rng, _RULES)
