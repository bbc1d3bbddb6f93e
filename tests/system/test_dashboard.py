"""The dashboard beside real processes: as a guest, and in the demonstration that shows everything."""

import json
import os
import re
import select
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest
from dashboard_booth import Page, visit_page
from running import SLEEVESIGHT, System

from actors.config import Config, dump, updated
from bus.lock import FileLock
from collection import query
from collection.database import Database
from collection.query import Filter


class Guest:
    """`sleevesight dashboard` for a configuration."""

    def __init__(self, config: Config) -> None:
        file = Path(config.bus.run_dir).with_name("guest.toml")
        file.write_text(dump(updated(config, "dashboard", port=0)))
        self.process = subprocess.Popen(
            [*SLEEVESIGHT, "dashboard", "--config", str(file)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        said = line(self.process.stdout)
        found = re.search(r"http://127\.0\.0\.1:\d+/", said)
        assert found, said
        self.url = found[0]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


def line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


@pytest.fixture
def guest(config: Config) -> Iterator[Guest]:
    guest = Guest(config)
    yield guest
    if guest.process.poll() is None:
        guest.process.kill()
        guest.process.wait()


def test_a_guest_comes_and_goes(guest: Guest, system: System) -> None:
    """It shows pictures and cards of a system that was there before it, and the system does not notice."""
    before = len(system.ear.results)

    async def act(page: Page, _browser: Any) -> None:
        await page.say("watch", on=True)
        await page.until(lambda: any(b"\xff\xd8\xff" in picture for picture in page.pictures))
        await page.until(lambda: page.names())
        await page.until(lambda: page.news["health"]["health"]["state"] == "live")
        # Each is missing until its next heartbeat, within a second.
        await page.until(lambda: {one["state"] for one in page.news["health"]["health"]["processes"]} == {"ready"})

    visit_page(SimpleNamespace(url=guest.url), act)  # type: ignore[arg-type]
    assert guest.stop() == 0
    system.ear.until(lambda: len(system.ear.results) > before + 5, "frames are answered while it goes")
    assert system.process.poll() is None


def test_a_page_before_the_system(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whoever opens the page first sees that it waits, and how to go on."""
    guest = Guest(updated(Config(), "bus", run_dir=str(tmp_path_factory.mktemp("g") / "run")))

    async def act(page: Page, browser: Any) -> None:
        assert page.news["health"]["health"]["state"] == "waiting"
        async with browser.get("/") as answer:
            assert answer.status == 200

    visit_page(SimpleNamespace(url=guest.url), act)  # type: ignore[arg-type]
    assert guest.stop() == 0


@pytest.fixture
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], dict[str, str], Path]:
    """Command and environment of a small one, and its run directory."""
    folder = tmp_path_factory.mktemp("d")
    config = updated(Config(), "bus", run_dir=str(folder / "run"))
    config = updated(config, "scene", width=640, height=640, count=20)
    (folder / "demo.toml").write_text(dump(updated(config, "log", level="warning")))
    command = [*SLEEVESIGHT, "demo", "--port", "0", "--config", str(folder / "demo.toml")]
    return command, {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "DISPLAY": ""}, folder / "run"


def left(run_dir: Path) -> list[str]:
    """What lies in the run directory besides locks."""
    return [path.name for path in run_dir.iterdir() if path.suffix != ".lock"]


def test_the_demonstration(demonstration: tuple[list[str], dict[str, str], Path]) -> None:
    """One command from nothing: cards, catalogue, all processes and the page, and nobody left when it ends."""
    command, environment, run_dir = demonstration
    done = subprocess.run(
        [*command, "--headless"], capture_output=True, text=True, env=environment, timeout=100, check=False
    )
    assert done.returncode == 0, done
    assert re.search(r"first picture after \d+\.\d+ s; first card after", done.stdout), done
    assert left(run_dir) == []
    file = Path(environment["XDG_CACHE_HOME"]) / "sleevesight" / "demo.sqlite"
    assert f"collected in {file}" in done.stdout
    with Database(file) as database:
        assert query.page(database, Filter(), 9), "what was seen can be looked through afterwards"


def test_a_demonstration_begins_with_an_empty_collection(
    demonstration: tuple[list[str], dict[str, str], Path],
) -> None:
    """Cards of the last one would be counted; but nothing is taken from under one that still runs."""
    command, environment, _ = demonstration
    file = Path(environment["XDG_CACHE_HOME"]) / "sleevesight" / "demo.sqlite"
    with Database(file, create=True):
        lock = FileLock(file.with_name("demo.sqlite.lock"), "the sink")
        done = subprocess.run(
            [*command, "--headless"], capture_output=True, text=True, env=environment, timeout=100, check=False
        )
        lock.release()
    assert done.returncode == 2
    assert "another demonstration is already running" in done.stderr
    assert file.exists()


def test_one_list_for_page_and_command(launch: Callable[..., System], config: Config, short: Path) -> None:
    """Beside a system that collects: what the page undoes is undone for the command, in other processes altogether."""
    file = short / "c.sqlite"
    config = updated(updated(config, "bus", run_dir=str(short / "run")), "collection", file=str(file))
    system = launch(updated(config, "sinks", enabled=["collection"]))
    system.ear.until(system.ear.confirmed, "a card is confirmed")
    guest = Guest(config)

    async def act(page: Page, _browser: Any) -> None:
        await page.until(lambda: page.names() and page.news["session"]["kept"] == str(file))
        await page.say("undo")
        await page.until(lambda: "Undone: seen" in page.news.get("note", {}).get("text", ""))

    visit_page(SimpleNamespace(url=guest.url), act)  # type: ignore[arg-type]
    assert guest.stop() == 0
    command = [*SLEEVESIGHT, "collection", "log", "--file", str(file), "--json"]
    log = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [json.loads(line)["what"][:4] for line in log].count("undo") == 1


def test_a_demonstration_that_is_killed_leaves_nobody(
    demonstration: tuple[list[str], dict[str, str], Path],
) -> None:
    """A terminal that is closed by force: the system went on rendering for hours, seen by nobody."""
    command, environment, run_dir = demonstration
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=environment)
    while "The dashboard is at" not in (said := line(demo.stdout)):
        assert said, "it ended"
    launcher = int((run_dir / "launcher.lock").read_text())
    ended = os.pidfd_open(launcher)
    demo.kill()
    demo.wait()
    assert select.select([ended], [], [], 20)[0], "its system goes on"
    os.close(ended)
    assert left(run_dir) == []
