"""The service in a Debian of its own, with a systemd of its own: installed, ill-treated, rebooted and removed.

`sudo .venv/bin/python -m deploy.rehearsal bookworm|trixie [--catalog DIR]` makes a fresh root with debootstrap, boots
it with systemd-nspawn, runs install.sh there as on a Pi (without the Pi's own packages), lets a rendered scene play,
and prints for every failure after how long all is well again; 1 if anything is not as docs/service.md says. It takes
three minutes and 1 GB of disk for as long. Needs: apt-get install debootstrap systemd-container.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
CHECKOUT = Path(__file__).resolve().parents[1]
TOOLS = ("debootstrap", "systemd-nspawn", "nsenter")
PACKAGES = "systemd,systemd-sysv,dbus,procps,ca-certificates"
MIRROR = "http://deb.debian.org/debian"
CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")
SCENE = '\n[capture]\nsource = "scene"\n\n[scene]\nloop = true\n'
CONFIG, LOGS = Path("etc/sleevesight/config.toml"), Path("var/log/sleevesight")
OWNER = "sleevesight"
OF_THE_PROGRAM = ("opt/sleevesight", "etc/systemd/system/sleevesight.service")
OF_THE_USER = ("etc/sleevesight", "var/lib/sleevesight/catalog", "var/log/sleevesight")
PATIENCE_S = 60.0
POWER_OFF = signal.SIGRTMIN + 4
"""What systemd takes for `poweroff` (systemd(1), "SIGNALS")."""


class Failed(RuntimeError):
    """Something is not as it has to be."""


class Machine:
    """A Debian root and, once booted, the systemd that runs in it."""

    def __init__(self, root: Path, release: str) -> None:
        self.root = root
        _run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", release, str(root), MIRROR)
        for shared in (Path("etc/resolv.conf"), Path("etc/hosts"), CERTIFICATES):
            shutil.copyfile(Path("/") / shared, root / shared)
        self._leader = 0

    @contextmanager
    def booted(self, catalogue: Path) -> Iterator[float]:
        """A run of it, from power on to power off; gives the time at which it was switched on."""
        console = self.root.with_suffix(".console")
        binds = [f"--bind-ro={CHECKOUT}:/root/checkout", f"--bind-ro={catalogue}:/root/catalog"]
        with console.open("ab") as out:
            host = subprocess.Popen(
                [
                    str(shutil.which("systemd-nspawn")),
                    "--register=no",
                    "--keep-unit",
                    "-b",
                    "-D",
                    str(self.root),
                    *binds,
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        begun = time.monotonic()
        try:
            self._leader = until(lambda: _child(host.pid), f"the container's systemd, see {console}")
            until(lambda: self.says("systemctl", "is-system-running") in ("running", "degraded"), f"up: {console}")
            yield begun
            os.kill(self._leader, POWER_OFF)
            host.wait(PATIENCE_S)
        finally:
            if host.poll() is None:
                host.kill()
                host.wait()

    def says(self, *command: str, check: bool = False) -> str:
        """What a command prints in it."""
        inside = ["nsenter", "-t", str(self._leader), "-m", "-u", "-i", "-p", "-C", "-r", "-w", "--"]
        own = {key: value for key, value in os.environ.items() if key.startswith("PIP_CERT") or key.endswith("_proxy")}
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "SLEEVESIGHT_ANY_MACHINE": "1", **own}
        done = subprocess.run([*inside, *command], capture_output=True, text=True, env=env, check=False)
        if check and done.returncode != 0:
            raise Failed(
                f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
        return done.stdout.strip()

    def main(self) -> int:
        """The number of supervisord in the container; 0 if there is none."""
        return int(self.says("systemctl", "show", "-p", "MainPID", "--value", "sleevesight") or 0)

    def log(self, name: str) -> str:
        """All that stands in a log of the service."""
        path = self.root / LOGS / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def readied(self) -> int:
        """How often capture, which starts last, has been ready."""
        return self.log("capture").count('"event": "ready"')

    def processes(self) -> list[int]:
        """The service's processes, by their numbers outside."""
        named = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if b"--configuration=/etc/sleevesight/supervisord.conf" in (entry / "cmdline").read_bytes():
                    named.append(int(entry.name))
            except OSError:
                continue
        return named


def until(condition: Callable[[], T], what: str, seconds: float = PATIENCE_S) -> T:
    """Wait for something to be so. Failed if that takes too long."""
    deadline = time.monotonic() + seconds
    while not (so := condition()):
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds:g} s: {what}")
        time.sleep(0.05)
    return so


class Rehearsal:
    """Everything that may happen to the service, one after the other."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def install(self) -> None:
        """As the guide says, then with a scene in place of a camera; the second time over what is there."""
        took = self._timed(lambda: self._install("--catalog", "/root/catalog"))
        _row("installed", took)
        path = self._machine.root / CONFIG
        text = re.sub(r"\[capture\]\nsource = .*\n", SCENE.lstrip(), path.read_text())
        path.write_text(text)
        ready = self._machine.readied()
        _row("installed again, with a scene as its camera", self._timed(self._install))
        self._ready_again(ready)
        if path.read_text() != text:
            raise Failed("the configuration was replaced by the second installation")

    def names_cards(self) -> None:
        """What it is there for."""
        until(lambda: "distance" in self._machine.log("sink.console"), "a card in sink.console.log")
        _row("names the cards of the scene")

    def is_shut_in(self) -> None:
        """The unit takes from it whatever it does not need."""
        machine = self._machine
        status = machine.says("grep", "-E", "^(Uid|CapEff|NoNewPrivs|Seccomp):", f"/proc/{machine.main()}/status")
        facts = dict(line.split(":", 1) for line in status.splitlines())
        if facts["Uid"].split()[0] == "0" or int(facts["CapEff"], 16) or facts["Seccomp"].split() != ["2"]:
            raise Failed(f"it may do too much: {status}")
        inside = ["nsenter", "-t", str(machine.main()), "-m", "--", "sh", "-c"]
        if machine.says(*inside, "touch /usr/x 2>/dev/null && echo yes; ls /home 2>/dev/null"):
            raise Failed("it can write below /usr, or see /home")
        ports = listening() & {inode for pid in machine.processes() for inode in sockets(pid)}
        if ports:
            raise Failed(f"{len(ports)} ports are open")
        verdict = machine.says("systemd-analyze", "security", "--no-pager", "sleevesight").splitlines()[-1]
        exposure = re.sub(r"^.*: ([\d.]+).*$", r"\1", verdict)
        _row(f"no root, no capabilities, no port, only its own to write; exposure {exposure} of 10 (systemd-analyze)")

    def main_is(self, signal_name: str, what: str) -> None:
        """A signal for supervisord: systemd begins anew."""
        machine = self._machine
        before, ready = machine.main(), machine.readied()
        begun = time.monotonic()
        machine.says("kill", f"-{signal_name}", str(before), check=True)
        until(lambda: machine.main() not in (0, before), "another supervisord")
        self._ready_again(ready)
        _row(what, time.monotonic() - begun)

    def matcher_hangs(self) -> None:
        """An actor that stands still is ended by the watchdog, whose word systemd does not need."""
        machine = self._machine
        before = spawned(machine.log("supervisord"), "matcher")
        begun = time.monotonic()
        machine.says("kill", "-STOP", str(before[-1]), check=True)
        until(lambda: len(spawned(machine.log("supervisord"), "matcher")) > len(before), "another matcher")
        _row("an actor is stopped: ended, and started again", time.monotonic() - begun)

    def reload(self) -> None:
        """`systemctl reload` after a change of the configuration."""
        ready, begun = self._machine.readied(), time.monotonic()
        self._machine.says("systemctl", "reload", "sleevesight", check=True)
        self._ready_again(ready)
        _row("reload: all ended in order, all ready", time.monotonic() - begun)

    def stop(self) -> None:
        """An orderly end leaves nothing behind."""
        took = self._timed(lambda: self._machine.says("systemctl", "stop", "sleevesight", check=True))
        result = self._machine.says("systemctl", "show", "-p", "Result", "--value", "sleevesight")
        left = [*self._machine.processes(), *self._machine.says("ls", "/run/sleevesight").split()]
        if result != "success" or left:
            raise Failed(f"stopped with {result}; processes or files left: {left}")
        if '"event": "stopped"' not in self._machine.log("sink.console").splitlines()[-1]:
            raise Failed("the sink did not say good-bye")
        _row("stop: every process ended in order, nothing left", took)

    def starts_with_the_machine(self, switched_on: float, ready: int) -> None:
        """It is enabled: nobody logs in on a Pi to start it."""
        self._ready_again(ready)
        _row("power on to ready", time.monotonic() - switched_on)

    def uninstall(self) -> None:
        """What was put there is gone, first without what belongs to the user, then with it."""
        self._install("--uninstall")
        if not all(self._there(*OF_THE_USER)) or any(self._there(*OF_THE_PROGRAM)):
            raise Failed("--uninstall took what it should have left, or left what it should have taken")
        self._install("--uninstall", "--purge")
        if any(self._there(*OF_THE_USER)) or self._machine.says("getent", "passwd", OWNER):
            raise Failed("--uninstall --purge left something")
        _row("uninstalled, and purged")

    def _there(self, *paths: str) -> list[bool]:
        return [(self._machine.root / path).exists() for path in paths]

    def _install(self, *options: str) -> None:
        self._machine.says("sh", "/root/checkout/deploy/install.sh", *options, check=True)

    def _ready_again(self, before: int) -> None:
        until(lambda: self._machine.readied() > before, "capture is ready: see its log")

    @staticmethod
    def _timed(action: Callable[[], object]) -> float:
        begun = time.monotonic()
        action()
        return time.monotonic() - begun


def rehearse(machine: Machine, catalogue: Path) -> None:
    """All of it, in an order in which each leaves the service well for the next. Failed at the first that is not."""
    rehearsal = Rehearsal(machine)
    with machine.booted(catalogue):
        rehearsal.install()
        rehearsal.names_cards()
        rehearsal.is_shut_in()
        rehearsal.matcher_hangs()
        rehearsal.main_is("KILL", "supervisord is killed: all ready again")
        rehearsal.main_is("STOP", "supervisord is stopped: systemd's watchdog ends it, all ready again")
        rehearsal.reload()
        rehearsal.stop()
        ready = machine.readied()
    with machine.booted(catalogue) as switched_on:
        rehearsal.starts_with_the_machine(switched_on, ready)
        rehearsal.uninstall()


def spawned(log: str, name: str) -> list[int]:
    """The numbers of all processes that supervisord's log says it started under a name."""
    return [int(number) for number in re.findall(rf"spawned: '{re.escape(name)}' with pid (\d+)", log)]


def listening(tables: Path = Path("/proc/net")) -> set[str]:
    """The inodes of all internet sockets that wait for somebody: TCP that listens, UDP that is bound."""
    found = set()
    for name, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        path = tables / name
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            fields = line.split()
            if fields[3] == state:
                found.add(fields[9])
    return found


def sockets(pid: int) -> set[str]:
    """The inodes of a process's sockets."""
    found = set()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            target = str(one.readlink())
            if target.startswith("socket:["):
                found.add(target[8:-1])
    return found


def _child(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return int(children.read_text().split()[0]) if children.exists() and children.read_text() else 0


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{command[0]}: {(done.stderr or done.stdout).strip().splitlines()[-1]}")


def _row(what: str, seconds: float | None = None) -> None:
    print(f"ok  {'' if seconds is None else f'{seconds:.1f} s':>8}  {what}", flush=True)


def main() -> int:
    """Print a line for each thing that is as it should be; 1 and the reason at the first that is not."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.rehearsal", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("release", choices=("bookworm", "trixie"))
    parser.add_argument("--catalog", type=Path, default=Path("build/demo/catalog"), help="default: that of `make demo`")
    parser.add_argument("--work", type=Path, help="where the root is made, and removed (default: with temporary files)")
    options = parser.parse_args()
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        parser.error(f"{', '.join(missing)} not found: apt-get install debootstrap systemd-container")
    if os.geteuid() != 0:
        parser.error("run it with sudo: it boots a container")
    if not (options.catalog / "manifest.json").is_file():
        parser.error(f"{options.catalog} is no catalogue: `make demo` builds one, or name another with --catalog")
    with tempfile.TemporaryDirectory(prefix="sleevesight-", dir=options.work) as folder:
        try:
            begun = time.monotonic()
            machine = Machine(Path(folder) / options.release, options.release)
            _row(f"a fresh {options.release}", time.monotonic() - begun)
            rehearse(machine, options.catalog.absolute())
        except Failed as failure:
            print(f"FAILED  {failure}", flush=True)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
