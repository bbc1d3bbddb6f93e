"""What a replay amounts to: frames, losses by reason, visits in order, and latencies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from actors.events import latency_ms, visit_event
from bus.messages import Heartbeat, Results
from bus.topics import PIPELINE

Summary = dict[str, Any]

_UNREAD = ("overflow", "newer_schema", "unknown_type", "malformed")

FRAME_LOSSES = {
    "capture": ("ring_full", "source_late"),
    "selector": ("ring_gone", "lease_expired", *(f"frame.{reason}" for reason in ("stale", *_UNREAD))),
    "smoother": ("selector_restart", *(f"tracks.{reason}" for reason in _UNREAD)),
}
"""The drops that cost a frame its result, by the actor that counts them."""


def summarise(
    results: Sequence[Results], heartbeats: Sequence[Heartbeat], restarts: dict[str, int], complete: bool
) -> Summary:
    """The summary of a replay (docs/events.md): `heartbeats` are the last ones of every life of every actor."""
    counts = _totals(heartbeats, "counts")
    drops = _totals(heartbeats, "drops")
    frames = counts["capture"]["frames"]
    answered = len({(one.stream, one.frame) for one in results if not one.closing})
    lost = {
        f"{actor}.{reason}": drops[actor][reason]
        for actor, reasons in FRAME_LOSSES.items()
        for reason in reasons
        if drops[actor][reason]
    }
    other = {
        f"{actor}.{reason}": number
        for actor, reasons in drops.items()
        for reason, number in reasons.items()
        if number and f"{actor}.{reason}" not in lost
    }
    traces = [latency_ms(one.trace) for one in results if not one.closing]
    cards, embeddings = counts["selector"]["tracks"], counts["embedder"]["embeddings"]
    return {
        "complete": complete,
        "frames": frames,
        "answered": answered,
        "drops": lost,
        "unaccounted": max(0, frames - answered - sum(lost.values())),
        "incidents": other,
        "restarts": restarts,
        **_visits(results),
        "cards_seen": cards,
        "embeddings": embeddings,
        "saved": round(cards / embeddings, 1) if embeddings else None,
        "latency_ms": {
            "all": percentiles(traces),
            "cached": percentiles([trace for trace in traces if "embed" not in trace]),
            "new_card": percentiles([trace for trace in traces if "embed" in trace]),
        },
    }


def percentiles(traces: Iterable[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Per stage the p50, p95, p99 and maximum in ms."""
    by_stage: dict[str, list[float]] = {}
    for trace in traces:
        for stage, value in trace.items():
            by_stage.setdefault(stage, []).append(value)
    result = {}
    for stage, values in by_stage.items():
        p50, p95, p99 = (round(float(value), 2) for value in np.percentile(values, [50, 95, 99]))
        result[stage] = {"p50": p50, "p95": p95, "p99": p99, "max": round(max(values), 2), "n": len(values)}
    return result


def _visits(results: Sequence[Results]) -> Summary:
    """Confirmed visits in the order of their confirmation, and how many visits stayed unknown."""
    start = results[0].t_ns if results else 0
    visits = [visit for one in results for visit in one.visits]
    confirmed = [visit_event(visit, start) for visit in visits if visit.event == "confirmed"]
    return {
        "visits": [{key: value for key, value in visit.items() if key != "event"} for visit in confirmed],
        "unknown_visits": sum(visit.event == "ended" and visit.card_id is None for visit in visits),
    }


def _totals(heartbeats: Iterable[Heartbeat], field: str) -> dict[str, Counter[str]]:
    totals = {actor: Counter[str]() for actor in PIPELINE}
    for beat in heartbeats:
        totals.setdefault(beat.actor, Counter()).update(getattr(beat, field))
    return totals


def lines(summary: Summary) -> list[str]:
    """The summary for people."""
    drops = ", ".join(f"{number} {reason}" for reason, number in summary["drops"].items()) or "none"
    confirmed = len(summary["visits"])
    text = [
        "",
        f"{summary['frames']} frames, {summary['answered']} answered; lost: {drops}; "
        f"unaccounted: {summary['unaccounted']}",
        f"{confirmed} card{'s' if confirmed != 1 else ''} confirmed, "
        f"{summary['unknown_visits']} not in the catalogue; "
        f"{summary['embeddings']} embeddings for {summary['cards_seen']} cards in frames"
        + (f" ({summary['saved']} times fewer)" if summary["saved"] else ""),
    ]
    for path, title in (("cached", "frames from the cache"), ("new_card", "frames with a new card")):
        total = summary["latency_ms"][path].get("total")
        if total:
            text.append(
                f"{title:<23} p50 {total['p50']:6.1f} ms   p95 {total['p95']:6.1f} ms   "
                f"p99 {total['p99']:6.1f} ms   max {total['max']:6.1f} ms   ({total['n']} frames)"
            )
    if summary["restarts"]:
        text.append("restarted: " + ", ".join(f"{name} {count}x" for name, count in summary["restarts"].items()))
    if not summary["complete"]:
        text.append("the stream did not come to its end")
    return text
