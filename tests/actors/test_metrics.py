"""The metrics sink, read as Prometheus reads it."""

import re
import urllib.request
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fleet_fakes import feed, free_port, working
from prometheus_client.parser import text_string_to_metric_families
from samples import SAMPLES

from actors.config import Config, updated
from actors.sinks.metrics import Metrics
from bus.fake import FakeBus
from bus.messages import Heartbeat, Hop, Results
from bus.topics import HEARTBEAT, RESULTS


def scraped(port: int) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"sleevesight_{name}", frozenset(labels.items())


def configured() -> Config:
    return updated(Config(), "metrics", port=free_port())


def beat(bus: FakeBus, **more: Any) -> Heartbeat:
    sample = SAMPLES["heartbeat"][1]
    assert isinstance(sample, Heartbeat)
    now = bus.clock.now_ns()
    return msgspec.structs.replace(sample, t_ns=now, started_ns=now - 9 * 10**9, **more)


def test_frames_visits_and_latencies() -> None:
    """Counted once, with the stages of the trace, and the histogram's buckets around the budgets."""
    config = configured()
    result = SAMPLES["results"][1]
    assert isinstance(result, Results)
    trace = [Hop("capture", 0, 3_000_000), Hop("smooth", 15_000_000, 16_000_000)]
    with working(Metrics, config) as (bus, actor):
        bus.feed(actor, RESULTS, msgspec.structs.replace(result, trace=trace))
        bus.feed(actor, RESULTS, msgspec.structs.replace(result, trace=trace))
        feed(bus, actor, 1, card=None)
        bus.feed(actor, RESULTS, msgspec.structs.replace(result, closing=True, visits=[]))
        found = scraped(config.metrics.port)
    assert found[key("frames_total")] == 3
    assert found[key("visits_total", event="confirmed", known="yes")] == 2
    assert found[key("visits_total", event="confirmed", known="no")] == 1
    assert found[key("visits_total", event="ended", known="yes")] == 0
    assert found[key("cards", status="unknown")] == 1
    assert found[key("latency_seconds_count", stage="total")] == 2
    assert found[key("latency_seconds_sum", stage="total")] == pytest.approx(0.032)
    assert found[key("latency_seconds_bucket", stage="total", le="0.01")] == 0
    assert found[key("latency_seconds_bucket", stage="total", le="0.017")] == 2
    assert found[key("latency_seconds_bucket", stage="capture", le="0.005")] == 2


def test_what_the_heartbeats_say() -> None:
    """Per process: memory, queue, p95, losses by reason, and how long ago it did anything, as of the scrape."""
    config = configured()
    with working(Metrics, config) as (bus, actor):
        now = bus.clock.now_ns()
        said = {"queue": 4, "p95_ms": 12.0, "rss_bytes": 1000, "last_in_ns": now - 5 * 10**9, "last_out_ns": 0}
        drops = {"frame.stale": 7, 'odd "reason"\n\\': 1}
        message = beat(bus, actor="selector", state="ready", drops=drops, counts={"frames": 99}, **said)
        bus.feed(actor, HEARTBEAT, message)
        found = scraped(config.metrics.port)
    me = {"actor": "selector"}
    assert found[key("actor_ready", **me)] == 1
    assert found[key("actor_queue", **me)] == 4
    assert found[key("actor_round_p95_seconds", **me)] == pytest.approx(0.012)
    assert found[key("actor_resident_memory_bytes", **me)] == 1000
    assert found[key("actor_drops_total", **me, reason="frame.stale")] == 7
    assert found[key("actor_drops_total", **me, reason='odd "reason"\n\\')] == 1
    assert found[key("actor_events_total", **me, event="frames")] == 99
    assert 5 <= found[key("actor_progress_age_seconds", **me)] < 60
    assert 9 <= found[key("actor_uptime_seconds", **me)] < 60
    assert 0 <= found[key("actor_heartbeat_age_seconds", **me)] < 60


def test_it_says_what_it_did_not_hear() -> None:
    """Results that were lost on the way to this sink are missing from its counts: that must be seen, too."""
    config = configured()
    with working(Metrics, config) as (bus, actor):
        bus.drops["results.overflow"] = 3
        actor.step()
        found = scraped(config.metrics.port)
    assert found[key("actor_drops_total", actor="sink.metrics", reason="results.overflow")] == 3


def test_a_port_that_is_taken() -> None:
    """One line with the setting; and the port is free again when the sink has ended."""
    config = configured()
    with (
        working(Metrics, config),
        pytest.raises(ValueError, match=rf"\[metrics\] 127.0.0.1:{config.metrics.port}: Address already in use"),
        working(Metrics, config),
    ):
        pass
    with working(Metrics, config):
        assert scraped(config.metrics.port)


def test_the_guide_lists_what_there_is() -> None:
    """A metric that nobody can look up is one that nobody uses; one that is not there breaks a dashboard."""
    config = configured()
    with working(Metrics, config) as (bus, actor):
        bus.feed(actor, RESULTS, SAMPLES["results"][1])
        bus.feed(actor, HEARTBEAT, beat(bus, actor="selector", drops={"x": 1}, counts={"y": 1}))
        names = {name for name, _ in scraped(config.metrics.port) if not name.endswith("_created")}
    plain = {re.sub("_(bucket|sum|count)$", "", name) for name in names}
    guide = (Path(__file__).parents[2] / "docs" / "fleet.md").read_text()
    assert set(re.findall(r"^\| `(sleevesight_\w+)", guide, re.M)) == plain
