"""How the pipeline is, by its heartbeats."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bus.messages import Heartbeat
from bus.topics import PIPELINE

SILENT_NS = 5_000_000_000
"""Heartbeats come five times a second; whoever has said nothing for so long hangs or is gone."""


def health(beats: Iterable[Heartbeat], now_ns: int) -> dict[str, Any]:
    """A plain object: `ok` if the whole pipeline is at work, what it did and lost, and each actor of it."""
    actors = {beat.actor: _actor(beat, now_ns) for beat in sorted(beats, key=lambda beat: beat.actor)}
    return {
        "ok": all(name in actors and actors[name]["ok"] for name in PIPELINE),
        "frames": actors.get("smoother", {}).get("frames", 0),
        "dropped": sum(one["dropped"] for one in actors.values()),
        "actors": actors,
    }


def last_progress_ns(beat: Heartbeat) -> int:
    """When an actor last did something: took a message, sent one, or started."""
    return max(beat.last_in_ns, beat.last_out_ns, beat.started_ns)


def _actor(beat: Heartbeat, now_ns: int) -> dict[str, Any]:
    return {
        "ok": beat.state == "ready" and now_ns - beat.t_ns < SILENT_NS,
        "state": beat.state,
        "idle_s": round((now_ns - last_progress_ns(beat)) / 1e9, 1),
        "frames": beat.counts.get("frames", 0),
        "dropped": sum(beat.drops.values()),
        "queue": beat.queue,
        "p95_ms": round(beat.p95_ms, 2),
        "rss_mb": round(beat.rss_bytes / 1e6, 1),
    }
