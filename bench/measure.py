"""`sleevesight bench replay`: a stream through the real processes, watched, scored and judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec

from actors.config import Config
from actors.sources.base import parse
from actors.sources.scene import open_scene
from bench.budgets import Profile
from bench.probe import Probe
from bench.provenance import provenance
from bench.replay import ReplayError, replay
from bench.report import Report, report
from bench.score import Score, score
from bus.messages import Results

NOTHING: Mapping[str, str] = MappingProxyType({})


def never() -> bool:
    """Nobody wants an end."""
    return False


def measure(
    config: Config,
    profile: Profile,
    stop: Callable[[], bool] = never,
    repeat: int = 1,
    excused: Mapping[str, str] = NOTHING,
) -> Report:
    """Replay the stream of a configuration, `repeat` times in all, and report on the first run.

    `excused`: budgets that this stream proves nothing about (`Profile.judge`). Raises what `replay` raises, and
    ReplayError for a stream without an answer. ValueError for a repetition that cannot be compared.
    """
    mode = config.capture.pace
    if repeat > 1 and mode != "lockstep":
        raise ValueError(f"in {mode} two runs differ by their timing: repeat in lockstep")
    probe = Probe()
    summary = replay(config, stop=stop, probe=probe)
    if not probe.results:
        raise ReplayError("no frame was answered: nothing can be reported")
    again = repeat - 1 if summary["complete"] else 0
    return report(
        stream=title(config),
        mode=mode,
        profile=profile,
        made=provenance(config),
        summary=summary,
        probe=probe,
        score=_scored(config, probe.results),
        differing=_differing(config, timeless(probe.results), stop, again) if again else None,
        excused=excused,
    )


def title(config: Config) -> str:
    """What to call the stream of a configuration, wherever its file lies."""
    scheme, argument = parse(config.capture.source)
    return f"{scheme}:{Path(argument).name or 'demo'}"


def _scored(config: Config, results: Sequence[Results]) -> Score | None:
    """Scored against the truth up to the last answer, where there is one: a scene that ran once from its beginning."""
    scheme, argument = parse(config.capture.source)
    if scheme != "scene" or len({one.stream for one in results}) != 1:
        return None
    scene = open_scene(argument or "demo", config.scene)
    return score([scene.showings(index) for index in range(results[-1].frame + 1)], results, scene.fps)


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
                life="",
                t_ns=0,
                trace=[],
                visits=[msgspec.structs.replace(visit, t_ns=0) for visit in one.visits],
            )
        )
        for one in results
    ]
