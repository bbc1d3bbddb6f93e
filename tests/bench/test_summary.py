"""The summary of a replay: every frame accounted for, every visit told once, latencies beside their losses."""

import json
from pathlib import Path

import msgspec
import pytest

from bench.summary import FRAME_LOSSES, lines, percentiles, summarise
from bus.messages import Heartbeat, Hop, Results, Visit
from bus.topics import PIPELINE, TOPICS

DOCS = Path(__file__).parents[2] / "docs"
CACHED = [Hop("capture", 0, 1_000_000), Hop("select", 2_000_000, 3_000_000)]
NEW = [*CACHED, Hop("embed", 4_000_000, 24_000_000)]


def results(frame: int, *visits: Visit, stream: str = "s1", trace: list[Hop] = CACHED) -> Results:
    t_ns = 1_000_000_000 + frame * 100_000_000
    return Results(stream=stream, frame=frame, t_ns=t_ns, trace=trace, status="cards", tracks=[], visits=list(visits))


def beat(actor: str, counts: dict[str, int] | None = None, session: str = "1", **drops: int) -> Heartbeat:
    return Heartbeat(
        session=session, actor=actor, pid=1, t_ns=0, state="stopping", started_ns=0, counts=counts or {}, drops=drops
    )


def confirmed(visit: int, card: str, t_ns: int = 1_500_000_000) -> Visit:
    return Visit(visit, "confirmed", visit, 1, 5, t_ns, card, card.title(), "Base", "1", 0.1, 0.5, [card])


def test_frames_add_up() -> None:
    """frames = answered + lost, by reason + unaccounted: a frame that nobody can explain must show."""
    beats = [
        beat("capture", {"frames": 100}, ring_full=3, source_late=2, unanswered=9),
        beat("selector", {"tracks": 300, "crops": 30}, **{"frame.stale": 20}, lease_expired=1, answer_late=4),
        beat("smoother", {}, selector_restart=4, embed_failed=2),
    ]
    summary = summarise([results(frame) for frame in range(65)], beats, {}, True)
    assert (summary["frames"], summary["answered"], summary["unaccounted"]) == (100, 65, 5)
    assert summary["drops"] == {
        "capture.ring_full": 3,
        "capture.source_late": 2,
        "selector.frame.stale": 20,
        "selector.lease_expired": 1,
        "smoother.selector_restart": 4,
    }
    assert summary["incidents"] == {"capture.unanswered": 9, "selector.answer_late": 4, "smoother.embed_failed": 2}


def test_every_life_of_an_actor_counts() -> None:
    """A selector that was killed took its counters with it: the last heartbeat of each life is what is left."""
    beats = [
        beat("capture", {"frames": 50}),
        beat("selector", {"tracks": 10, "crops": 2}, "1", **{"frame.stale": 4}),
        beat("selector", {"tracks": 20, "crops": 2}, "2", **{"frame.stale": 5}),
        beat("embedder", {"embeddings": 5}),  # a crop that is read both ways is two
    ]
    summary = summarise([results(frame) for frame in range(41)], beats, {"selector": 1}, True)
    assert summary["drops"] == {"selector.frame.stale": 9}
    assert (summary["cards_seen"], summary["embeddings"], summary["saved"]) == (30, 5, 6.0)
    assert summary["unaccounted"] == 0


def test_a_frame_is_answered_once() -> None:
    """Two streams number their frames alike; one frame that came twice is still one."""
    both = [results(0), results(0, stream="s2"), results(0)]
    assert summarise(both, [beat("capture", {"frames": 3})], {}, True)["answered"] == 2


def test_visits_come_in_order_and_once() -> None:
    """What the acceptance is measured on: the confirmed visits, and how many strangers there were."""
    ended = Visit(1, "ended", 0, 1, 9, 0, "a-1", "A")
    shown = [results(0), results(5, confirmed(1, "a-1")), results(7, confirmed(2, "b-2")), results(9, ended)]
    summary = summarise(shown, [], {}, True)
    assert [(visit["visit"], visit["card_id"]) for visit in summary["visits"]] == [(1, "a-1"), (2, "b-2")]
    assert summary["visits"][0]["t_ms"] == 500.0
    assert "event" not in summary["visits"][0]
    assert summary["unknown_visits"] == 0


def test_the_message_that_closes_a_stream_is_no_frame() -> None:
    """It repeats the last frame's number: its visits count, and neither a frame nor a latency of 0 ms."""
    closing = msgspec.structs.replace(results(9, Visit(2, "ended", 0, 1, 9, 0), trace=[]), closing=True)
    summary = summarise([results(8), closing], [beat("capture", {"frames": 10})], {}, True)
    assert (summary["answered"], summary["unaccounted"], summary["unknown_visits"]) == (1, 9, 1)
    assert summary["latency_ms"]["all"]["total"]["n"] == 1


def test_a_stranger_is_counted_when_it_leaves() -> None:
    """An unknown card is never confirmed; one that got its name in the end is none."""
    gone, named = Visit(1, "ended", 0, 1, 9, 0), Visit(2, "ended", 0, 1, 9, 0, "a-1", "A")
    assert summarise([results(3, gone, named)], [], {}, True)["unknown_visits"] == 1


def test_latencies_are_apart_for_the_cache_and_for_new_cards() -> None:
    """The budgets differ by a factor of three; one number for both would say nothing."""
    shown = [results(frame) for frame in range(9)] + [results(9, trace=NEW)]
    latency = summarise(shown, [], {}, True)["latency_ms"]
    assert latency["cached"]["total"] == {"p50": 3.0, "p95": 3.0, "p99": 3.0, "max": 3.0, "n": 9}
    assert latency["new_card"]["embed"] == {"p50": 20.0, "p95": 20.0, "p99": 20.0, "max": 20.0, "n": 1}
    assert latency["new_card"]["total"]["p50"] == 24.0
    assert latency["all"]["total"]["n"] == 10
    assert "embed" not in latency["cached"]


def test_percentiles() -> None:
    """Of the values, not of their ranks."""
    found = percentiles([{"x": float(value)} for value in range(101)])
    assert found == {"x": {"p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0, "n": 101}}
    assert percentiles([]) == {}


def test_nothing_at_all_is_summarised() -> None:
    """Interrupted in the first second: no division by zero, and no claim either."""
    summary = summarise([], [], {}, False)
    assert (summary["frames"], summary["answered"], summary["saved"], summary["complete"]) == (0, 0, None, False)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert lines(summary)[-1] == "the stream did not come to its end"


def test_the_documented_keys_are_there() -> None:
    """docs/events.md is what other people's programs are written by."""
    (documented,) = [
        json.loads(line)["summary"]
        for line in (DOCS / "events.md").read_text().splitlines()
        if line.startswith('{"summary"')
    ]
    summary = summarise([results(5, confirmed(1, "a-1"))], [beat("capture", {"frames": 1})], {}, True)
    assert summary.keys() == documented.keys()
    assert summary["visits"][0].keys() == documented["visits"][0].keys()
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_losses_are_those_of_the_specification() -> None:
    """A reason that the documentation does not explain is no reason."""
    text = (DOCS / "bus.md").read_text()
    for actor, reasons in FRAME_LOSSES.items():
        assert actor in PIPELINE
        for reason in reasons:
            topic, _, kind = reason.rpartition(".")
            assert f"`{reason}`" in text or (topic in TOPICS and f"`TOPIC.{kind}`" in text)


@pytest.mark.parametrize("restarts", [{}, {"embedder": 2}])
def test_the_summary_for_people(restarts: dict[str, int]) -> None:
    """Latencies never stand without the losses, and a restart is never hidden."""
    beats = [beat("capture", {"frames": 12}, ring_full=2), beat("selector", {"tracks": 20})]
    beats.append(beat("embedder", {"embeddings": 4}))
    shown = [results(frame) for frame in range(9)] + [results(9, confirmed(1, "a-1"), trace=NEW)]
    text = "\n".join(lines(summarise(shown, beats, restarts, True)))
    assert "12 frames, 10 answered; lost: 2 capture.ring_full; unaccounted: 0" in text
    assert "1 card confirmed, 0 not in the catalogue; 4 embeddings for 20 cards in frames (5.0 times fewer)" in text
    assert "frames from the cache   p50    3.0 ms" in text
    assert "frames with a new card  p50   24.0 ms" in text
    assert ("restarted: embedder 2x" in text) == bool(restarts)
