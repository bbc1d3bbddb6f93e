"""Detecting, selecting and embedding beside their references: they see the same cards, and say the same of them."""

from collections.abc import Sequence

import numpy as np
import pytest

from actors.backends.detector import open_detector
from bench.micro import detect, embed, select
from bench.micro.detect import Film
from bench.micro.table import Table
from catalog.embedding import normalise
from synth.cards import deck, draw
from synth.scene import Scene, scenario
from vision.quad import iou

CARDS = [(spec.id, draw(spec)) for spec in deck(6)]
SIZE = (480, 480)


@pytest.fixture(scope="module")
def still() -> Scene:
    return scenario("still", CARDS, size=SIZE)


def ways(table: Table) -> list[str]:
    return [row.way for row in table.rows]


def test_known_cards_ask_for_nothing(still: Scene) -> None:
    """A frame in which a crop is sent is no cached one: its cost would be another path's."""
    with select.known_cards(still.frame(40)) as actors:
        before = actors._selector._selection.counters["cached"]
        samples = [actors.frame() for _ in range(40)]  # results expire in between, and are answered
        assert actors._selector._selection.counters["cached"] - before >= 40 * len(still.frame(40).truth)
    assert all(sample[select.CPU] >= 0 for sample in samples)


def test_the_rules_alone_see_the_same(still: Scene) -> None:
    """Every frame that counts is one for which nothing is asked."""
    rules = select.Rules(still.frame(40))
    before = rules._selection.counters["cached"]
    for number in range(40):
        rules.frame(number)
    assert rules._selection.counters["cached"] - before >= 40 * len(still.frame(40).truth)


def test_the_budget_is_a_row(monkeypatch: pytest.MonkeyPatch, still: Scene) -> None:
    """Beside what was measured, as a ratio to ours."""
    monkeypatch.setattr(select, "scenario", lambda *_: still)
    table = select.table(2)
    assert ways(table) == [select.ACTORS, select.RULES, select.NAIVE, "the budget"]
    ours, budget = (table.rows[place].figures[select.CPU] for place in (0, -1))
    assert budget.p50_ms == 2.0
    assert budget.ratio == pytest.approx(2.0 / ours.p50_ms, abs=0.01)


class Counted:
    """A scene that counts how often it is rendered."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.asked: list[int] = []

    def frame(self, index: int) -> object:
        self.asked.append(index)
        return self.scene.frame(index)


def test_a_film_renders_each_frame_once(still: Scene) -> None:
    """Both ways see the very same frame; rendering it twice would double the time of the run."""
    counted = Counted(still)
    film = Film(counted, 5)  # type: ignore[arg-type]
    first = film(0)
    assert film(0) is first
    film(1)
    assert counted.asked == [5, 6]


def test_looking_where_something_changed_finds_the_same(still: Scene) -> None:
    """On a still table the watcher may be fast only because it goes on saying what a full look says."""
    films, detector = {"still": Film(still)}, open_detector()
    table = detect.table(films, 2)
    assert ways(table) == [detect.OURS, detect.FULL]
    assert list(table.rows[0].figures) == ["still"]
    watcher = detect.Watcher(detector)
    for index in range(12):
        seen, looked = watcher.update(films["still"](index)), detector(films["still"](index))
    assert len(seen) == len(looked) > 0
    assert all(max(iou(one.quad, other.quad) for other in looked) > 0.9 for one in seen)


def crops(pictures: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack([embed.rectify(one, embed.whole(one.shape[1], one.shape[0])) for one in pictures])


def test_every_setting_gives_the_same_vectors() -> None:
    """Threads and sessions must not change what comes out; the form for the accelerator has the same shape."""
    taken = crops([picture for _, picture in CARDS[:2]])
    ours, *others = (make(taken) for make in embed.engines().values())
    assert np.allclose(normalise(ours), ours, atol=1e-6)
    for other in others:
        assert other.shape == ours.shape
    names = list(embed.engines())
    assert names[0] == embed.OURS
    same = [name for name in names if name.startswith(embed.DEFAULT_MODEL.name)]
    for name in same:
        assert np.allclose(others[names.index(name) - 1] if name != embed.OURS else ours, ours, atol=1e-4), name


def test_every_embedder_has_a_row() -> None:
    """One crop and five, for each setting, the 16-bit form and the hash."""
    table = embed.table(1)
    assert ways(table)[0] == embed.OURS
    assert ways(table)[-1] == "perceptual hash"
    assert len(table.rows) == 6
    assert all(set(row.figures) == {"1 crop", "5 crops"} for row in table.rows)
