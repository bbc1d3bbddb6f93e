"""Real supervisord with the rendered configuration: what dies comes back, what hangs too, and an end leaves nothing."""

import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from running import PATIENCE_S, configuration

from actors.config import Config
from actors.run import WATCHDOG
from bench import supervised
from bench.service import hung, killed
from deploy.guard import NOTIFY_S

LOG_BYTES = 1000
"""Instead of a megabyte, so that logs rotate while one looks; and two starts instead of eleven, so that it gives up."""

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/comm").exists(), reason="a service is for Linux"),
    pytest.mark.xdist_group("service"),  # one service for the module
]


class Supervised(supervised.Supervised):
    """The service, impatient, and with its logs on standard output, which pytest shows of what failed."""

    wrong = ""
    """What is put at the end of the configuration file."""

    def command(self) -> Sequence[str]:
        command = super().command()
        file = self.run_dir.with_name("supervisord.conf")
        text = file.read_text()
        for before, after in (("startretries=10", "startretries=1"), ("maxbytes=1000000", f"maxbytes={LOG_BYTES}")):
            assert text.count(before) >= len(self.actors)
            text = text.replace(before, after)
        file.write_text(text)
        self.file.write_text(self.file.read_text() + self.wrong)
        return command

    def said(self, name: str) -> str:
        """Everything in the logs of a program, the oldest first."""
        return "".join(path.read_text() for path in sorted(self.logs.glob(f"{name}.log*"), reverse=True))

    def close(self) -> None:
        for path in sorted(self.logs.iterdir()):
            print(path.name, path.read_text(), sep="\n")
        super().close()


@pytest.fixture(scope="module")
def service(config: Config) -> Iterator[Supervised]:
    """One running service; whatever was done to it, it ends in order."""
    service = Supervised(config)
    try:
        service.wait_ready()
        yield service
        assert_orderly_end(service)
    finally:
        service.close()


@pytest.fixture
def begin(short: Path, catalogue: Path, recording: Path) -> Iterator[Callable[[str], Supervised]]:
    """A service of a test's own."""
    started = []

    def start(wrong: str = "") -> Supervised:
        kind = type("Service", (Supervised,), {"wrong": wrong})
        started.append(kind(configuration(short / "run", catalogue, f"recording:{recording}")))
        return started[-1]

    yield start
    for service in started:
        service.close()


def assert_orderly_end(service: Supervised) -> None:
    """Nobody has to be killed, who would lose what he held; the camera goes first, and the sinks are last."""
    code, _ = service.stop(signal.SIGTERM)
    assert code == 0
    assert service.processes() == {}
    assert [path.name for path in service.run_dir.iterdir() if path.suffix != ".lock"] == []
    said = service.said("supervisord")
    stopped = [line.split("stopped: ")[1] for line in said.splitlines() if "stopped: " in line]
    order = [WATCHDOG, "capture", "selector", "embedder", "matcher", "smoother", "sink.jsonl"]
    assert stopped == [f"{actor} (exit status 0)" for actor in order]


def children(service: Supervised) -> list[int]:
    return [service.pid(actor) for actor in service.actors]


def confirmed_again(service: Supervised) -> None:
    now = service.clock.now_ns()
    service.ear.until(lambda: service.ear.confirmed(now), "cards are confirmed again")


def test_no_port_is_open(service: Supervised) -> None:
    """A service in somebody's home is reached by nobody, unless the configuration says so."""
    for pid in (service.process.pid, *children(service)):
        links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
        held = {link.removeprefix("socket:[").rstrip("]") for link in links if link.startswith("socket:")}
        assert held, "every process has a socket"
        for table in ("tcp", "tcp6", "udp", "udp6"):
            path = Path(f"/proc/{pid}/net/{table}")
            inet = {line.split()[9] for line in path.read_text().splitlines()[1:]} if path.exists() else set()
            assert not held & inet, f"process {pid} has a {table} socket"
    assert (service.run_dir / "supervisor.sock").stat().st_mode & 0o077 == 0


def test_every_process_has_its_own_name_and_owner(service: Supervised) -> None:
    """They are copies of supervisord: in `top` they would all be called alike, and nobody would know whom he kills."""
    for actor in service.actors:
        pid = service.pid(actor)
        assert Path(f"/proc/{pid}/comm").read_text().strip() == actor[:15]
        assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1] == str(service.process.pid)


@pytest.mark.parametrize("actor", ["capture", "matcher", WATCHDOG])
def test_a_killed_actor_is_back(service: Supervised, actor: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A crash costs a moment; whoever was not hit goes on."""
    others = {name: service.session(name) for name in service.actors if name != actor}
    span = killed(service, actor)
    with capsys.disabled():
        print(f"\n  {span.what} after {span.seconds:.2f} s", end="")
    confirmed_again(service)
    assert {name: service.session(name) for name in others} == others


def test_a_hung_actor_is_noticed_and_back(service: Supervised, capsys: pytest.CaptureFixture[str]) -> None:
    """To supervisord a process that stands still is RUNNING, for ever."""
    others = {name: service.session(name) for name in service.actors if name != "capture"}
    for span in hung(service, "capture"):
        with capsys.disabled():
            print(f"\n  {span.what} after {span.seconds:.2f} s", end="")
    confirmed_again(service)
    assert {name: service.session(name) for name in others} == others
    assert "(recording" in service.said(WATCHDOG), "the source that fell silent is named"
    assert "stopped for" in service.said(WATCHDOG)


def test_a_stopped_watchdog_is_noticed_and_back(service: Supervised, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody missed its heartbeat, and from then on nobody else's: supervisord misses its questions."""
    others = {name: service.session(name) for name in service.actors if name != WATCHDOG}
    for span in hung(service, WATCHDOG):
        with capsys.disabled():
            print(f"\n  {span.what} after {span.seconds:.2f} s", end="")
    assert {name: service.session(name) for name in others} == others
    assert f"the {WATCHDOG} asks nothing any more: SIGKILL" in service.said("supervisord")
    for _ in hung(service, "smoother"):
        confirmed_again(service)


def test_systemd_is_told_as_long_as_supervisord_turns(
    begin: Callable[[], Supervised], short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A supervisord that stands still starts nobody again; systemd ends it when it hears nothing (WatchdogSec)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(short / "notify"))
        systemd.settimeout(PATIENCE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(short / "notify"))
        service = begin()
        assert [systemd.recv(64) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
        service.process.send_signal(signal.SIGSTOP)
        os.waitpid(service.process.pid, os.WUNTRACED)
        systemd.settimeout(2 * NOTIFY_S)
        with pytest.raises(TimeoutError):
            while True:
                systemd.recv(64)
        service.process.send_signal(signal.SIGCONT)


def test_a_crash_says_where_and_logs_rotate(service: Supervised) -> None:
    """What is ended for hanging says what it was doing; and a year of that must not fill the card that it runs from."""
    for _ in range(2):
        before = service.session("smoother")
        service.kill("smoother", signal.SIGABRT)
        service.ear.until(lambda before=before: service.ready("smoother", before), "the smoother is back")  # type: ignore[misc]
    assert "Fatal Python error: Aborted" in service.said("smoother")
    assert "loop.py" in service.said("smoother")
    for name in ("supervisord", "smoother"):
        assert (service.logs / f"{name}.log.1").exists()
    assert {path.name.rpartition(".")[2] for path in service.logs.iterdir()} <= {"log", "1", "2", "3"}


def test_a_wrong_configuration_is_said_and_mended(begin: Callable[[str], Supervised]) -> None:
    """One wrong key: it is named in the log, nobody spins, and all is well again once the file is, without a restart.

    supervisord gives up everybody; the watchdog, which needs no file, lifts them.
    """
    service = begin("\n[captures]\n")
    said = "unknown key 'captures': did you mean 'capture'?"
    service.ear.until(
        lambda: all(f"gave up: {name}" in service.said("supervisord") for name in ("capture", "sink.jsonl")),
        "supervisord gives up",
    )
    assert said in service.said("capture")
    assert said in service.said("supervisord")
    assert f"going on with the defaults: {service.file}: {said}" in service.said(WATCHDOG)
    assert service.said("supervisord").count("spawned: 'matcher'") == 2
    assert service.ready(WATCHDOG)
    assert service.process.poll() is None
    service.file.write_text(service.file.read_text().removesuffix(service.wrong))
    service.wait_ready()
    assert "given up by supervisord: starting it again" in service.said(WATCHDOG)
    assert_orderly_end(service)


def test_a_camera_that_is_not_there_is_said_in_a_line(short: Path, catalogue: Path) -> None:
    """OpenCV tells of its own attempts, every two seconds for as long as the camera is away, unless it was told not to.

    It reads that when it is imported, which supervisord does for its copies.
    """
    service = Supervised(configuration(short / "run", catalogue, "camera:57"))
    try:
        service.ear.until(lambda: "camera 57" in service.said("capture"), "capture says what is wrong")
        lines = service.said("capture").splitlines()
        assert [line for line in lines if not line.startswith("sleevesight: capture: camera 57 cannot be opened")] == []
        assert service.stop(signal.SIGTERM)[0] == 0
    finally:
        service.close()


def test_nobody_outlives_supervisord(begin: Callable[[], Supervised]) -> None:
    """Actors without an owner would keep the camera and the sockets from those that systemd starts anew."""
    service = begin()
    service.ear.until(lambda: all(map(service.ready, service.actors)), "everybody is ready")
    pids = children(service)
    service.process.kill()
    service.process.wait()
    service.ear.until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "they end as well")
