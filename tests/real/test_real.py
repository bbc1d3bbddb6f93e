"""The main job on real input: photos and a video that nobody rendered, against a catalogue of real card pictures."""

from pathlib import Path

import pytest

from actors.backends import DEFAULT_MODEL as MODEL
from actors.backends import open_backend
from actors.backends.detector import open_detector
from actors.sections import EmbedderConfig
from actors.still import Identifier
from bench.real import build_catalogue, photos, video
from catalog.decide import Thresholds
from catalog.match import Matcher
from catalog.model_card import read_card
from catalog.store import Catalogue

SHARED = Path(__file__).resolve().parents[3] / "shared"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (SHARED / "real").is_dir(), reason="the folder of real pictures is not beside the checkout"),
    pytest.mark.xdist_group("real"),  # one worker builds the catalogue, once
]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_catalogue(SHARED, tmp_path_factory.mktemp("real"), MODEL)


def test_the_video_gives_its_two_cards(catalog: Path) -> None:
    """Cards held in a hand and dealt away, through the real processes: each is confirmed, once, and nothing else."""
    seen = video(SHARED, catalog, MODEL)
    assert seen["confirmed"] == seen["expected"]
    assert seen["summary"]["unaccounted"] == 0
    assert not seen["summary"]["drops"]


def test_photos_are_named_or_left_unknown(catalog: Path) -> None:
    """No wrong card is ever confirmed, the enrolled ones are recognised, and most marked cards are found."""
    catalogue = Catalogue.load(catalog)
    card = read_card(MODEL)
    embedder = open_backend(EmbedderConfig(model=str(MODEL)))
    identifier = Identifier(open_detector(), embedder, Matcher(catalogue), card.thresholds if card else Thresholds())
    rows = photos(SHARED, identifier, set(catalogue.ids))
    assert [row for row in rows if row["wrong"]] == []
    by_file = {row["file"]: row for row in rows if row["expected"] not in ("unknown", "nothing")}
    assert by_file["26_arrokuda_photo.jpg"]["answer"] == "swsh4-41"
    marked = [row for row in rows if row["expected"] != "nothing"]
    found = [row for row in marked if row["status"] != "-"]
    assert len(found) >= 0.8 * len(marked)
