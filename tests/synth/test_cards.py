from __future__ import annotations

import csv
import dataclasses

import cv2
import numpy as np
import pytest

from synth.cards import CardSpec, card, deck, draw, write


def _thumbnail(picture: np.ndarray) -> np.ndarray:
    """A unit vector of the card in 16 x 22 grey cells."""
    grey = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (16, 22), interpolation=cv2.INTER_AREA)
    cells = grey.ravel().astype(np.float64)
    cells -= cells.mean()
    return cells / np.linalg.norm(cells)


def _origin(spec: CardSpec) -> int:
    return spec.seed if spec.reprint_of is None else spec.reprint_of


def test_a_card_is_the_same_bytes_each_time():
    """A catalogue built today would not know the cards drawn tomorrow."""
    spec = card(17)
    assert card(17) == spec
    assert np.array_equal(draw(spec), draw(spec))


def test_a_card_has_the_size_and_corners_of_the_real_sources():
    """A black or clipped corner would be a mark that no real reference has."""
    picture = draw(card(3))
    assert picture.shape == (358, 256, 3)
    assert picture.dtype == np.uint8
    assert (picture[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()
    assert (picture[179, 3] != 255).any()


def test_cards_of_a_deck_do_not_look_alike():
    """Look-alike cards would make every accuracy measured on them meaningless."""
    specs = deck(200)
    rows = np.stack([_thumbnail(draw(spec)) for spec in specs])
    origins = np.array([_origin(spec) for spec in specs])
    alike = np.where(np.equal.outer(origins, origins), -1.0, rows @ rows.T)
    assert alike.max() < 0.95


def test_a_deck_has_reprints_that_share_name_and_art_but_not_the_frame():
    """Near twins are what tells a printing from a card; without them that path is never tried."""
    specs = deck(200)
    reprints = [spec for spec in specs if spec.reprint_of is not None]
    assert 4 <= len(reprints) <= 20
    originals = {spec.seed: spec for spec in specs}
    for spec in reprints:
        first = originals[spec.reprint_of]
        assert spec.name == first.name
        assert spec.set_id != first.set_id
        assert not np.array_equal(draw(spec), draw(first))


def test_ids_are_unique_and_sets_several():
    """Two cards of one id would overwrite each other's picture."""
    specs = deck(130, seed=4)
    assert len({spec.id for spec in specs}) == 130
    assert len({spec.set_id for spec in specs}) >= 3
    assert len({card(seed).id for seed in range(500)}) == 500


def test_decks_of_other_seeds_share_no_card():
    """Cards held out for the unknown-card test must not be in the catalogue."""
    assert not {spec.seed for spec in deck(50, 0)} & {spec.seed for spec in deck(50, 1)}


def test_a_spec_cannot_be_changed():
    """A spec is a key of caches."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        card(1).seed = 2  # type: ignore[misc]


def test_write_leaves_what_a_catalogue_is_built_from(tmp_path):
    """`catalog build --metadata` reads these columns and these files."""
    write(tmp_path, 5, seed=2)
    with (tmp_path / "cards.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["file", "id", "name", "set", "number"]
    assert [row["id"] for row in rows] == [spec.id for spec in deck(5, 2)]
    for row in rows:
        assert cv2.imread(str(tmp_path / row["file"])).shape == (358, 256, 3)


@pytest.mark.parametrize("call", [lambda: card(-1), lambda: deck(0), lambda: deck(5, -1)])
def test_impossible_numbers_are_refused(call):
    """A negative seed would fail deep inside the random generator, with no word about the cause."""
    with pytest.raises(ValueError, match=r"seed|deck"):
        call()
