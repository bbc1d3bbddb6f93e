"""CSV as other tools lay it out: a row for each holding, written and read by the same tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from collection.records import CONDITIONS, FINISHES, LANGUAGES, PRICE, Card, Holding, Said

Cells = Mapping[str, str]

_MARKET = "Market Price (As of "
_GRADES = dict(zip(CONDITIONS, ("Mint", "NearMint", "Excellent", "Good", "Played", "Poor"), strict=True))
_POKECOLLECTOR = dict(zip(CONDITIONS, ("Mint", "NM", "LP", "MP", "HP", "DMG"), strict=True))


class RowError(ValueError):
    """A row that cannot be taken over: what is wrong with it."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What a row says. `card` names the card as far as the layout does; without an id it has yet to be found."""

    card: Card
    said: Said
    quantity: int
    added: str = ""


class Vocabulary:
    """Our words as a layout writes them, and back, however they are spelled; what is unknown is empty."""

    def __init__(self, what: str, words: Mapping[str, str], also: Mapping[str, str] | None = None) -> None:
        self._what = what
        self._words = words
        self._ours = {_squeezed(theirs): ours for ours, theirs in [*words.items(), *((o, o) for o in words)]}
        self._ours |= {_squeezed(theirs): ours for theirs, ours in (also or {}).items()}

    def write(self, ours: str | None) -> str:
        """The layout's word; empty for unknown."""
        return "" if ours is None else self._words[ours]

    def read(self, theirs: str) -> str | None:
        """Our word; None for an empty cell. RowError names the words there are."""
        if not _squeezed(theirs):
            return None
        if _squeezed(theirs) not in self._ours:
            raise RowError(f"{self._what} {theirs!r} is none of {', '.join(dict.fromkeys(self._words.values()))}")
        return self._ours[_squeezed(theirs)]


def _squeezed(word: str) -> str:
    return re.sub(r"[\s_-]", "", word).casefold()


_FINISH = Vocabulary(
    "finish",
    {word: word.title().replace("1St", "1st") for word in FINISHES},
    {"holo": "holofoil", "foil": "holofoil", "reverse": "reverse holofoil", "reverse holo": "reverse holofoil"},
)
# The nearest below: no layout without the word mint is told of a better card than there is.
_CONDITION = Vocabulary("condition", {word: word.title() for word in CONDITIONS} | {"mint": "Near Mint"})
_EXACT_CONDITION = Vocabulary("condition", {word: word for word in CONDITIONS})
_EXACT_FINISH = Vocabulary("finish", {word: word for word in FINISHES})
_GRADE = Vocabulary("condition", _GRADES, {"LightPlayed": "moderately played"})
_SHORT_CONDITION = Vocabulary("condition", _POKECOLLECTOR)
_LANGUAGE = Vocabulary("language", LANGUAGES)
_CODE = Vocabulary("language", {code: code for code in LANGUAGES})


@dataclass(frozen=True)
class Layout:
    """One tool's CSV: its columns, how a holding becomes a row, and what a row says."""

    name: str
    columns: tuple[str, ...]
    write: Callable[[Holding], Sequence[object]]
    read: Callable[[Cells], Row]
    said: tuple[str, ...]
    """What it can say of a copy, as fields of `Said`."""
    preamble: str = ""
    """A line above the header."""


def _quantity(text: str) -> int:
    if not text.strip().isascii() or not text.strip().isdigit() or not 0 < int(text) <= 1_000_000:
        raise RowError(f"quantity {text!r} is no number from 1 to 1000000")
    return int(text)


def _price(text: str) -> str | None:
    """A price as a plain decimal, without its currency sign."""
    plain = text.strip().lstrip("$€£").replace(",", "") if text.count(".") else text.strip().lstrip("$€£")
    if not plain:
        return None
    if not PRICE.fullmatch(plain):
        raise RowError(f"price {text!r} is no amount like 3.50")
    return plain


def _day(text: str) -> str:
    if text and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        raise RowError(f"date {text!r} is not YYYY-MM-DD")
    return text


def _named(name: str, set_name: str = "", number: str = "", set_code: str = "", card_id: str = "") -> Card:
    return Card(card_id=card_id, name=name, set_name=set_name, number=number, set_code=set_code)


def _code(card: Card) -> str:
    """What a set is called in short: its code where one is known, else its id."""
    return card.set_code or card.set_id


PLAIN = Layout(
    "plain",
    (
        *("card_id", "name", "set_id", "set_name", "set_code", "number", "rarity", "supertype", "quantity", "finish"),
        *("condition", "language", "price", "added", "note"),
    ),
    lambda one: (
        *(one.card.card_id, one.card.name, one.card.set_id, one.card.set_name, one.card.set_code, one.card.number),
        *(one.card.rarity, one.card.supertype, one.quantity, _EXACT_FINISH.write(one.said.finish)),
        *(_EXACT_CONDITION.write(one.said.condition), one.said.language, one.said.price, one.added, one.said.note),
    ),
    lambda row: Row(
        card=Card(
            **{name: row[name] for name in ("card_id", "name", "set_id", "set_name", "set_code", "number")},
            rarity=row["rarity"],
            supertype=row["supertype"],
        ),
        said=Said(
            finish=_EXACT_FINISH.read(row["finish"]),
            condition=_EXACT_CONDITION.read(row["condition"]),
            language=_CODE.read(row["language"]),
            price=_price(row["price"]),
            note=row["note"] or None,
        ),
        quantity=_quantity(row["quantity"]),
        added=_day(row["added"]),
    ),
    said=("finish", "condition", "language", "price", "note"),
)


def _read_collectr(row: Cells) -> Row:
    if _squeezed(row["Category"]) != "pokemon":
        raise RowError(f"category {row['Category']!r} is not Pokemon")
    if _squeezed(row["Watchlist"]) == "true":
        raise RowError("it is on the watchlist, and not owned")
    grade = "" if _squeezed(row["Grade"]) in ("", "ungraded") else f"Grade: {row['Grade']}"
    return Row(
        card=_named(row["Product Name"], row["Set"], row["Card Number"]),
        said=Said(
            finish=_FINISH.read(row["Variance"]),
            condition=_CONDITION.read(row["Card Condition"]),
            price=_price(row["Average Cost Paid"]),
            note="\n".join(part for part in (row["Notes"], grade) if part) or None,
        ),
        quantity=_quantity(row["Quantity"]),
        added=_day(row["Date Added"]),
    )


COLLECTR = Layout(
    "collectr",
    (
        *("Portfolio Name", "Category", "Set", "Product Name", "Card Number", "Rarity", "Variance", "Grade"),
        *("Card Condition", "Average Cost Paid", "Quantity", _MARKET, "Price Override", "Watchlist", "Date Added"),
        "Notes",
    ),
    lambda one: (
        *("Sleevesight", "Pokemon", one.card.set_name, one.card.name, one.card.number, one.card.rarity),
        *(_FINISH.write(one.said.finish), "Ungraded", _CONDITION.write(one.said.condition), one.said.price),
        *(one.quantity, "", "", "false", one.added, one.said.note),
    ),
    _read_collectr,
    said=("finish", "condition", "price", "note"),
)

TCGPLAYER = Layout(
    "tcgplayer",
    (
        *("Quantity", "Name", "Simple Name", "Set", "Card Number", "Set Code", "Printing", "Condition", "Language"),
        *("Rarity", "Product ID", "SKU"),
    ),
    lambda one: (
        *(one.quantity, one.card.name, one.card.name, one.card.set_name, one.card.number, _code(one.card)),
        *(_FINISH.write(one.said.finish), _CONDITION.write(one.said.condition), _LANGUAGE.write(one.said.language)),
        *(one.card.rarity, "", ""),
    ),
    lambda row: Row(
        card=_named(row["Simple Name"] or row["Name"], row["Set"], row["Card Number"], row["Set Code"]),
        said=Said(
            finish=_FINISH.read(row["Printing"]),
            condition=_CONDITION.read(row["Condition"]),
            language=_LANGUAGE.read(row["Language"]),
        ),
        quantity=_quantity(row["Quantity"]),
    ),
    said=("finish", "condition", "language"),
)

DRAGON_SHIELD = Layout(
    "dragonshield",
    (
        *("Folder Name", "Quantity", "Trade Quantity", "Card Name", "Set Code", "Set Name", "Card Number", "Condition"),
        *("Printing", "Language", "Price Bought", "Date Bought"),
    ),
    lambda one: (
        *("Sleevesight", one.quantity, 0, one.card.name, _code(one.card), one.card.set_name, one.card.number),
        *(_GRADE.write(one.said.condition), _FINISH.write(one.said.finish), _LANGUAGE.write(one.said.language)),
        *(one.said.price, one.added),
    ),
    lambda row: Row(
        card=_named(row["Card Name"], row["Set Name"], row["Card Number"], row["Set Code"]),
        said=Said(
            finish=_FINISH.read(row["Printing"]),
            condition=_GRADE.read(row["Condition"]),
            language=_LANGUAGE.read(row["Language"]),
            price=_price(row["Price Bought"]),
        ),
        quantity=_quantity(row["Quantity"]),
        added=_day(row["Date Bought"]),
    ),
    said=("finish", "condition", "language", "price"),
    preamble='"sep=,"',
)

POKECOLLECTOR = Layout(
    "pokecollector",
    ("set_code", "number", "quantity", "condition", "variant", "lang", "purchase_price"),
    lambda one: (
        *(_code(one.card), one.card.number, one.quantity, _SHORT_CONDITION.write(one.said.condition)),
        *(_FINISH.write(one.said.finish), one.said.language, one.said.price),
    ),
    lambda row: Row(
        card=_named("", "", row["number"], row["set_code"]),
        said=Said(
            finish=_FINISH.read(row["variant"]),
            condition=_SHORT_CONDITION.read(row["condition"]),
            language=_CODE.read(row["lang"]),
            price=_price(row["purchase_price"]),
        ),
        quantity=_quantity(row["quantity"]),
    ),
    said=("finish", "condition", "language", "price"),
)

LAYOUTS = {layout.name: layout for layout in (PLAIN, COLLECTR, TCGPLAYER, DRAGON_SHIELD, POKECOLLECTOR)}


def heading(layout: Layout, today: str) -> list[str]:
    """The header as it is written; Collectr's names the day of its prices."""
    return [f"{column}{today})" if column == _MARKET else column for column in layout.columns]


def recognised(header: Sequence[str]) -> Layout | None:
    """The layout with these columns, if there is one; the day in Collectr's header is not looked at."""
    plain = tuple(_MARKET if name.strip().startswith(_MARKET) else name.strip() for name in header)
    return next((layout for layout in LAYOUTS.values() if layout.columns == plain), None)
