"""Looking a catalogue over."""

import json

import numpy as np
import pytest

from catalog import store
from catalog.build import build
from catalog.index import VectorIndex
from catalog.store import Catalogue, ModelRef
from catalog.swap import replacing
from catalog.verify import verify


def rewrite(folder, **changes):
    """Write a catalogue again with some of its parts exchanged: consistent files with wrong content."""
    old = Catalogue.load(folder, mmap=False)
    parts = {
        "ids": old.ids,
        "cards": old.cards,
        "embeddings": np.array(old.embeddings),
        "hashes": old.hashes,
        "groups": old.manifest.groups,
        "model": ModelRef("ab" * 32, "tiny", 144),
    }
    store.write(folder, **(parts | changes), sources=[], created="")


def texts(folder, level):
    return [problem.text for problem in verify(folder) if problem.level == level]


def test_a_sound_catalogue_has_no_problems(folder, embedder):
    """Prevents false alarms, after which nobody reads the true ones."""
    assert verify(folder, embedder) == []


def test_another_model_is_a_problem(folder, embedder):
    """Prevents that the wrong model is found out only when every card is unknown."""
    embedder.model_hash = "cd" * 32
    assert "rebuild" in verify(folder, embedder)[0].text


@pytest.mark.parametrize("name", store.CONTENT)
def test_a_changed_byte_is_found_in_every_file(folder, name):
    """Prevents that a file of the same size with other content passes."""
    content = bytearray((folder / name).read_bytes())
    content[-2] ^= 1
    (folder / name).write_bytes(content)
    assert any(name in text for text in texts(folder, "error"))


def test_a_missing_file_or_folder_is_found(folder, tmp_path):
    """Prevents a traceback instead of a finding."""
    assert "no catalogue" in texts(tmp_path / "none", "error")[0]
    (folder / "hashes.npy").unlink()
    assert any("hashes.npy is missing" in text for text in texts(folder, "error"))


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 0.5])
def test_vectors_that_are_no_directions_are_found(folder, value):
    """Prevents rows that match everything or nothing."""
    vectors = np.array(Catalogue.load(folder).embeddings)
    vectors[2] = value
    rewrite(folder, embeddings=vectors)
    assert any("made-2" in text and "unit length" in text for text in texts(folder, "error"))


def test_an_index_that_misses_cards_is_found(folder):
    """Prevents a graph of other vectors, or one too sparse, behind right checksums."""
    VectorIndex.build(np.random.default_rng(0).normal(size=(8, 144)).astype(np.float32)).save(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    for name in ("usearch.index", "basis.npy", "vectors.npy"):
        reference = store.file_ref(folder / name)
        manifest["files"][name] = {"bytes": reference.bytes, "sha256": reference.sha256}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert any("misses the nearest card" in text for text in texts(folder, "error"))


def test_the_same_picture_outside_a_group_is_found(folder):
    """Prevents two cards that can never be told apart and are always uncertain."""
    rewrite(folder, groups=[])
    found = texts(folder, "warning")
    assert any("made-0, made-7: the same hash" in text for text in found)
    assert any("made-0, made-7: the same embedding" in text for text in found)


def test_placeholder_and_flat_pictures_are_found(images, folder, embedder, picture, save_picture):
    """Prevents false attractors: card backs, `image coming soon`, and empty pictures."""
    for number in (2, 3, 4):
        save_picture(images / f"made-{number}.png", picture(99))
    save_picture(images / "made-5.png", np.full((358, 256, 3), 127, np.uint8) + (np.arange(358) > 99)[:, None, None])
    build(images, [images / "cards.csv"], folder, embedder)
    found = texts(folder, "warning")
    assert any("one picture for 3 cards of 3 names (Card 2, Card 3, Card 4)" in text for text in found)
    assert any("made-5: the picture is flat" in text for text in found)


def test_a_model_that_tells_nothing_apart_is_found(folder):
    """Prevents trust in `99.8 % cosine` where every pair of cards has that."""
    vectors = np.array(Catalogue.load(folder).embeddings) + 1.0
    rewrite(folder, embeddings=vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    assert any("hardly tells cards apart" in text for text in texts(folder, "warning"))


def test_leftovers_of_an_interrupted_build_are_found(folder):
    """Prevents that a killed build fills the disk unseen."""
    (folder.parent / "catalogue.partial-1").mkdir()
    assert any("partial-1" in text for text in texts(folder, "warning"))
    with replacing(folder.with_name("other")):
        pass
    assert texts(folder, "error") == []
