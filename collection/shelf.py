"""Finding a card by what other tools call it: its set by id, name or code, its number, and its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from catalog.store import METADATA, Manifest, Printing, Printings, damaged, read_manifest
from collection.records import Card, folded, short_number


class Catalogued(Mapping[str, Card]):
    """The cards of a catalogue by id, with where the pictures of the references lie, as far as they are there."""

    def __init__(self, folder: Path) -> None:
        """CatalogueError if it is none."""
        self._manifest = read_manifest(folder)
        try:
            self._printings = Printings((folder / METADATA).read_bytes())
        except (OSError, msgspec.MsgspecError) as error:
            raise damaged(folder, METADATA, str(error)) from error
        self._pictures = _pictures(folder, self._manifest)

    def __getitem__(self, card_id: str) -> Card:
        """The card; KeyError for an id that is not there."""
        return self._card(card_id, self._printings[card_id])

    def __iter__(self) -> Iterator[str]:
        """The ids."""
        return iter(self._printings)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._printings)

    def _card(self, card_id: str, one: Printing) -> Card:
        picture = self._pictures / one.file if self._pictures and one.file else None
        return Card(
            card_id=card_id,
            name=one.name,
            set_id=one.set,
            set_name=one.set_name or one.set,
            set_code=one.set_code,
            number=one.number,
            rarity=one.rarity,
            supertype=one.supertype,
            picture=str(picture) if picture and picture.is_file() else "",
        )


def _pictures(folder: Path, manifest: Manifest) -> Path | None:
    """The folder that the catalogue was built from: as it was given, seen from here or from above the catalogue."""
    bases = (Path.cwd(), *folder.absolute().parents)
    given = Path(manifest.sources[0]) if manifest.sources else None
    return next((base / given for base in bases if (base / given).is_dir()), None) if given else None


class Shelf:
    """Cards, to be found."""

    def __init__(self, cards: Iterable[Card]) -> None:
        self._by_id: dict[str, Card] = {}
        self._by_place: dict[tuple[str, str], list[Card]] = {}
        for card in cards:
            if card.card_id in self._by_id:
                continue
            self._by_id[card.card_id] = card
            for name in {folded(card.set_id), folded(card.set_name), folded(card.set_code)} - {""}:
                self._by_place.setdefault((name, _number(card)), []).append(card)

    def find(self, wanted: Card) -> Card:
        """The card that is meant. LookupError says why there is not exactly one."""
        if wanted.card_id:
            return self._by_id.get(wanted.card_id, wanted)
        found = self._by_place.get((folded(wanted.set_code), _number(wanted)), [])
        found = self._by_place.get((folded(wanted.set_name), _number(wanted)), found)
        alike = [card for card in found if _same_name(card.name, wanted.name)]
        if len(alike) == 1:
            return alike[0]
        what = " ".join(part for part in (wanted.name, wanted.number, "of", wanted.set_name or wanted.set_code) if part)
        if alike:
            raise LookupError(f"{what} may be {' or '.join(card.card_id for card in alike)}")
        if found:
            raise LookupError(f"{what} is called {found[0].name} here")
        raise LookupError(f"no card {what} is known")


def _number(card: Card) -> str:
    return folded(short_number(card.number))


def _same_name(ours: str, theirs: str) -> bool:
    """Whether a name is meant; other tools add to it (`Pikachu - 025/165`)."""
    return folded(ours) in folded(theirs) or not theirs
