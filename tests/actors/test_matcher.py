"""matcher: the right card for the right crop, from the catalogue that is there now, and an answer for everybody."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from actor_fakes import PixelEmbedder, mosaic

from actors.config import Config, updated
from actors.matcher import CardMatcher
from bus.actor import ROUND_S
from bus.fake import FakeBus
from bus.messages import Embedding, Embeddings, Match, Matches
from bus.topics import EMBEDDINGS
from catalog.build import build
from catalog.embedding import normalise
from catalog.store import CatalogueError
from vision.phash import perceptual_hashes
from vision.rectify import Image, half_turn

CARDS = 6


def card(seed: int) -> Image:
    return mosaic(seed, 358, 256, tiles=6)


class Rig:
    """A matcher on a fake bus, a model file, and a catalogue that was built with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = folder / "model.onnx"
        self.model.write_bytes(b"the weights")
        self.embedder = PixelEmbedder(hashlib.sha256(b"the weights").hexdigest())
        self.catalog = folder / "catalogue"
        self.build(range(CARDS))
        self.bus = FakeBus()
        config = updated(Config(), "embedder", model=str(self.model))
        self.matcher = CardMatcher(self.bus, updated(config, "matcher", catalog=str(self.catalog), reload_s=1.0))

    def build(self, seeds: range, embedder: PixelEmbedder | None = None) -> None:
        pictures = self.folder / f"pictures-{seeds.start}"
        pictures.mkdir(exist_ok=True)
        for seed in seeds:
            cv2.imwrite(str(pictures / f"card-{seed}.png"), cv2.cvtColor(card(seed), cv2.COLOR_RGB2BGR))
        build(pictures, [], self.catalog, embedder or self.embedder)

    def ask(self, items: list[Embedding], readings: list[Image], model: str | None = None) -> list[Match]:
        """The answers to items whose readings, in order, look like this."""
        crops = np.stack(readings) if readings else np.empty((0, 358, 256, 3), np.uint8)
        vectors = normalise(self.embedder.embed(crops)) if readings else np.empty((0, 192), np.float32)
        return self.send(items, [vectors.tobytes(), perceptual_hashes(crops).tobytes()], model)

    def send(self, items: list[Embedding], blobs: list[bytes], model: str | None = None) -> list[Match]:
        name = model or self.embedder.model_hash
        message = Embeddings(stream="s1", frame=9, t_ns=90, model=name, dim=192, items=items)
        self.bus.feed(self.matcher, EMBEDDINGS, message, blobs)
        (answer,) = self.bus.take(Matches)
        assert (answer.stream, answer.frame, answer.t_ns) == ("s1", 9, 90)
        assert [hop.stage for hop in answer.trace] == ["match"]
        return answer.matches

    def look(self, ms: float = 1001) -> None:
        """Let the matcher look for a rebuilt catalogue."""
        self.bus.clock.advance(ms)
        self.matcher.step()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    rig.matcher.start()
    yield rig


def test_a_card_is_named(rig: Rig) -> None:
    """The plainest case, with everything that a sink shows of it."""
    (match,) = rig.ask([Embedding(5, 8, [0])], [card(3)])
    assert (match.track, match.frame, match.decision, match.turn) == (5, 8, "confirmed", 0)
    assert match.candidates[0].card_id == "card-3"
    assert match.group == ["card-3"]
    assert match.distance == pytest.approx(0, abs=1e-3)
    assert match.gap > 0.3
    assert len(match.candidates) == 5
    assert rig.bus.counts["matches"] == 1


def test_upside_down_is_found_by_the_other_reading(rig: Rig) -> None:
    """Half of all cards lie that way; the smoother turns the quad by what is said here."""
    (match,) = rig.ask([Embedding(1, 9, [0, 2])], [half_turn(card(2)), card(2)])
    assert (match.candidates[0].card_id, match.turn, match.decision) == ("card-2", 2, "confirmed")


def test_items_with_different_readings_keep_their_places(rig: Rig) -> None:
    """New cards come with two readings, known ones with one: mixed up, every card of a page gets a wrong name."""
    items = [Embedding(1, 9, [0, 2]), Embedding(2, 9, [2]), Embedding(3, 9, [0, 2]), Embedding(4, 9, [0])]
    readings = [card(0), half_turn(card(0)), card(1), half_turn(card(4)), card(4), card(5)]
    found = rig.ask(items, readings)
    assert [(match.track, match.candidates[0].card_id, match.turn) for match in found] == [
        (1, "card-0", 0),
        (2, "card-1", 2),
        (3, "card-4", 2),
        (4, "card-5", 0),
    ]


def test_failures_are_passed_on_beside_answers(rig: Rig) -> None:
    """A failed crop has no rows: counted as if it had, the rows of all others would shift."""
    items = [Embedding(1, 9, [0, 2], "timed out"), Embedding(2, 9, [0]), Embedding(3, 9, [0], "timed out")]
    found = rig.ask(items, [card(1)])
    assert [match.error for match in found] == ["timed out", None, "timed out"]
    assert found[1].candidates[0].card_id == "card-1"
    assert found[0].candidates == []


def test_a_stranger_is_unknown(rig: Rig) -> None:
    """A card that the catalogue does not hold must not be named after its nearest neighbour."""
    (match,) = rig.ask([Embedding(1, 9, [0, 2])], [card(1000), half_turn(card(1000))])
    assert match.decision == "unknown"
    assert match.candidates


def test_another_model_is_refused_with_a_sentence(rig: Rig) -> None:
    """Distances between two models mean nothing. Everybody is answered, or the smoother would wait."""
    items = [Embedding(1, 9, [0]), Embedding(2, 9, [0], "timed out")]
    found = rig.ask(items, [card(1)], model="cd" * 32)
    assert (
        found[0].error == f"embedded by model {'cd' * 6}, the catalogue was built with {rig.embedder.model_hash[:12]}"
    )
    assert found[1].error == "timed out"
    assert rig.bus.drops == {"wrong_model": 1}


@pytest.mark.parametrize(
    "blobs",
    [
        [],
        [bytes(192 * 4)],
        [bytes(192 * 4 - 1), bytes(64)],
        [bytes(2 * 192 * 4), bytes(2 * 64)],
        [bytes(192 * 4), bytes(2 * 64)],
        [b"", b""],
        [np.full(192, np.nan, np.float32).tobytes(), bytes(64)],
        [bytes(192 * 4), bytes(64)],
    ],
    ids=["none", "no hashes", "odd", "too many", "uneven", "empty", "not finite", "zeros"],
)
def test_rows_that_do_not_fit_are_a_failure(rig: Rig, blobs: list[bytes]) -> None:
    """A damaged message must end neither the process nor in a card."""
    (match,) = rig.send([Embedding(1, 9, [0])], blobs)
    assert match.error
    assert match.candidates == []
    assert rig.bus.drops == {"malformed": 1}


def test_an_item_without_a_reading_is_a_failure(rig: Rig) -> None:
    """There is nothing to search for."""
    (match,) = rig.send([Embedding(1, 9, [])], [b"", b""])
    assert match.error
    assert rig.bus.drops == {"malformed": 1}


def test_a_rebuilt_catalogue_is_taken_over(rig: Rig) -> None:
    """A new set comes out: nobody should have to restart a running system for it."""
    before = rig.ask([Embedding(1, 9, [0])], [card(11)])
    rig.build(range(10, 14))
    rig.look()
    (match,) = rig.ask([Embedding(1, 9, [0])], [card(11)])
    assert before[0].decision == "unknown"
    assert (match.decision, match.candidates[0].card_id) == ("confirmed", "card-11")
    assert rig.matcher.detail.startswith("4 cards")
    assert rig.bus.announced == [rig.matcher.start_deadline_s, ROUND_S], "a million cards take seconds, once"


@pytest.mark.parametrize("how", ["another model", "half written", "gone"])
def test_a_catalogue_that_does_not_fit_leaves_the_old_one_in_use(rig: Rig, how: str) -> None:
    """A mistake in the back office must not stop the camera; that it was refused is counted and logged."""
    if how == "another model":
        rig.build(range(10, 14), PixelEmbedder("cd" * 32))
    elif how == "half written":
        rig.build(range(10, 14))
        (rig.catalog / "usearch.index").write_bytes(b"half")
    else:
        rig.catalog.rename(rig.folder / "away")
    rig.look()
    (match,) = rig.ask([Embedding(1, 9, [0])], [card(3)])
    assert match.candidates[0].card_id == "card-3"
    assert rig.bus.announced[-1:] in ([], [ROUND_S]), "it no longer may take as long as a start"
    assert rig.bus.counts["reload_refused"] == (how != "gone")
    rig.look(2_000)
    assert rig.bus.counts["reload_refused"] == (how != "gone"), "a refused one is not read again every second"
    rig.build(range(20, 24))
    rig.look(12_000)
    assert rig.ask([Embedding(1, 9, [0])], [card(22)])[0].candidates[0].card_id == "card-22"


def test_a_catalogue_of_another_model_is_refused_at_the_start(rig: Rig) -> None:
    """The commonest mistake after a change of model: one sentence that says what to do."""
    rig.build(range(4), PixelEmbedder("cd" * 32))
    with pytest.raises(CatalogueError, match=r"was built with model .*cdcd.*rebuild the catalogue"):
        rig.matcher.start()


def test_no_catalogue_is_refused_at_the_start() -> None:
    """The first thing that everybody forgets."""
    with pytest.raises(CatalogueError, match=r"pass --catalog DIR or set \[matcher\] catalog"):
        CardMatcher(FakeBus(), Config()).start()


def test_a_missing_model_is_refused_at_the_start(rig: Rig) -> None:
    """The matcher reads the model's checksum: a missing file is named, with what to do."""
    rig.model.unlink()
    with pytest.raises(ValueError, match=r"model .*model.onnx cannot be read .*give the path of an .onnx file"):
        rig.matcher.start()


def test_the_thresholds_come_with_the_model(rig: Rig) -> None:
    """Every model has distances of its own: what the model card says counts, not the defaults."""
    card_of_model = '{"name": "m", "dim": 192, "licence": "MIT", "thresholds": {"excellent": 0, "fair": 0, "poor": 0}}'
    rig.model.with_suffix(".json").write_text(card_of_model)
    rig.matcher.start()
    assert rig.ask([Embedding(1, 9, [0])], [card(3)])[0].decision == "unknown"
