"""Results as plain JSON objects: the stable form that files and programs read (docs/events.md)."""

from __future__ import annotations

from typing import Any

import msgspec

from bus.messages import Hop, Results, Visit

Event = dict[str, Any]


class Beginning:
    """The time of a stream's first frame, from which its events count."""

    def __init__(self) -> None:
        self._stream: str | None = None
        self._start_ns = 0

    def of(self, results: Results) -> int:
        """`start_ns` of the stream that these results belong to."""
        if results.stream != self._stream:
            self._stream, self._start_ns = results.stream, results.t_ns
        return self._start_ns


def frame_event(results: Results, start_ns: int) -> Event:
    """What one frame shows; `start_ns` is the time of the stream's first frame."""
    return {
        "frame": results.frame,
        "t_ms": round((results.t_ns - start_ns) / 1e6, 3),
        "status": results.status,
        "tracks": [
            {
                "track_id": track.track_id,
                "status": track.status,
                "card_id": track.card_id,
                "name": track.name,
                "distance": track.distance,
                "gap": track.gap,
                "quad": track.quad,
            }
            for track in results.tracks
        ],
        "latency_ms": latency_ms(results.trace),
    }


def visit_event(visit: Visit, start_ns: int) -> Event:
    """A visit that was confirmed or has ended."""
    fields: Event = msgspec.to_builtins(visit)
    fields["t_ms"] = round((fields.pop("t_ns") - start_ns) / 1e6, 3)
    return fields


def latency_ms(trace: list[Hop]) -> dict[str, float]:
    """Per stage from receipt to its answer, and `total` from the frame's arrival to the result."""
    stages = {hop.stage: round((hop.done_ns - hop.received_ns) / 1e6, 3) for hop in trace}
    if trace:
        stages["total"] = round((max(hop.done_ns for hop in trace) - trace[0].received_ns) / 1e6, 3)
    return stages
