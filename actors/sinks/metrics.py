"""The metrics sink: what the pipeline does, for Prometheus to fetch (docs/fleet.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from actors.config import Config
from actors.events import latency_ms
from actors.health import last_progress_ns
from bus.actor import Actor, Bus
from bus.clock import Clock
from bus.messages import Heartbeat, Results, TrackStatus
from bus.topics import HEARTBEAT, RESULTS

_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.017, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Around the budgets of a stage (1 to 25 ms) and of a frame (17, 52 and 75 ms)."""
_STATUSES: tuple[TrackStatus, ...] = ("detecting", "stabilizing", "confirmed", "unknown")


_GAUGES: dict[str, tuple[str, Callable[[Heartbeat, int], float]]] = {
    "ready": ("Whether the actor is at work.", lambda beat, _: beat.state == "ready"),
    "heartbeat_age_seconds": ("Time since its last heartbeat.", lambda beat, now: (now - beat.t_ns) / 1e9),
    "progress_age_seconds": (
        "Time since it last took or sent a message.",
        lambda beat, now: (now - last_progress_ns(beat)) / 1e9,
    ),
    "uptime_seconds": ("Time since its start.", lambda beat, now: (now - beat.started_ns) / 1e9),
    "resident_memory_bytes": ("Memory, as the kernel counts it for one process.", lambda beat, _: beat.rss_bytes),
    "queue": ("Messages that wait inside.", lambda beat, _: beat.queue),
    "round_p95_seconds": ("A round of work, 95th percentile.", lambda beat, _: beat.p95_ms / 1e3),
}
"""What a heartbeat says, by the name of its gauge; `now` is the bus clock's, ns."""


class Metrics(Actor):
    """Serves http://HOST:PORT/metrics. ValueError if the address cannot be had."""

    name = "sink.metrics"
    inputs = (RESULTS, HEARTBEAT)
    ends_with = (RESULTS,)

    def __init__(self, bus: Bus, config: Config) -> None:
        super().__init__(bus)
        self._settings = config.metrics
        self._server: WSGIServer | None = None
        self.registry = CollectorRegistry()
        self._actors = Actors(bus.clock)
        self.registry.register(self._actors)
        own = self.registry
        self._frames = Counter("sleevesight_frames", "Frames that were answered.", registry=own)
        self._visits = Counter("sleevesight_visits", "Visits of cards.", ["event", "known"], registry=own)
        self._cards = Gauge("sleevesight_cards", "Cards in the last frame.", ["status"], registry=own)
        self._seconds = Histogram(
            "sleevesight_latency_seconds",
            "Time that a frame took in a stage, and in all.",
            ["stage"],
            buckets=_BUCKETS_S,
            registry=own,
        )
        for event in ("confirmed", "ended"):  # a series is there from the start, or its first step cannot be seen
            for known in ("yes", "no"):
                self._visits.labels(event, known)

    def start(self) -> None:
        """Listen."""
        host, port = self._settings.host, self._settings.port
        try:
            self._server, _ = start_http_server(port, host, self.registry)
        except OSError as error:
            raise ValueError(f"[metrics] {host}:{port}: {error.strerror}; set another host or port") from None
        self.detail = f"http://{host}:{port}/metrics"

    def on_results(self, results: Results, _blobs: object) -> None:
        """Count a frame and its visits."""
        for visit in results.visits:
            self._visits.labels(visit.event, "no" if visit.card_id is None else "yes").inc()
        if results.closing:
            return
        self.bus.counts["frames"] += 1
        self._frames.inc()
        shown = [track.status for track in results.tracks]
        for status in _STATUSES:
            self._cards.labels(status).set(shown.count(status))
        for stage, took_ms in latency_ms(results.trace).items():
            self._seconds.labels(stage).observe(took_ms / 1e3)

    def on_heartbeat(self, beat: Heartbeat, _blobs: object) -> None:
        """Keep the last of each actor."""
        self._actors.beats[beat.actor] = beat

    def step(self) -> float | None:
        """What this sink itself lost is lost from the counts, too."""
        self._actors.losses = {self.name: dict(self.bus.losses())}
        return None

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


class Actors:
    """What the last heartbeats say, computed when somebody asks (a `prometheus_client` collector)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.beats: dict[str, Heartbeat] = {}
        self.losses: dict[str, dict[str, int]] = {}

    def collect(self) -> Iterable[Metric]:
        """One value for each actor; counters begin at 0 when an actor is started again, as Prometheus expects."""
        now_ns, beats = self._clock.now_ns(), list(self.beats.values())
        for name, (what, value) in _GAUGES.items():
            gauge = GaugeMetricFamily(f"sleevesight_actor_{name}", what, labels=["actor"])
            for beat in beats:
                gauge.add_metric([beat.actor], value(beat, now_ns))
            yield gauge
        counts = {beat.actor: beat.counts for beat in beats}
        drops = {**{beat.actor: beat.drops for beat in beats}, **self.losses}
        yield _family("sleevesight_actor_events", "What an actor counted, by name.", "event", counts)
        yield _family("sleevesight_actor_drops", "What an actor lost, by reason (docs/bus.md).", "reason", drops)


def _family(name: str, what: str, label: str, values: dict[str, dict[str, int]]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, what, labels=["actor", label])
    for actor, counts in values.items():
        for key, count in counts.items():
            family.add_metric([actor, key], count)
    return family
