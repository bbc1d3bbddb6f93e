"""Grading: absent cards are absent, a wrong answer is no true accept, and the page says what the report says."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from actors.backends.onnx import OnnxEmbedder
from bench.accuracy.calibrate import Calibrated, thresholds_for
from bench.accuracy.calibrate import write as write_thresholds
from bench.accuracy.conditions import CONDITIONS, UPSIDE_DOWN
from bench.accuracy.gate import Grade, grade
from bench.accuracy.measure import Graded, Truth, chosen, false_accepts, make_queries, read_truth, strangers, without
from bench.accuracy.page import MARK, write_page
from bench.accuracy.rankers import Answer, ranked
from bench.accuracy.run import ALL, Report, accuracy, text
from bench.turns import table, verdicts
from catalog.build import build
from catalog.decide import Thresholds, decide
from catalog.match import Matcher
from catalog.store import Catalogue
from cli.main import main
from synth.cards import card, deck, draw, write

MODEL = Path(__file__).parents[2] / "models" / "embedder.onnx"


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cards")
    write(folder, 40)
    lines = [f"{spec.id},{spec.set_id},{spec.id},{spec.id}" for spec in deck(40)]
    (folder / "labels.csv").write_text("\n".join(["id,set,group,artwork", *lines]) + "\n")
    return folder


@pytest.fixture(scope="module")
def catalogue(cards: Path, tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    out = tmp_path_factory.mktemp("catalogue") / "c"
    build(cards, [cards / "cards.csv"], out, OnnxEmbedder(MODEL))
    return Catalogue.load(out)


@pytest.fixture(scope="module")
def report(catalogue: Catalogue, cards: Path) -> Report:
    first = read_truth(catalogue, cards / "labels.csv").sets[0]
    return accuracy(catalogue, cards, cards / "labels.csv", MODEL, sets=(first,), every=4)


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_is_a_crop_and_can_be_made_again(name: str) -> None:
    """Two models must be graded on the same crops."""
    crop = draw(card(3))
    seen = CONDITIONS[name](crop, np.random.default_rng(5))
    assert seen.shape == crop.shape
    assert seen.dtype == np.uint8
    assert np.array_equal(seen, CONDITIONS[name](crop, np.random.default_rng(5)))
    assert name == "clean" or not np.array_equal(seen, crop)


def test_every_rival_is_graded_under_every_condition(report: Report) -> None:
    """A row that is missing is not missed in a long table."""
    rankers = {row.ranker for row in report.rows}
    assert len(rankers) == 4
    assert {(row.condition, row.ranker) for row in report.rows} == {(c, r) for c in [*CONDITIONS, ALL] for r in rankers}
    clean = [row for row in report.rows if row.condition == "clean"]
    assert all(row.printing == (100.0, 100.0, 100.0) for row in clean)
    assert all(first <= third <= fifth for row in report.rows for first, third, fifth in (row.printing, row.card))
    assert all(name in text(report) for name in [*rankers, *CONDITIONS])


def test_the_page_says_what_the_report_says(report: Report, tmp_path: Path) -> None:
    """Numbers in the docs are printed by a command, and what people wrote around them stays."""
    page = tmp_path / "accuracy.md"
    page.write_text(f"# Before\n<!-- {MARK}: begin -->\nold numbers\n<!-- {MARK}: end -->\nafter\n")
    write_page(report, page)
    said = page.read_text()
    assert said.startswith("# Before\n")
    assert said.endswith("\nafter\n")
    assert "old numbers" not in said
    for row in report.rows:
        assert f"{row.printing[0]:.1f} ({row.accepts['gap']:.1f})" in said
    assert (tmp_path / "images" / "accuracy.png").stat().st_size > 10_000
    page.write_text("no marks")
    with pytest.raises(ValueError, match="no lines <!-- measured: begin"):
        write_page(report, page)


def test_absent_cards_take_their_artwork_with_them(catalogue: Catalogue, cards: Path) -> None:
    """The same artwork in another frame is no stranger."""
    truth = read_truth(catalogue, cards / "labels.csv")
    shared = replace_card(truth, 3, truth.card[0])
    rest = strangers(catalogue, shared, [0])
    assert catalogue.ids[0] not in rest.ids
    assert catalogue.ids[3] not in rest.ids
    assert len(rest.ids) == len(catalogue.ids) - 2
    assert rest.embeddings.shape[0] == rest.hashes.shape[0] == len(rest.groups) == len(rest.ids)
    assert catalogue.ids[1] not in without(catalogue, np.arange(len(catalogue.ids)) == 1).ids


def replace_card(truth: Truth, row: int, card_name: str) -> Truth:
    names = list(truth.card)
    names[row] = card_name
    return Truth(truth.printing, tuple(names), truth.sets)


def test_calibration_and_grading_take_different_cards() -> None:
    """Thresholds that are graded on the cards they were chosen for are always good."""
    truth = Truth(*(tuple(str(n) for n in range(20)),) * 2, ("a",) * 12 + ("b",) * 8)
    one, other = chosen(truth, ["a"], 2, 0), chosen(truth, ["a"], 2, 1)
    assert not set(one) & set(other)
    assert sorted(one + other) == list(range(12))
    with pytest.raises(ValueError, match="no card of the set c"):
        chosen(truth, ["a", "c"], 2)


def test_labels_of_another_catalogue_are_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    """A card without a label would silently be a class of its own."""
    labels = tmp_path / "labels.csv"
    labels.write_text(f"id,set\n{catalogue.ids[0]},a\n")
    with pytest.raises(ValueError, match=f"does not list {catalogue.ids[1]}"):
        read_truth(catalogue, labels)


def answers(gaps: list[float], nearness: float = 0.9) -> list[Answer]:
    return [Answer((0,), gap, gap, nearness) for gap in gaps]


def test_a_wrong_answer_is_no_true_accept() -> None:
    """Sure and wrong would otherwise raise the threshold that it belongs below."""
    present = answers([float(n) for n in range(1, 21)])
    absent = answers([0.5, 1.5, 2.5, 30.0])
    right = np.ones(20, bool)
    assert false_accepts([Graded(present, right, absent)], "gap") == 50.0  # from 2 on: 2.5 and 30
    right[-3:] = False  # now less than 95 % can be accepted at all
    assert false_accepts([Graded(present, right, absent)], "gap") == 100.0


def test_the_gap_is_to_another_picture() -> None:
    """A reprint that scores the same is no rival."""
    scores, groups = np.array([0.1, 0.9, 0.88, 0.5], np.float32), np.array([0, 1, 1, 2], np.int32)
    answer = ranked(scores, groups)
    assert answer.rows == (1, 2, 3, 0)
    assert answer.gap == pytest.approx(0.4, abs=1e-6)
    assert answer.lead == pytest.approx(0.6, abs=1e-6)


def test_thresholds_keep_strangers_out_and_cards_in() -> None:
    """They are what the user sees: a name that is wrong is worse than no name."""
    rng = np.random.default_rng(0)
    present = [
        Answer((0,), float(g), 0, float(n))
        for g, n in zip(rng.uniform(0.2, 1, 900), rng.uniform(0.6, 1, 900), strict=True)
    ]
    absent = [
        Answer((0,), float(g), 0, float(n))
        for g, n in zip(rng.uniform(0, 0.15, 900), rng.uniform(0.1, 0.8, 900), strict=True)
    ]
    limits = thresholds_for([Graded(present, np.ones(900, bool), absent)])
    assert limits.gap_confirmed == pytest.approx(0.15, abs=0.01)
    assert limits.gap_unknown <= limits.gap_confirmed
    assert limits.excellent == pytest.approx(0.2, abs=0.02)
    assert limits.excellent <= limits.fair <= limits.poor
    confirmed = [decide(1 - one.nearness, one.gap, limits) == "confirmed" for one in absent]
    assert sum(confirmed) <= 2


def test_a_twin_that_is_taken_for_the_card_raises_the_gap() -> None:
    """Absent cards alone would not show it: both cards are in the catalogue."""
    present = answers([0.5] * 900 + [0.3] * 9)
    right = np.arange(909) < 900
    limits = thresholds_for([Graded(present, right, answers([0.01] * 900, 0.1))])
    assert limits.gap_close > 0.3


@pytest.mark.parametrize("kind", ["all alike", "all strange"])
def test_a_hopeless_model_still_has_thresholds(kind: str) -> None:
    """Their order must hold whatever was measured, or the model card cannot be read."""
    alike = kind == "all alike"
    present = answers([0.0 if alike else 0.5] * 50, 0.99 if alike else 0.05)
    thresholds_for([Graded(present, np.ones(50, bool), answers([0.3] * 50, 0.99))])


def test_thresholds_are_written_into_the_card_and_nothing_else_changes(tmp_path: Path) -> None:
    """What a model was trained on must survive its calibration."""
    model = tmp_path / "m.onnx"
    card_file = model.with_suffix(".json")
    found = Calibrated(Thresholds(gap_confirmed=0.33), {"confirmed and right": 90.123}, {"unknown": 99.0})
    with pytest.raises(ValueError, match="export the model again"):
        write_thresholds(model, found)
    card_file.write_text('{"name": "m", "dim": 3, "licence": "MIT", "training": {"steps": 4}}')
    write_thresholds(model, found)
    kept = msgspec.json.decode(card_file.read_bytes())
    assert kept["training"] == {"steps": 4}
    assert kept["thresholds"]["gap_confirmed"] == 0.33
    assert kept["calibration"]["present"] == {"confirmed and right": 90.12}


class Wavering:
    """An engine that answers otherwise, or sees every card alike."""

    def __init__(self, model: OnnxEmbedder, noise: float = 0.0, crowd: float = 0.0) -> None:
        self._model, self._noise, self._crowd, self._rng = model, noise, crowd, np.random.default_rng(0)
        self.name, self.dim, self.model_hash = model.name, model.dim, model.model_hash

    def embed(self, crops: np.ndarray) -> np.ndarray:
        vectors = self._model.embed(crops)
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True) + self._crowd
        return (vectors + self._noise * self._rng.standard_normal(vectors.shape)).astype(np.float32)


def test_a_candidate_is_refused_for_each_reason(cards: Path) -> None:
    """A HEF that changes its answers passes every comparison of means."""
    model = OnnxEmbedder(MODEL)
    assert grade(model, model, cards).problems == []
    assert "different vectors" in grade(model, Wavering(model, noise=1e-5), cards).problems[0]  # type: ignore[arg-type]
    assert "seen alike" in grade(model, Wavering(model, crowd=0.2), cards).problems[0]  # type: ignore[arg-type]
    lost = Grade(True, (0.1, 0.1), {"clean": (100.0, 98.5)}, 1.0)
    assert lost.problems == ["clean: 98.50 % right, the model 100.00 %: more than 1.0 points lost"]
    assert replace(lost, points=2.0).problems == []


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [*CONDITIONS]:
        if name not in ("clean", UPSIDE_DOWN):
            monkeypatch.delitem(CONDITIONS, name)
    yield


@pytest.mark.usefixtures("quick")
def test_the_commands_measure_and_write(
    catalogue: Catalogue, cards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Grade, calibrate and gate as a person types them."""
    model = tmp_path / "m.onnx"
    model.write_bytes(MODEL.read_bytes())
    model.with_suffix(".json").write_text('{"name": "m", "dim": 256, "licence": "MIT"}')
    sets = read_truth(catalogue, cards / "labels.csv").sets[0]
    words = ["--catalog", str(catalogue.path), "--images", str(cards), "--labels", str(cards / "labels.csv")]
    words += ["--model", str(model), "--sets", sets]
    assert main(["bench", "accuracy", *words, "--no-orb", "--json", str(tmp_path / "r.json")]) == 0
    assert "net and hash" in capsys.readouterr().out
    assert msgspec.json.decode((tmp_path / "r.json").read_bytes(), type=Report).model == "m"
    assert main(["bench", "calibrate", *words, "--dry-run"]) == 0
    assert "thresholds" not in model.with_suffix(".json").read_text()
    assert main(["bench", "calibrate", *words]) == 0
    assert "gap_confirmed" in model.with_suffix(".json").read_text()


def test_grading_the_cards_of_the_calibration_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With every card taken by both, the thresholds are graded on what they were chosen for."""
    for command in ("accuracy", "calibrate"):
        with pytest.raises(SystemExit):
            main(["bench", command, "--catalog", "c", "--images", "i", "--sets", "s", "--every", "1"])
        assert "graded on other cards" in capsys.readouterr().err


def test_the_gate_is_a_command(cards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its exit code is what a build script goes by."""
    words = ["bench", "gate", "--model", str(MODEL), "--images", str(cards)]
    assert main([*words, "--candidate", str(MODEL)]) == 0
    assert "accepted" in capsys.readouterr().out
    assert main([*words, "--candidate", "nowhere.onnx"]) == 2
    assert "nowhere.onnx" in capsys.readouterr().err


@pytest.mark.parametrize("condition", ["clean", "glossy sleeve", "combined, medium"])
def test_a_card_read_upside_down_is_taken_for_no_other(condition: str, catalogue: Catalogue, cards: Path) -> None:
    """A new card is read one way at first: a wrong name for what lies the other way round would stay."""
    embedder, rows = OnnxEmbedder(MODEL), range(0, len(catalogue.ids), 2)
    queries = make_queries(catalogue, cards, rows, embedder, condition)
    as_it_is, turned = verdicts(Matcher(catalogue), rows, queries, Thresholds())
    assert as_it_is["right"] == len(rows)
    assert turned["unknown"] == len(rows)


def test_each_reading_is_counted_for_itself(catalogue: Catalogue, cards: Path) -> None:
    """Columns that are exchanged would say the opposite of what was measured."""
    lines = list(table(catalogue, cards, OnnxEmbedder(MODEL), Thresholds(), every=8))
    of = {line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in lines}
    assert of["clean"][0] == of[UPSIDE_DOWN][4] == "5"
    assert of["clean"][4] == of[UPSIDE_DOWN][0] == "0"
