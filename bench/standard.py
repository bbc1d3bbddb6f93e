"""The standard streams: every scene, and the real videos beside the checkout where they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from actors.config import Config, updated
from bench.budgets import Profile, Row
from bench.measure import measure
from bench.report import Report
from synth.scene import SCENARIOS

VIDEOS = Path(__file__).parents[2] / "shared" / "real" / "video"
_EXCUSED = {"at_least.saved": "judged over all standard streams"}
"""Some of them show new cards all the time, which have to be embedded; others lie still."""


def sources(videos: Path = VIDEOS) -> list[str]:
    """What to replay, by name."""
    found = sorted(videos.glob("*.mp4")) if videos.is_dir() else []
    return [*(f"scene:{name}" for name in SCENARIOS), *(f"video:{path}" for path in found)]


def replay_all(config: Config, profile: Profile, stop: Callable[[], bool]) -> Iterator[Report]:
    """A report of each, one after the other, until somebody wants an end."""
    for source in sources():
        if stop():
            return
        yield measure(updated(config, "capture", source=source), profile, stop, excused=_EXCUSED)


def together(reports: Sequence[Report], profile: Profile) -> Row | None:
    """The embeddings that were saved over all streams; None where the profile sets no limit."""
    cards, embeddings = (sum(one.summary[key] for one in reports) for key in ("cards_seen", "embeddings"))
    rows = profile.judge({"at_least": {"saved": cards / embeddings if embeddings else None}}, "", "", {})
    return next((row for row in rows if row.row == "saved"), None)
