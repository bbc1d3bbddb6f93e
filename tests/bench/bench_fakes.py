"""A measured replay without processes: what a probe would have heard, and the report of it."""

from __future__ import annotations

from bench.budgets import Profile, profile
from bench.probe import Probe
from bench.provenance import Provenance
from bench.report import Report, report
from bench.score import Score
from bench.summary import summarise
from bus.messages import Heartbeat, Hop, Results

CACHED = (("detect", 0.0, 3.0), ("capture", 3.0, 4.0), ("select", 4.5, 5.0), ("smooth", 5.5, 6.0))
NEW = (*CACHED[:3], ("embed", 6.0, 20.0), ("match", 20.5, 22.0), ("smooth", 22.5, 23.0))
LIFE = "one"
MADE = Provenance(
    date="2026-11-24 12:00 UTC",
    machine="Some processor, 2 cores, x86_64, Linux 6",
    git="abc",
    versions={"python": "3.11", "numpy": "2"},
    stream="s" * 64,
    model="m" * 64,
    catalog="c" * 64,
    config="f" * 64,
)
SCORE = Score(
    presences=2,
    strangers=1,
    counted=2,
    right=2,
    wrong=0,
    again=0,
    missed=0,
    id_switches=0,
    flicker=0,
    confirm_frames=[4, 9],
    fps=30.0,
    mistakes=[],
)


def answer(frame: int, new: bool = False, scale: float = 1.0, stream: str = LIFE) -> Results:
    """A frame's result whose stages took `scale` times as long as usual."""
    hops = [
        Hop(name, round(begin * scale * 1e6), round(end * scale * 1e6)) for name, begin, end in (NEW if new else CACHED)
    ]
    return Results(stream=stream, frame=frame, t_ns=frame * 33_000_000, trace=hops, status="cards", tracks=[])


def beat(actor: str, session: str = LIFE, started_s: float = 0.0, ready_s: float = 0.5, **counts: int) -> Heartbeat:
    """The heartbeat with which a life of an actor says that it is ready."""
    return Heartbeat(
        session=session,
        actor=actor,
        pid=1,
        t_ns=round((started_s + ready_s) * 1e9),
        state="ready",
        started_ns=round(started_s * 1e9),
        counts=counts,
    )


class Roll:
    """A roll call that has heard these heartbeats."""

    def __init__(self, *beats: Heartbeat) -> None:
        self.readied = {(one.actor, one.session): one for one in beats}
        self.heartbeats = self.readied


def probe(frames: int = 40, every: int = 8, scale: float = 1.0, *more: Heartbeat, slowed: int = 0) -> Probe:
    """A new card in every `every`-th frame, five of them in every second one of these."""
    made = Probe()
    results = [answer(number, number % every == 0, scale) for number in range(frames)]
    crops = {(LIFE, number): 5 if number % (2 * every) == 0 else 1 for number in range(0, frames, every)}
    counts = {"frames": frames, "slowed": slowed}
    beats = [beat("selector", tracks=80), beat("capture", started_s=0.2, **counts), beat("embedder", embeddings=8)]
    made.heard(results, crops, Roll(*beats, *more))  # type: ignore[arg-type]
    made.samples = [
        (0.1, {"launcher": 60.0, "capture": 30.0}),
        (1.1, {"capture": 95.5, "sink.jsonl": 14.0, "launcher": 21.0}),
    ]
    return made


def reported(
    watched: Probe | None = None,
    *,
    mode: str = "paced",
    stream: str = "video:a.mp4",
    budgets: Profile | None = None,
    made: Provenance = MADE,
    score: Score | None = SCORE,
    complete: bool = True,
    excused: dict[str, str] | None = None,
    differing: int | None = None,
) -> Report:
    """The report of it, for the laptop if nothing else is asked for."""
    watched = watched or probe()
    return report(
        stream=stream,
        mode=mode,
        profile=budgets or profile("laptop-onnx"),
        made=made,
        summary=summarise(watched.results, watched.last, {}, complete),
        probe=watched,
        score=score,
        differing=differing,
        excused=excused or {},
    )
