"""Building a catalogue from pictures."""

import cv2
import numpy as np
import pytest

from catalog.build import build, read_crop
from catalog.embedding import EmbedTimeout
from catalog.metadata import MetadataError
from catalog.store import Catalogue, CatalogueError


def test_rows_ids_and_groups_belong_together(images, folder, embedder):
    """Prevents names that are shifted by a row, the worst failure because everything else looks right."""
    catalogue = Catalogue.load(folder)
    assert catalogue.ids == tuple(f"made-{n}" for n in range(8))
    assert [catalogue.cards[card_id].number for card_id in catalogue.ids] == [str(n) for n in range(8)]
    crop = read_crop(images / "made-3.png")
    vector = embedder.embed(crop[None])[0]
    assert catalogue.embeddings[3] @ vector / np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert catalogue.manifest.groups == (("made-0", "made-7"),)
    assert catalogue.groups.tolist() == [0, 1, 2, 3, 4, 5, 6, 0]
    assert (catalogue.manifest.model.name, catalogue.manifest.model.hash) == ("tiny", embedder.model_hash)


def test_the_report_counts_and_warns(images, tmp_path, embedder, picture, save_picture):
    """Prevents that broken or nameless pictures vanish without a word."""
    save_picture(images / "promo.jpg", picture(50))
    (images / "broken.jpg").write_bytes(b"not a picture")
    (images / "empty.png").write_bytes(b"")
    steps = []
    report = build(images, [images / "cards.csv"], tmp_path / "out", embedder, lambda *step: steps.append(step))
    assert (report.cards, report.groups, report.grouped_cards, report.unnamed) == (9, 1, 2, 1)
    assert [name.rpartition("/")[2] for name in report.unreadable] == ["broken.jpg", "empty.png"]
    assert any("promo.jpg" in warning for warning in report.warnings)
    assert any("broken.jpg" in warning for warning in report.warnings)
    assert steps[-1] == (11, 11)
    assert Catalogue.load(tmp_path / "out").cards["promo"].name == "promo"


def test_pictures_in_any_form_become_canonical_crops(tmp_path, picture):
    """Prevents that a reference is embedded in other colours or another size than a query."""
    card = picture(1)
    grey = cv2.cvtColor(card, cv2.COLOR_RGB2GRAY)
    alpha = np.dstack([card[..., ::-1], np.full(card.shape[:2], 255, np.uint8)])
    large = cv2.resize(card[..., ::-1], (734, 1024), interpolation=cv2.INTER_CUBIC)
    for name, pixels in (("grey.png", grey), ("alpha.png", alpha), ("large.png", large), ("ümlaut 1.png", grey)):
        (tmp_path / name).write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
        crop = read_crop(tmp_path / name)
        assert crop.shape == (358, 256, 3)
        assert crop.dtype == np.uint8
    assert np.array_equal(read_crop(tmp_path / "alpha.png"), card)
    assert np.abs(read_crop(tmp_path / "large.png").astype(int) - card).mean() < 3


def test_one_card_with_two_pictures_names_both_files(images, tmp_path, embedder, picture, save_picture):
    """Prevents that one of two contradicting pictures is chosen by chance."""
    save_picture(images / "more" / "made-2.png", picture(60))
    with pytest.raises(MetadataError, match=r"made-2.*made-2\.png.*more/made-2\.png"):
        build(images, [], tmp_path / "out", embedder)


def test_the_same_file_twice_is_one_card(images, tmp_path, embedder):
    """Prevents an error for a copy that changes nothing."""
    (images / "zcopy").mkdir()
    (images / "zcopy" / "made-2.png").write_bytes((images / "made-2.png").read_bytes())
    report = build(images, [], tmp_path / "out", embedder)
    assert report.cards == 8
    assert any("zcopy/made-2.png" in warning for warning in report.warnings)


def test_nothing_to_build_from_is_an_error(tmp_path, embedder):
    """Prevents an empty catalogue that answers nothing."""
    with pytest.raises(MetadataError, match="does not exist"):
        build(tmp_path / "no", [], tmp_path / "out", embedder)
    (tmp_path / "bare").mkdir()
    with pytest.raises(MetadataError, match="no picture"):
        build(tmp_path / "bare", [], tmp_path / "out", embedder)
    (tmp_path / "bare" / "a.png").write_bytes(b"x")
    with pytest.raises(MetadataError, match="can be read"):
        build(tmp_path / "bare", [], tmp_path / "out", embedder)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_catalogue_is_not_overwritten(images, tmp_path, embedder):
    """Prevents that a slip of the tongue replaces somebody's pictures."""
    with pytest.raises(CatalogueError, match="no catalogue"):
        build(images, [], images, embedder)
    assert (images / "made-0.png").exists()


def test_an_engine_that_fails_leaves_the_old_catalogue(images, folder, embedder, picture, save_picture):
    """Prevents a half-written catalogue after a timeout, and leftovers beside it."""
    save_picture(images / "new.png", picture(70))
    before = Catalogue.load(folder).manifest

    def fail(crops):
        raise EmbedTimeout("no answer")

    embedder.embed = fail
    with pytest.raises(EmbedTimeout):
        build(images, [], folder, embedder)
    assert Catalogue.load(folder).manifest == before
    assert [path.name for path in sorted(folder.parent.iterdir())] == ["catalogue", "images"]


def test_a_picture_without_a_direction_is_named(images, tmp_path, embedder, save_picture):
    """Prevents `no direction` without a hint which of 20,000 pictures is the empty one."""
    save_picture(images / "made-5.png", np.full((358, 256, 3), 200, np.uint8))
    with pytest.raises(MetadataError, match=r"made-5\.png: .*no direction"):
        build(images, [], tmp_path / "out", embedder)
