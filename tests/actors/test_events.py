"""The JSON form of results: keys are promised in docs/events.md and read by other people's programs."""

import json
from pathlib import Path

from samples import SAMPLES

from actors.events import frame_event, latency_ms, visit_event
from actors.forwarder import visit_message
from bus.messages import Hop, Results

RESULTS = SAMPLES["results"][1]
assert isinstance(RESULTS, Results)
DOCS = Path(__file__).parents[2] / "docs" / "events.md"


def documented(kind: str) -> dict[str, object]:
    """The example of a kind of line in docs/events.md, named by its first key."""
    lines = [line for line in DOCS.read_text().splitlines() if line.startswith("{")]
    (example,) = [json.loads(line) for line in lines if kind == next(iter(json.loads(line)))]
    return example  # type: ignore[no-any-return]


def test_a_frame_has_the_documented_keys() -> None:
    """A key that is renamed breaks programs that nobody here knows of."""
    event, example = frame_event(RESULTS, 0), documented("frame")
    assert event.keys() == example.keys()
    assert event["tracks"][0].keys() == example["tracks"][0].keys()  # type: ignore[index]


def test_a_visit_has_the_documented_keys() -> None:
    """The same for visits."""
    assert visit_event(RESULTS.visits[0], 0).keys() == documented("visit")["visit"].keys()  # type: ignore[attr-defined]


def test_a_visit_for_other_machines_has_the_documented_keys() -> None:
    """The same for what mqtt and webhook send."""
    example, message = documented("id"), visit_message("table-1", RESULTS, RESULTS.visits[0], 0)
    assert message.keys() == example.keys()
    assert message["visit"].keys() == example["visit"].keys()  # type: ignore[attr-defined]


def test_events_are_plain_json() -> None:
    """No tuple, struct or number of numpy may slip through."""
    for event in (frame_event(RESULTS, 0), visit_event(RESULTS.visits[0], 0)):
        assert json.loads(json.dumps(event, allow_nan=False))


def test_times_count_from_the_beginning_of_the_stream() -> None:
    """Nanoseconds since boot mean nothing to a reader."""
    assert frame_event(RESULTS, 1_000_000_000)["t_ms"] == 400.0
    assert visit_event(RESULTS.visits[0], 1_399_000_000)["t_ms"] == 1.0


def test_latency_is_per_stage_and_in_all() -> None:
    """`total` is from the frame's arrival to its result, waiting between the stages included."""
    trace = [
        Hop("capture", 1_000_000, 2_000_000),
        Hop("detect", 2_000_000, 9_500_000),
        Hop("select", 11_000_000, 12_000_000),
    ]
    assert latency_ms(trace) == {"capture": 1.0, "detect": 7.5, "select": 1.0, "total": 11.0}
    assert latency_ms([]) == {}
