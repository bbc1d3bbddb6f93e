"""A build over an existing catalogue embeds what is new, and ends where a build at one go would."""

import shutil

import msgspec
import numpy as np
import pytest

from catalog.build import build
from catalog.pictures import file_stem
from catalog.store import CONTENT, PICTURES, Catalogue, Printing, picture_file, read_manifest


class Counting:
    """An embedder that remembers how many pictures it was asked for."""

    def __init__(self, embedder):
        self.name, self.model_hash, self.dim = embedder.name, embedder.model_hash, embedder.dim
        self._embed, self.asked = embedder.embed, 0

    def embed(self, crops):
        self.asked += len(crops)
        return self._embed(crops)


@pytest.fixture
def counting(embedder):
    return Counting(embedder)


def content(folder):
    """Every byte but the manifest's; of that, all but the time."""
    manifest = msgspec.structs.replace(read_manifest(folder), created="")
    return {name: (folder / name).read_bytes() for name in (*CONTENT, PICTURES)}, manifest


def test_a_new_set_costs_its_own_pictures_and_gives_the_catalogue_of_one_go(
    images, folder, counting, picture, save_picture
):
    """Prevents hours of embedding for a new set, and a catalogue that depends on the order of downloads."""
    for number in range(3):
        save_picture(images / "a-set" / f"new-{number}.png", picture(40 + number))
    report = build(images, [images / "cards.csv"], folder, counting)
    assert (counting.asked, report.embedded, report.cards) == (3, 3, 11)
    at_one_go = folder.with_name("at-one-go")
    build(images, [images / "cards.csv"], at_one_go, counting)
    assert content(folder) == content(at_one_go)


def test_nothing_new_asks_the_engine_for_nothing_and_tells_the_progress(images, folder, counting):
    """Prevents that a daily run keeps an accelerator busy."""
    before = content(folder)
    assert build(images, [images / "cards.csv"], folder, counting).embedded == 0
    assert counting.asked == 0
    assert content(folder) == before


def test_names_that_change_cost_nothing(images, folder, counting):
    """Prevents that a corrected name is kept back by the reuse of a row."""
    (images / "cards.csv").write_text((images / "cards.csv").read_text().replace("Card 2", "Card Two"))
    assert build(images, [images / "cards.csv"], folder, counting).embedded == 0
    assert Catalogue.load(folder).cards["made-2"].name == "Card Two"


def test_a_picture_that_changed_is_embedded_again_and_one_that_is_gone_leaves(
    images, folder, counting, picture, save_picture
):
    """Prevents an embedding of a picture that is no longer there."""
    save_picture(images / "made-3.png", picture(77))
    (images / "made-5.png").unlink()
    report = build(images, [images / "cards.csv"], folder, counting)
    assert (report.embedded, report.cards) == (1, 7)
    catalogue = Catalogue.load(folder)
    assert "made-5" not in catalogue.ids
    at_one_go = folder.with_name("at-one-go")
    build(images, [images / "cards.csv"], at_one_go, counting)
    assert content(folder) == content(at_one_go)


def test_another_model_takes_nothing_over(images, folder, counting):
    """Prevents a catalogue whose rows come from two models."""
    counting.model_hash = "cd" * 32
    assert build(images, [images / "cards.csv"], folder, counting).embedded == 8


@pytest.mark.parametrize("harm", ["embeddings.npy", "hashes.npy", "pictures.npy", "manifest.json"])
def test_what_is_damaged_is_not_taken_over(images, folder, counting, harm):
    """Prevents that one bad byte is carried from build to build, and that a build stops for what it replaces."""
    path = folder / harm
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)
    assert build(images, [images / "cards.csv"], folder, counting).embedded == 8
    assert Catalogue.load(folder).manifest.cards == 8


def test_a_catalogue_of_before_is_still_read(folder):
    """Prevents that everybody has to build again for a file that only builds read."""
    (folder / PICTURES).unlink()
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    del manifest["files"][PICTURES], manifest["images"]
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    catalogue = Catalogue.load(folder)
    assert len(catalogue.ids) == 8
    assert catalogue.picture("made-1") is None


def test_the_picture_of_a_card_is_found_also_when_both_move_together(images, folder, tmp_path):
    """Prevents a collection without reference pictures once a folder is copied to another machine."""
    assert Catalogue.load(folder).picture("made-2").samefile(images / "made-2.png")
    shutil.copytree(tmp_path, tmp_path.with_name(f"{tmp_path.name}-moved"))
    moved = tmp_path.with_name(f"{tmp_path.name}-moved")
    catalogue = Catalogue.load(moved / folder.name)
    assert catalogue.picture("made-2").samefile(moved / "images" / "made-2.png")
    (moved / "images" / "made-2.png").unlink()
    assert catalogue.picture("made-2") is None
    with pytest.raises(KeyError):
        catalogue.picture("none")


@pytest.mark.parametrize("file", ["../secret.png", "/etc/passwd", "cards.csv", ""])
def test_no_other_file_passes_for_a_picture(folder, images, file):
    """Prevents that a catalogue from somebody else lets a page show this machine's files."""
    (images.parent / "secret.png").touch()
    card = Printing(name="x", file=file)
    assert picture_file(folder, read_manifest(folder), card) is None


def test_placeholders_are_left_out_with_a_list(images, folder, embedder, picture, save_picture):
    """Prevents that `image coming soon` becomes the answer to everything grey; a reprint under a longer name stays."""
    for number in (2, 3):
        save_picture(images / f"made-{number}.png", picture(99))
    save_picture(images / "made-5.png", np.full((358, 256, 3), 127, np.uint8) + (np.arange(358) > 99)[:, None, None])
    text = (images / "cards.csv").read_text().replace("made-7,Card 0", "made-7,Basic Card 0")
    (images / "cards.csv").write_text(text)
    report = build(images, [images / "cards.csv"], folder, embedder, drop_placeholders=True)
    assert report.placeholders == ("made-2", "made-3", "made-5")
    catalogue = Catalogue.load(folder)
    assert catalogue.ids == ("made-0", "made-1", "made-4", "made-6", "made-7")
    assert catalogue.manifest.groups == (("made-0", "made-7"),)
    assert build(images, [images / "cards.csv"], folder, embedder).placeholders == ()


@pytest.mark.parametrize(
    "card_id", ["ex10-?", "ex10-!", "sm7.5-1", "TG01/TG30", "..", "../../etc/passwd", "é-1", "a%20b"]
)
def test_any_id_is_a_file_name_and_back(tmp_path, embedder, picture, save_picture, card_id):
    """Prevents cards that no file can be named after, and ids that lead out of the folder."""
    images = tmp_path / "images"
    path = images / f"{file_stem(card_id)}.png"
    assert path.resolve().parent == images.resolve()
    save_picture(path, picture(1))
    (tmp_path / "cards.json").write_bytes(msgspec.json.encode([{"id": card_id, "name": "Unown"}]))
    build(images, [tmp_path / "cards.json"], tmp_path / "out", embedder)
    assert Catalogue.load(tmp_path / "out").cards[card_id].name == "Unown"
