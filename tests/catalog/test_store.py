"""The catalogue folder: whole or not at all, refused when it does not fit, replaced while it is in use."""

import json
import os

import numpy as np
import pytest

from catalog import store
from catalog.build import build
from catalog.store import Catalogue, CatalogueError, check_model
from catalog.swap import replacing


def test_every_file_of_the_format_is_there(folder):
    """Prevents that a reader in another language misses a file that docs/catalog.md promises."""
    names = {path.name for path in folder.iterdir()}
    rows = {"embeddings.npy", "hashes.npy", "pictures.npy"}
    index = {"usearch.index", "basis.npy", "vectors.npy"}
    assert names == {*rows, *index, "index.json", "metadata.json", "manifest.json"}
    ids = json.loads((folder / "index.json").read_text())
    cards = json.loads((folder / "metadata.json").read_text())
    manifest = json.loads((folder / "manifest.json").read_text())
    assert cards[ids[3]] == {"name": "Card 3", "set": "made", "number": "3", "file": "made-3.png"}
    assert manifest["cards"] == 8
    assert manifest["groups"] == [["made-0", "made-7"]]
    assert manifest["model"] == {"hash": "ab" * 32, "name": "tiny", "dim": 144}
    assert set(manifest["files"]) == names - {"manifest.json"}


@pytest.mark.parametrize("mmap", [True, False])
def test_both_ways_of_loading_hold_the_same(folder, mmap):
    """Prevents that results depend on how the files are read."""
    catalogue = Catalogue.load(folder, mmap=mmap)
    assert np.array_equal(catalogue.embeddings, np.load(folder / "embeddings.npy"))
    rows, cosines = catalogue.index.search(np.asarray(catalogue.embeddings[2:3]), 1)
    assert rows.tolist() == [[2]]
    assert cosines[0, 0] == pytest.approx(1, abs=1e-3)


def test_no_catalogue_says_how_to_build_one(tmp_path):
    """Prevents a FileNotFoundError from the depth of numpy."""
    with pytest.raises(CatalogueError, match="catalog build"):
        Catalogue.load(tmp_path / "none")


@pytest.mark.parametrize("name", [*store.CONTENT, store.MANIFEST])
@pytest.mark.parametrize("harm", ["missing", "cut", "garbage"])
def test_a_damaged_file_is_named(folder, name, harm):
    """Prevents wrong answers, or a crash in native code, from a folder that was copied in part."""
    path = folder / name
    content = path.read_bytes()
    if harm == "missing":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(b"\x80" * len(content))
    with pytest.raises(CatalogueError, match=name if harm != "missing" or name != store.MANIFEST else "no catalogue"):
        Catalogue.load(folder)


def test_pickles_are_never_loaded(folder):
    """Prevents that a downloaded catalogue runs code: numpy files may hold pickles."""
    trap = np.empty((8, 64), object)
    np.save(folder / "hashes.npy", trap, allow_pickle=True)
    _forge(folder, "hashes.npy")
    with pytest.raises(CatalogueError, match=r"hashes\.npy"):
        Catalogue.load(folder)


def test_rows_that_do_not_fit_are_refused(folder):
    """Prevents that ids of one build name the rows of another."""
    ids = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps(ids[:-1] + ids[:1]))
    _forge(folder, "index.json")
    with pytest.raises(CatalogueError, match=r"index\.json"):
        Catalogue.load(folder)


def test_an_index_of_other_rows_is_refused(folder, tmp_path):
    """Prevents answers with row numbers beyond the catalogue."""
    store.VectorIndex.build(np.eye(144, dtype=np.float32)[:5]).save(tmp_path)
    (tmp_path / "usearch.index").replace(folder / "usearch.index")
    _forge(folder, "usearch.index")
    with pytest.raises(CatalogueError, match=r"usearch\.index.*5 x 128"):
        Catalogue.load(folder)


def test_another_format_is_refused(folder):
    """Prevents that a newer program's folder is half understood."""
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": 99}))
    with pytest.raises(CatalogueError, match=r"format 99.*rebuild"):
        Catalogue.load(folder)


def test_another_model_is_refused_with_the_remedy(folder):
    """Prevents searches among vectors that mean something else: every distance would be noise."""
    catalogue = Catalogue.load(folder)
    check_model(catalogue, "ab" * 32)
    with pytest.raises(CatalogueError, match=r"tiny.*rebuild"):
        check_model(catalogue, "cd" * 32)


def test_a_rebuild_is_noticed_and_does_not_disturb_the_loaded_one(images, folder, embedder):
    """Prevents a restart of the matcher for a new set, and a crash of the one that still holds the old files."""
    old = Catalogue.load(folder)
    assert not old.changed_on_disk()
    (images / "made-6.png").unlink()
    build(images, [images / "cards.csv"], folder, embedder)
    assert old.changed_on_disk()
    new = Catalogue.load(folder)
    assert (len(old.ids), len(new.ids)) == (8, 7)
    assert old.index.search(np.array(old.embeddings[6:7]), 1)[0].tolist() == [[6]]
    folder.rename(folder.with_name("away"))
    assert not new.changed_on_disk()


def test_an_interrupted_build_leaves_nothing_that_can_be_loaded(folder):
    """Prevents that a build that was killed, or ran out of disk, is taken for a catalogue."""
    with pytest.raises(KeyboardInterrupt), replacing(folder) as partial:
        (partial / "index.json").write_text("[]")
        raise KeyboardInterrupt
    assert len(Catalogue.load(folder).ids) == 8
    assert sorted(path.name for path in folder.parent.iterdir()) == ["catalogue", "images"]
    folder.rename(folder.with_name(f"catalogue.old-{os.getpid()}"))
    with pytest.raises(CatalogueError, match=r"interrupted build left catalogue\.old"):
        Catalogue.load(folder)


def _forge(folder, name):
    """Make the manifest agree with a changed file, so that only the file's content can give it away."""
    manifest = json.loads((folder / "manifest.json").read_text())
    reference = store.file_ref(folder / name)
    manifest["files"][name] = {"bytes": reference.bytes, "sha256": reference.sha256}
    (folder / "manifest.json").write_text(json.dumps(manifest))
