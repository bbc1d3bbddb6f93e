"""One message of every kind, with every field set: the golden files and the specification are made from them."""

from bus import messages as m
from bus.topics import CROPS, EMBEDDINGS, FRAME, HEARTBEAT, MATCHES, RESULTS, TRACKS, Topic

QUAD = [(10.0, 20.0), (110.5, 20.0), (110.5, 160.25), (10.0, 160.25)]
TRACE = [m.Hop("capture", 1_000, 2_000), m.Hop("detect", 2_000, 9_000)]
HEAD = {"session": "5e551011", "seq": 7, "stream": "57ea3000", "frame": 42, "t_ns": 1_400_000_000, "trace": TRACE}
CANDIDATE = m.Candidate("sv1-1", "Pineco", "Scarlet & Violet", "1", 0.081, 1.37)

SAMPLES: dict[str, tuple[Topic, m.Message]] = {
    "frame": (
        FRAME,
        m.Frame(**HEAD, ref=m.FrameRef("c0ffee00", 3, 1520, 1520, 1_650_000_000), detections=[m.Box(QUAD, 0.93)]),
    ),
    "tracks": (TRACKS, m.Tracks(**HEAD, tracks=[m.TrackState(5, QUAD, 0.93, 12, 0, asked=True, seen=True)], crops=1)),
    "crops": (CROPS, m.Crops(**HEAD, width=256, height=358, crops=[m.Crop(5, 42, [0, 2], 310.5)])),
    "embeddings": (
        EMBEDDINGS,
        m.Embeddings(
            **HEAD, model="ab" * 32, dim=128, items=[m.Embedding(5, 42, [0, 2]), m.Embedding(6, 42, [0], "late")]
        ),
    ),
    "matches": (
        MATCHES,
        m.Matches(
            **HEAD,
            catalog="2026-11-23T10:00:00+00:00",
            matches=[m.Match(5, 42, "confirmed", 2, 0.081, 0.42, ["sv1-1", "sv9-1"], [CANDIDATE])],
        ),
    ),
    "results": (
        RESULTS,
        m.Results(
            **HEAD,
            status="cards",
            tracks=[
                m.TrackResult(
                    5,
                    "confirmed",
                    QUAD,
                    "sv1-1",
                    "Pineco",
                    "Scarlet & Violet",
                    "1",
                    0.081,
                    0.42,
                    3,
                    ["sv1-1"],
                    [CANDIDATE],
                )
            ],
            visits=[
                m.Visit(
                    3,
                    "confirmed",
                    5,
                    39,
                    42,
                    1_400_000_000,
                    "sv1-1",
                    "Pineco",
                    "Scarlet & Violet",
                    "1",
                    0.081,
                    0.42,
                    ["sv1-1"],
                )
            ],
            life="5e551002",
        ),
    ),
    "heartbeat": (
        HEARTBEAT,
        m.Heartbeat(
            session="5e551011",
            seq=7,
            actor="selector",
            pid=4711,
            t_ns=1_500_000_000,
            state="ready",
            started_ns=1_000_000_000,
            last_in_ns=1_499_000_000,
            last_out_ns=1_499_500_000,
            counts={"frames": 43},
            drops={"frame.stale": 1},
            subscribers={"tracks": 1},
            queue=0,
            p95_ms=0.8,
            rss_bytes=52_000_000,
            start_deadline_s=120.0,
            live=False,
            detail="",
            temperature_c=48.5,
        ),
    ),
    "bye": (FRAME, m.Bye(session="5e551011", seq=8, final=True, reason="end of stream", frames=43)),
}
