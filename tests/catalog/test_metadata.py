"""Reading card data."""

import gzip
import json
from pathlib import Path

import pytest

from catalog.metadata import MetadataError, read_metadata

HEAD = "file,id,name,set,number\n"
CARD = {"id": "sv1-1", "name": "Pineco", "number": "1", "rarity": "Common", "supertype": "Pokémon"}


def test_a_csv_names_pictures_below_the_image_folder_and_beside_itself(tmp_path):
    """Prevents a catalogue of unnamed cards when only a part of the CSV's folder is built."""
    (tmp_path / "cards.csv").write_text(HEAD + "sv1/a.jpg,sv1-1,Pineco,sv1,1\n")
    known = read_metadata([tmp_path / "cards.csv"], tmp_path / "sv1")
    assert known.pictures[(tmp_path / "sv1" / "a.jpg").resolve()] == "sv1-1"
    assert known.cards["sv1-1"].name == "Pineco"


def test_columns_that_nobody_asked_for_are_ignored(tmp_path):
    """Prevents a refusal of CSV files that carry more than the catalogue needs."""
    (tmp_path / "c.csv").write_text("group,number,id,file,set,name\nx,7,a-7,a.jpg,a,Ditto\n")
    assert read_metadata([tmp_path / "c.csv"], tmp_path).cards["a-7"].number == "7"


def test_json_gives_the_set_name_from_the_sets_file(tmp_path):
    """Prevents `sv3pt5` where a person expects `151`, for plain files and for .gz."""
    (tmp_path / "sets.json.gz").write_bytes(gzip.compress(json.dumps([{"id": "sv1", "name": "Scarlet"}]).encode()))
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "sv1.json.gz").write_bytes(gzip.compress(json.dumps([CARD]).encode()))
    for source in (tmp_path, tmp_path / "cards", tmp_path / "cards" / "sv1.json.gz"):
        card = read_metadata([source], tmp_path).cards["sv1-1"]
        assert (card.name, card.set, card.set_name, card.rarity) == ("Pineco", "sv1", "Scarlet", "Common")


def test_json_gives_what_a_deck_list_needs(tmp_path):
    """Prevents deck lists with the ids of sets, which the game does not know."""
    (tmp_path / "sets.json").write_text(json.dumps([{"id": "sv1", "name": "Scarlet", "ptcgoCode": "SVI"}]))
    (tmp_path / "sv1.json").write_text(json.dumps([CARD | {"supertype": "Pokémon"}]))
    card = read_metadata([tmp_path], tmp_path).cards["sv1-1"]
    assert (card.set_code, card.supertype) == ("SVI", "Pokémon")


def test_a_card_that_carries_its_set_needs_no_sets_file(tmp_path):
    """Prevents the loss of the set's name with cards as the web interface returns them."""
    (tmp_path / "c.json").write_text(json.dumps([CARD | {"set": {"id": "sv1", "name": "Scarlet & Violet"}}]))
    assert read_metadata([tmp_path / "c.json"], tmp_path).cards["sv1-1"].set_name == "Scarlet & Violet"


def test_a_later_source_fills_in_and_does_not_overrule(tmp_path):
    """Prevents that the general card data undo a correction that was made in one's own CSV."""
    (tmp_path / "own.csv").write_text(HEAD + "a.jpg,sv1-1,Pineco (mine),sv1,1\n")
    (tmp_path / "c.json").write_text(json.dumps([CARD]))
    card = read_metadata([tmp_path / "own.csv", tmp_path / "c.json"], tmp_path).cards["sv1-1"]
    assert (card.name, card.rarity) == ("Pineco (mine)", "Common")


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("none.csv", None, "does not exist"),
        ("none.json", None, "does not exist"),
        ("a.csv", b"file,id\nx,y\n", "name, set, number"),
        ("b.csv", (HEAD + "x.jpg,,Ditto,a,1\n").encode(), "line 2"),
        ("c.csv", (HEAD + "x.jpg,a-1,Mr. Mime, Jr.,a,1\n").encode(), "line 2"),
        ("d.csv", (HEAD + "x.jpg,a-1,A,a,1\nx.jpg,a-2,B,a,2\n").encode(), "line 3"),
        ("e.csv", b"\xff\xfe\x00\x01", "UTF-8"),
        ("f.csv", b"", "file, id"),
        ("a.json", b"{}", "list of cards"),
        ("b.json", b'[{"name": "no id"}]', "`id`"),
        ("c.json.gz", b"no gzip", "list of cards"),
        # Without a fixed time the bytes, and with them the name of the test, differ between workers.
        ("d.json.gz", gzip.compress(b"[]", mtime=0)[:-6], "list of cards"),
        ("notes.txt", b"hello", ".csv"),
    ],
)
def test_a_bad_source_is_named_with_the_reason(tmp_path, name, content, word):
    """Prevents a traceback, or an empty catalogue, for a typing error."""
    source = tmp_path / name
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(MetadataError, match="metadata") as caught:
        read_metadata([source], tmp_path)
    assert name in str(caught.value)
    assert word in str(caught.value)


def test_a_folder_without_json_is_an_error(tmp_path):
    """Prevents a silent catalogue of unnamed cards when the wrong folder is given."""
    with pytest.raises(MetadataError, match="holds no"):
        read_metadata([tmp_path], tmp_path)


@pytest.mark.shared
def test_the_whole_english_card_list_can_be_read():
    """Prevents a schema so strict that real data break it."""
    source = Path(__file__).parents[2].parent / "shared" / "metadata"
    if not source.is_dir():
        pytest.skip("the shared card data are not here")
    cards = read_metadata([source], source).cards
    assert len(cards) == 20_202
    assert (cards["sv3pt5-25"].set_name, cards["sv3pt5-25"].set_code) == ("151", "MEW")
    assert all(card.name and card.set_name and card.number for card in cards.values())
