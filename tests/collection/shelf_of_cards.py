"""A few cards that are hard to write down, and ways to fill a collection with them."""

from typing import Any

from collection.database import Database
from collection.records import Card
from collection.visits import Sighting, confirm, end

PIKACHU = Card(
    card_id="sv3pt5-25",
    name="Pikachu",
    set_id="sv3pt5",
    set_name="151",
    set_code="MEW",
    number="025/165",
    rarity="Common",
    supertype="Pokémon",
)
FLABEBE = Card(
    card_id="xy1-83",
    name="Flabébé",
    set_id="xy1",
    set_name="XY",
    set_code="XY",
    number="83",
    rarity="Common",
    supertype="Pokémon",
)
ARVEN = Card(
    card_id="sv3-186",
    name='Arven, "=the" cook',
    set_id="sv3",
    set_name="Obsidian Flames",
    set_code="OBF",
    number="186",
    rarity="Uncommon",
    supertype="Trainer",
)
FIRE = Card(
    card_id="sve-2",
    name="Basic Fire Energy",
    set_id="sve",
    set_name="Scarlet & Violet Energies",
    set_code="SVE",
    number="2",
    supertype="Energy",
)
FORMULA = Card(card_id="mcd11-1", name="=1+1", set_id="mcd11", set_name="McDonald's Collection 2011", number="1")
CARDS = (PIKACHU, FLABEBE, ARVEN, FIRE, FORMULA)
JPEG = b"\xff\xd8 a picture \xff\xd9"
NOON = 1_790_000_000_000


def sighting(number: int | None, card: Card | None = PIKACHU, **more: Any) -> Sighting:
    fields = {"stream": "s1", "life": "l1", "source": "camera:0", "first_frame": 3, "last_frame": 9, "jpeg": JPEG}
    return Sighting(number=number, card=card, **{**fields, **more})


def seen(database: Database, *cards: Card | None, stream: str = "s1") -> list[int]:
    """Visits of these cards, one after the other, the unknown ones when they end."""
    return [
        (confirm if card else end)(database, sighting(number, card, stream=stream), NOON + number)
        for number, card in enumerate(cards, 1)
    ]
