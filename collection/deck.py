"""A deck list as Pokémon TCG Live reads it: `4 Iono PAL 185`, under the kind of card, with the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from collection.records import Card, Holding, short_number

KINDS = ("Pokémon", "Trainer", "Energy")


def deck_list(holdings: Iterable[Holding]) -> tuple[str, list[str]]:
    """The list, and by card what cannot be expressed in it: without a code of its set or a number there is no line."""
    copies: Counter[Card] = Counter()
    left_out = []
    for one in holdings:
        if one.card.set_code and one.card.number:
            copies[one.card] += one.quantity
        else:
            why = "no number is known" if one.card.set_code else f"no PTCGL code of its set is known ({_set(one.card)})"
            left_out.append(f"{one.quantity} {one.card.name} ({one.card.card_id}): {why}")
    return _text(copies), left_out


def _set(card: Card) -> str:
    return card.set_name or card.set_id or "no set"


def _text(copies: Counter[Card]) -> str:
    blocks = ["\n".join(_line(card, count) for card, count in copies.items() if card.supertype not in KINDS)]
    for kind in KINDS:
        cards = {card: count for card, count in copies.items() if card.supertype == kind}
        if cards:
            lines = [_line(card, count) for card, count in cards.items()]
            blocks.append("\n".join((f"{kind}: {sum(cards.values())}", *lines)))
    blocks.append(f"Total Cards: {copies.total()}")
    return "\n\n".join(block for block in blocks if block) + "\n"


def _line(card: Card, count: int) -> str:
    return f"{count} {card.name} {card.set_code} {short_number(card.number)}"
