"""The collection beside a real system: what was confirmed on the bus is on the disk."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from running import PATIENCE_S, SLEEVESIGHT, System, configuration

from actors.config import Config, dump, updated
from collection.database import Database
from collection.query import Filter, Visit, page, sessions


def collecting(config: Config, path: Path) -> Config:
    return updated(updated(config, "sinks", enabled=["collection"]), "collection", file=str(path))


def kept(path: Path) -> list[Visit]:
    with Database(path) as database:
        return page(database, Filter(), 1000)[::-1]


def test_a_stream_becomes_a_session(catalogue: Path, pictures: Path, short: Path) -> None:
    """Every visit that the summary counts is there, once, with its picture, its reference and its end."""
    config = updated(configuration(short / "run", catalogue, f"images:{pictures}"), "log", level="warning")
    (short / "c.toml").write_text(dump(collecting(config, short / "c.sqlite")))
    command = [*SLEEVESIGHT, "replay", pictures, "--config", short / "c.toml", "--mode", "lockstep"]
    done = subprocess.run([*command, "--events", short / "e"], capture_output=True, text=True, timeout=4 * PATIENCE_S)
    assert done.returncode == 0, done.stderr
    summary = json.loads((short / "e").read_text().splitlines()[-1])["summary"]
    visits = kept(short / "c.sqlite")
    assert [one.card.card_id if one.card else None for one in visits if one.card] == [
        one["card_id"] for one in summary["visits"]
    ]
    assert len(visits) - len(summary["visits"]) == summary["unknown_visits"]
    assert all(one.thumbnail and one.ended_ms for one in visits)
    assert all(one.card.picture and Path(one.card.picture).is_file() for one in visits if one.card)
    with Database(short / "c.sqlite") as database:
        assert [one.cards for one in sessions(database, 9)] == [len(summary["visits"])]


def test_a_killed_sink_has_lost_nothing_that_it_wrote(
    launch: Callable[..., System], config: Config, short: Path
) -> None:
    """SIGKILL in the middle of a stream: its successor goes on in the same session, and no visit is there twice."""
    path = short / "c.sqlite"
    system = launch(collecting(updated(config, "bus", run_dir=str(short / "run")), path))
    system.ear.until(lambda: path.exists() and len(kept(path)) > 1, "visits are written down")
    before = [(one.visit, one.read_as) for one in kept(path)]
    os.kill(int((short / "c.sqlite.lock").read_text()), signal.SIGKILL)
    system.ear.until(lambda: len(kept(path)) > len(before) + 1, "the next sink goes on")
    after = [(one.visit, one.read_as) for one in kept(path)]
    assert after[: len(before)] == before
    with Database(path) as database:
        assert len(sessions(database, 9)) == 1
        told = database.connection.execute("SELECT count(*), count(DISTINCT life || number) FROM visit").fetchone()
    assert told[0] == told[1]


def test_a_killed_smoother_counts_nothing_again(
    launch: Callable[..., System], config: Config, pictures: Path, short: Path
) -> None:
    """SIGKILL while five cards lie on the table: every one of them was confirmed, and kept, once more."""
    (short / "still").mkdir()
    for number in range(900):
        (short / "still" / f"{number:03d}.png").hardlink_to(pictures / "000.png")
    path = short / "c.sqlite"
    config = updated(updated(config, "bus", run_dir=str(short / "run")), "capture", source=f"images:{short / 'still'}")
    system = launch(collecting(config, path))
    system.ear.until(lambda: path.exists() and len(kept(path)) == 5, "all cards are written down")
    killed = system.kill("smoother", signal.SIGKILL)

    def shown() -> set[str | None]:
        return {track.card_id for one in system.ear.results[-1:] if one.t_ns > killed for track in one.tracks}

    system.ear.until(lambda: len(shown() - {None}) == 5, "all cards are named again")
    system.ear.until(lambda: system.ear.results[-1].t_ns > killed + 3_000_000_000, "they have been looked at anew")
    assert [visit.event for visit in system.ear.confirmed()] == ["confirmed"] * 5
    assert len(kept(path)) == 5
