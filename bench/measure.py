"""`sleevesight bench replay`: a stream through the real processes, watched, scored and judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from actors.config import Config, updated
from actors.sources.base import parse
from actors.sources.scene import open_scene
from bench.budgets import Profile
from bench.probe import Probe
from bench.provenance import provenance
from bench.replay import ReplayError, replay
from bench.report import Report, report
from bench.score import Score, score
from bus.messages import Results
from synth.scene import SCENARIOS

VIDEOS = Path(__file__).parents[2] / "shared" / "real" / "video"
"""Real streams, in the folder beside the checkout where there is one."""


def never() -> bool:
    """Nobody wants an end."""
    return False


def measure(config: Config, profile: Profile, stop: Callable[[], bool] = never, repeat: int = 1) -> Report:
    """Replay the stream of a configuration, `repeat` times in all, and report on the first run.

    Raises what `replay` raises, and ReplayError for a stream without an answer. ValueError for a repetition that cannot
    be compared.
    """
    mode = config.capture.pace
    if repeat > 1 and mode != "lockstep":
        raise ValueError(f"in {mode} two runs differ by their timing: repeat in lockstep")
    made = provenance(config)  # before the run: a catalogue that is none is said at once
    probe = Probe()
    summary = replay(config, stop=stop, probe=probe)
    if not probe.results:
        raise ReplayError("no frame was answered: nothing can be reported")
    return report(
        stream=title(config),
        mode=mode,
        profile=profile,
        made=made,
        summary=summary,
        probe=probe,
        score=_scored(config, probe.results),
        differing=_differing(config, timeless(probe.results), stop, repeat - 1) if repeat > 1 else None,
    )


def title(config: Config) -> str:
    """What to call the stream of a configuration, wherever its file lies."""
    scheme, argument = parse(config.capture.source)
    return f"{scheme}:{Path(argument).name or 'demo'}"


def standard(config: Config, videos: Path = VIDEOS) -> Iterator[Config]:
    """The configuration with each of the standard streams: every scene, and the real videos where they are."""
    found = sorted(videos.glob("*.mp4")) if videos.is_dir() else []
    for source in (*(f"scene:{name}" for name in SCENARIOS), *(f"video:{path}" for path in found)):
        yield updated(config, "capture", source=source)


def _scored(config: Config, results: Sequence[Results]) -> Score | None:
    """Scored against the truth, where there is one: a scene that ran once from its beginning."""
    scheme, argument = parse(config.capture.source)
    if scheme != "scene" or len({one.stream for one in results}) != 1:
        return None
    scene = open_scene(argument or "demo", config.scene)
    return score([scene.showings(index) for index in range(scene.frames)], results, scene.fps)


def _differing(config: Config, first: Sequence[bytes], stop: Callable[[], bool], times: int) -> int:
    """How many answers of further runs are others than those of the first one, at most."""
    most = 0
    for _ in range(times):
        probe = Probe()
        replay(config, stop=stop, probe=probe)
        again = timeless(probe.results)
        missing = abs(len(first) - len(again))
        most = max(most, missing + sum(a != b for a, b in zip(first, again, strict=False)))
    return most


def timeless(results: Sequence[Results]) -> list[bytes]:
    """The answers as bytes, without times and sessions: what two runs in lockstep have in common."""
    return [
        msgspec.msgpack.encode(
            msgspec.structs.replace(
                one,
                session="",
                stream="",
                t_ns=0,
                trace=[],
                visits=[msgspec.structs.replace(visit, t_ns=0) for visit in one.visits],
            )
        )
        for one in results
    ]
