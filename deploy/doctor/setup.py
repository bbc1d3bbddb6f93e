"""What was set up: permissions, the run directory, who runs already, ports, and the files of the configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from actors.config import Config
from bus.topics import HEARTBEAT, TOPICS
from deploy.doctor.finding import Finding, absent, ok, problem
from deploy.doctor.machine import Machine

DEVICES = ("/dev/hailo*", "/dev/video*", "/dev/media*", "/dev/dma_heap/*")
LOCKS = "/proc/locks"
USER, GROUPS = "sleevesight", ("video", "render")
"""The service's own user, and what it has to be a member of."""


def permissions(machine: Machine, config: Config) -> Finding:
    """This user may use every device there is."""
    del config
    devices = [path for pattern in DEVICES for path in machine.find(pattern)]
    if not devices:
        return absent("none of the devices is here: " + ", ".join(DEVICES))
    closed = [path for path in devices if not machine.usable(machine.at(path))]
    if closed:
        return problem(
            f"closed to this user: {', '.join(closed)}", "`sudo usermod -aG video,render $USER`, then log in anew"
        )
    return ok(f"{len(devices)} devices can be used")


def service_user(machine: Machine, config: Config) -> Finding:
    """The service's user is in the groups that own the devices."""
    del config
    names = [line.split(":")[0] for line in machine.text("/etc/passwd").splitlines()]
    if USER not in names:
        return absent("no service is installed (deploy/install.sh)")
    rows = [line.split(":") for line in machine.text("/etc/group").splitlines()]
    members = {row[0]: row[3].split(",") for row in rows if len(row) == 4}
    missing = [group for group in GROUPS if USER not in members.get(group, [])]
    if missing:
        return problem(f"{USER} is not in {', '.join(missing)}", f"`sudo usermod -aG {','.join(GROUPS)} {USER}`")
    return ok(f"{USER} is in {', '.join(GROUPS)}")


def run_dir(machine: Machine, config: Config) -> Finding:
    """The folder of the sockets is ours and nobody else's."""
    path = config.address.run_dir.absolute()
    here = machine.at(path)
    if not here.exists():
        return ok(f"{path}, made at the start")
    status = here.stat()
    if status.st_uid != machine.uid:
        return problem(f"{path} belongs to user {status.st_uid}", "look as that user (`sudo -u`), or set [bus] run_dir")
    if status.st_mode & 0o077:
        return problem(f"{path} is open to others (mode {status.st_mode & 0o777:o})", f"`chmod 700 {path}`")
    return ok(str(path))


def running(machine: Machine, config: Config) -> Finding:
    """Who holds the locks of the run directory. Taking a lock, even for a moment, could keep an actor from starting."""
    path = config.address.run_dir.absolute()
    if not machine.exists(LOCKS):
        return absent("who runs cannot be seen here")
    actors = [f"{name} ({process})" for process, name in sorted(_owners(machine, path).items())]
    return ok(f"in {path}: {', '.join(actors)}" if actors else f"nothing runs in {path}")


def _owners(machine: Machine, folder: Path) -> dict[int, str]:
    """The actors of a run directory by process: who holds the lock on a heartbeat.

    The kernel's rows are `1: FLOCK ADVISORY WRITE PROCESS MAJOR:MINOR:INODE 0 EOF`.
    """
    locks = machine.at(folder).glob("heartbeat.*.lock")
    names = {str(lock.stat().st_ino): lock.stem.removeprefix("heartbeat.") for lock in locks}
    rows = [line.split() for line in machine.text(LOCKS).splitlines()]
    held = [(int(row[4]), row[5].split(":")[-1]) for row in rows if row[1:2] == ["FLOCK"]]
    return {process: names[inode] for process, inode in held if inode in names}


def ports(machine: Machine, config: Config) -> Finding:
    """With `[bus] host`: nobody else listens where our topics are published."""
    if not config.bus.host:
        return absent("none: the topics are local sockets ([bus] host is empty)")
    wanted = range(config.bus.port, config.bus.port + len(TOPICS) - (HEARTBEAT.name in TOPICS))
    taken = sorted(set(wanted) & _listening(machine))
    text = f"{wanted[0]} to {wanted[-1]} at {config.bus.host}"
    if not taken:
        return ok(f"{text}, free")
    if _owners(machine, config.address.run_dir.absolute()):
        return ok(f"{text}, held by the system that runs")
    return problem(f"somebody listens at {', '.join(map(str, taken))}", "end that program, or set another [bus] port")


def _listening(machine: Machine) -> set[int]:
    """TCP ports with a listener: state 0A in the kernel's tables."""
    rows = [line.split() for name in ("tcp", "tcp6") for line in machine.text(f"/proc/net/{name}").splitlines()]
    return {int(row[1].split(":")[-1], 16) for row in rows if len(row) > 3 and row[3] == "0A"}


REMEDIES = {
    "[capture] source": "`sleevesight config show` explains [capture] source",
    "[matcher] catalog": "build one (`sleevesight catalog build`) and name its folder as [matcher] catalog",
    "[embedder] model": "name an .onnx file as [embedder] model, or none for the one that ships",
    "[sinks] enabled": "`sleevesight sinks` lists them",
}


def named(key: str) -> Callable[[Machine, Config], Finding]:
    """The check of what a key of the configuration names."""

    def check(machine: Machine, config: Config) -> Finding:
        del machine
        from actors.usable import THINGS  # noqa: PLC0415  # needs numpy, which may be what is broken

        try:
            text = THINGS[key](config)
        except ValueError as error:
            return problem(str(error), REMEDIES[key])
        return ok(text) if text else problem("none is named", REMEDIES[key])

    return check
