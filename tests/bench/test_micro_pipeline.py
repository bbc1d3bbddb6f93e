"""The straight loop that the pipeline is set beside is an honest one, and both are told of in the same way."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.sources.base import SourceFrame
from actors.still import Identified
from bench.micro import pipeline, straight
from bench.micro.pipeline import CPU, LATENCY, Stage, facts
from bench.micro.straight import Played, Remembering, loop
from catalog.match import Candidate, Match
from vision.detection import Detection
from vision.quad import as_quad

PICTURE = np.zeros((8, 8, 3), np.uint8)


class Frames:
    """A source of so many frames, 1 ms apart unless they are an hour."""

    def __init__(self, count: int, apart_ns: int = 1_000_000) -> None:
        self._times = iter(range(0, count * apart_ns, apart_ns))

    def read(self) -> SourceFrame | None:
        t_ns = next(self._times, None)
        return None if t_ns is None else SourceFrame(PICTURE, t_ns)


def card_at(x: float, y: float = 0.0) -> Detection:
    return Detection(as_quad([[x, y], [x + 10, y], [x + 10, y + 14], [x, y + 14]]), 0.9)


class Names:
    """An identifier that names a card by where it lies, and remembers what it was asked."""

    def __init__(self, status: str = "confirmed") -> None:
        self.asked: list[list[float]] = []
        self._status = status

    def name(self, _picture: Any, found: Sequence[Detection]) -> list[Identified]:
        self.asked.append([float(one.quad[0, 0]) for one in found])
        return [self._one(one) for one in found]

    def _one(self, one: Detection) -> Identified:
        card = Candidate(f"card-{one.quad[0, 0]:.0f}", "", "", "", 0.1, 1.0)
        return Identified(one.quad, self._status, Match(0, (card,), (card.card_id,), 0.1, 0.5))  # type: ignore[arg-type]


def test_flat_out_every_frame_is_worked_on() -> None:
    """Its throughput would be that of a loop that skips what is hard."""
    names = Names()
    played = loop(Frames(20), lambda _: [card_at(3)], straight.every_card(names), paced=False)  # type: ignore[arg-type]
    assert (played.frames, played.lost, len(played.latencies_ms)) == (20, 0, 20)
    assert names.asked == [[3.0]] * 20
    assert played.named == {"card-3"}


def test_paced_it_loses_what_it_was_too_slow_for() -> None:
    """A camera does not wait: of frames a millisecond apart a slow loop sees a few, and the rest counts as lost."""
    worked = []

    def slow(_: object) -> list[Detection]:
        worked.append(1)
        threading.Event().wait(0.01)
        return []

    played = loop(Frames(200), slow, straight.every_card(Names()), paced=True)  # type: ignore[arg-type]
    assert played.frames == 200
    assert 0 < played.lost < 1
    assert played.lost == pytest.approx(1 - len(worked) / 200)


def test_unsure_names_are_none() -> None:
    """Only what the verdict confirms is named, as in the pipeline."""
    played = loop(Frames(2), lambda _: [card_at(3)], straight.every_card(Names("uncertain")), False)  # type: ignore[arg-type]
    assert played.named == frozenset()


def test_the_naive_cache_asks_once_for_what_lies_still() -> None:
    """And again for what has moved away or is new, in the order in which the cards were found."""
    names = Names()
    remember = Remembering(names)  # type: ignore[arg-type]
    assert remember(PICTURE, [card_at(0)]) == ["card-0"]
    assert remember(PICTURE, [card_at(50), card_at(1)]) == ["card-50", "card-0"]
    assert remember(PICTURE, [card_at(2), card_at(50)]) == ["card-0", "card-50"]
    assert remember(PICTURE, [card_at(20), card_at(50)]) == ["card-20", "card-50"]
    assert names.asked == [[0.0], [50.0], [], [20.0]]


def test_the_naive_cache_grows_old() -> None:
    """Or a card that took another's place would bear its name for ever."""
    names = Names()
    remember = Remembering(names, straight.SelectionSettings(cache_age=3))  # type: ignore[arg-type]
    for _ in range(9):
        remember(PICTURE, [card_at(0)])
    assert [bool(asked) for asked in names.asked] == [True, False, False, False, True, False, False, False, True]


def test_a_card_that_is_gone_is_forgotten() -> None:
    """What lies there next is another card."""
    names = Names()
    remember = Remembering(names)  # type: ignore[arg-type]
    for found in ([card_at(0)], [], [card_at(0)]):
        remember(PICTURE, found)
    assert names.asked == [[0.0], [], [0.0]]


def played(**changes: Any) -> Played:
    usual = {"frames": 100, "lost": 0.0, "seconds": 5.0, "cpu_s": 2.0, "latencies_ms": [10.0], "named": frozenset()}
    return Played(**{**usual, **changes})


def test_facts_are_of_the_run_that_they_mean() -> None:
    """Latency and losses of a stream that is waited for, or throughput at 30 frames a second, would mean nothing."""
    paced = played(lost=0.25, cpu_s=4.0, latencies_ms=[float(ms) for ms in range(101)])
    fast = played(named=frozenset({"a", "b", "x"}), latencies_ms=[9e9], lost=0.9)
    found = facts(paced, fast, frozenset({"a", "b", "c"}))
    assert found == {
        LATENCY: 50.0,
        "p99, ms": 99.0,
        "lost, %": 25.0,
        "cores busy": 0.8,
        "frames a second": 20.0,
        CPU: 20.0,
        "named": 2,
        "named wrongly": 1,
    }


def test_the_start_is_taken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven processes take a second to start, which no frame costs."""
    stage = Stage(Path("whole.mp4"), Path("start.mp4"), Path("cards"), frozenset())
    runs = {
        "start.mp4": played(frames=30, lost=0.5, seconds=4.0, cpu_s=3.0),
        "whole.mp4": played(frames=330, lost=0.1, seconds=14.0, cpu_s=9.0, latencies_ms=[1.0], named=frozenset({"a"})),
    }
    monkeypatch.setattr(pipeline, "_replay", lambda _, video: runs[video.name])
    monkeypatch.setattr(pipeline, "configure", lambda _: None)
    found = pipeline.replayed(stage, "paced")
    assert (found.frames, found.lost, found.seconds, found.cpu_s) == (300, 0.1, 10.0, 6.0)
    assert (found.latencies_ms, found.named) == ([1.0], {"a"})


def test_medians_over_the_rounds_and_ratios_within_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds on a busy machine differ more than the ways do."""
    speeds = iter([1.0, 5.0, 2.0])
    speed = [0.0]

    def ours(_stage: Stage) -> dict[str, float]:
        return {LATENCY: 10 * speed[0], CPU: 4 * speed[0]}

    def others(_stage: Stage, remember: bool) -> dict[str, float]:
        return {LATENCY: 20 * speed[0], CPU: (2 if remember else 8) * speed[0]}

    def alternate(ways: dict[str, Any], rounds: int, warm_up: int) -> dict[str, Any]:
        samples: dict[str, Any] = {name: [] for name in ways}
        for number in range(rounds + warm_up):
            speed[0] = next(speeds)
            for name, way in ways.items():
                samples[name].append(way(number))
        return samples

    monkeypatch.setattr(pipeline, "pipeline", ours)
    monkeypatch.setattr(pipeline, "straight", others)
    monkeypatch.setattr(pipeline, "alternate", alternate)
    table = pipeline.table(Stage(Path(), Path(), Path(), frozenset("ab")), 3)
    assert "2 cards are to be named" in table.title
    mine, plain, cached = (row.facts for row in table.rows)
    assert (mine[LATENCY], mine["latency p50, × ours"], mine["CPU a frame, × ours"]) == (20.0, 1.0, 1.0)
    assert (plain[LATENCY], plain["latency p50, × ours"], plain["CPU a frame, × ours"]) == (40.0, 2.0, 2.0)
    assert cached["CPU a frame, × ours"] == 0.5


class Told:
    """A scene of which only the visits are asked."""

    def visits(self) -> list[tuple[str, int, int]]:
        return [("long", 0, 200), ("late", 80, 200), ("short", 10, 20), ("just", 40, 69)]


def test_cards_count_that_are_in_view_for_long_enough() -> None:
    """What comes with the last frames cannot be confirmed by anybody."""
    assert pipeline.in_view(Told(), 90) == {"long", "just"}  # type: ignore[arg-type]
