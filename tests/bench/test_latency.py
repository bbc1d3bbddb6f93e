"""Latency columns: paths apart, in the order of the frames, and a waterfall of frames that really were."""

import pytest
from bench_fakes import CACHED, LIFE, NEW, answer, probe

from bench.latency import STAGES, by_path, columns, disordered, waterfalls


def test_paths_are_apart() -> None:
    """The budgets differ by a factor of three, and a batch of five is a new card as well."""
    watched = probe(frames=40, every=8)
    frames = columns(watched.results, watched.crops)
    assert frames.path("new_card") == [0, 8, 16, 24, 32]
    assert frames.path("batch_of_five") == [0, 16, 32]
    assert len(frames.path("cached")) == 35
    latency = by_path(frames)
    assert latency["cached"]["total"] == {"p50": 6.0, "p95": 6.0, "p99": 6.0, "max": 6.0, "n": 35}
    assert latency["new_card"]["embed"]["p50"] == 14.0
    assert latency["batch_of_five"]["embed"]["n"] == 3
    assert "embed" not in latency["cached"]


def test_columns_hold_a_value_for_every_answer() -> None:
    """A shifted column would put one frame's latency beside another's time."""
    results = [answer(3), answer(5, new=True), answer(9)]
    frames = columns(results, {(LIFE, 5): 2, ("another", 3): 7})
    assert (frames.frame, frames.crops, frames.t_ms) == ([3, 5, 9], [0, 2, 0], [0.0, 66.0, 198.0])
    assert frames.ms["embed"] == [None, 14.0, None]
    assert {len(column) for column in frames.ms.values()} == {3}
    assert frames.values("new_card", "total") == [23.0]


def test_the_message_that_closes_a_stream_is_no_frame() -> None:
    """Its latency would be 0 ms."""
    closing = answer(9)
    closing.closing, closing.trace = True, []
    assert columns([answer(8), closing], {}).frame == [8]
    assert disordered([answer(9), closing]) == 0


def test_nothing_has_no_latency() -> None:
    """Interrupted before the first answer."""
    frames = columns([], {})
    assert by_path(frames) == {"cached": {}, "new_card": {}, "batch_of_five": {}}
    assert waterfalls([], frames) == {}


def test_a_waterfall_is_of_a_real_frame() -> None:
    """Medians of each stage add up to a frame that never was."""
    results = [answer(number, scale=scale) for number, scale in enumerate((1, 1, 1, 2, 10))]
    found = waterfalls(results, columns(results, {}))
    assert found["cached"]["p50"] == list(CACHED)
    assert found["cached"]["p95"][-1] == ("smooth", 55.0, 60.0)
    assert "new_card" not in found
    new = [answer(0, new=True)]
    assert waterfalls(new, columns(new, {}))["new_card"]["p50"] == list(NEW)


@pytest.mark.parametrize(("frames", "count"), [([0, 1, 2, 5], 0), ([0, 2, 1, 3], 1), ([0, 0], 1), ([3, 2, 1], 2)])
def test_answers_out_of_order_are_counted(frames: list[int], count: int) -> None:
    """Sinks rely on the order (docs/decisions/002)."""
    assert disordered([answer(frame) for frame in frames]) == count


def test_streams_number_their_frames_alike() -> None:
    """A capture that was started again begins at 0: that is no disorder."""
    assert disordered([answer(7), answer(0, stream="two"), answer(1, stream="two")]) == 0


def test_a_trace_out_of_order_is_counted() -> None:
    """A stage that worked before the one that feeds it has a clock or a mind of its own."""
    wrong, strange = answer(0, new=True), answer(1)
    wrong.trace = [*wrong.trace[::-1]]
    strange.trace = [type(strange.trace[0])("dream", 0, 1)]
    assert disordered([wrong, strange]) == 2
    assert list(STAGES) == [stage for stage, _, _ in NEW]
