"""The machine itself: cores, memory, disk, temperature and clock."""

from __future__ import annotations

import re
from pathlib import Path

from actors.config import Config
from deploy.doctor.finding import Finding, absent, ok, problem
from deploy.doctor.machine import Machine

WANTED_MB = 300
"""What the processes take together, the frame ring not counted (docs/performance.md)."""
WANTED_DISK_MB = 500
SHM = "/dev/shm"  # noqa: S108
HOT_C = 80.0
"""A Pi 5 slows down from 80 °C on, and hard at 85."""
_THROTTLED = {0: "the supply's voltage is too low", 1: "the clock is capped", 2: "slowed down", 3: "too hot"}
_BEFORE = {16: "the supply's voltage was too low", 17: "the clock was capped", 18: "was slowed down", 19: "was too hot"}


def cores(machine: Machine, config: Config) -> Finding:
    """Cores for one process each of camera, inference and the rest."""
    del config
    name = machine.pi or "no Raspberry Pi"
    if machine.cores < 2:
        return problem(f"{name}, one core", "give it two cores or more: capture and embedder each keep one busy")
    return ok(f"{name}, {machine.cores} cores")


def memory(machine: Machine, config: Config) -> Finding:
    """Memory for everybody and the frame ring, which is a memfd and so lies in memory and not below /dev/shm."""
    found = re.search(r"MemAvailable:\s+(\d+) kB", machine.text("/proc/meminfo"))
    if not found:
        return absent("how much memory is free cannot be read here")
    free, wanted = int(found[1]) * 1024 // 1_000_000, WANTED_MB + config.capture.ring_mb
    if free < wanted:
        return problem(f"{free} MB free, {wanted} MB wanted", "end other programs, or lower [capture] ring_mb")
    return ok(f"{free} MB free, {wanted} MB wanted")


def shared_memory(machine: Machine, config: Config) -> Finding:
    """Our own frames do not lie there, but what other programs leave there takes memory from everybody."""
    del config
    if not machine.exists(SHM):
        return absent(f"no {SHM} here; the frames do not need it")
    free = machine.free_mb(machine.at(SHM))
    if free < 1:
        return problem(f"{SHM} is full", "remove what other programs left there: it is memory that everybody lacks")
    return ok(f"{SHM} has {free} MB free; the frames lie in a memfd and do not need it")


def disk(machine: Machine, config: Config) -> Finding:
    """Room where the catalogue lies, or will lie."""
    path = Path(config.matcher.catalog).expanduser().absolute() if config.matcher.catalog else Path.cwd()
    while not machine.exists(path) and path != path.parent:
        path = path.parent
    free = machine.free_mb(machine.at(path))
    if free < WANTED_DISK_MB:
        return problem(
            f"{free} MB free at {path}, {WANTED_DISK_MB} MB wanted",
            "make room: a catalogue is built beside the old one, and logs and recordings grow",
        )
    return ok(f"{free} MB free at {path}")


def temperature(machine: Machine, config: Config) -> Finding:
    """The processor's temperature, and on a Pi whether it was slowed down since it was started."""
    del config
    degrees = _degrees(machine)
    if degrees is None:
        return absent("no sensor can be read here")
    said = machine.run(["vcgencmd", "get_throttled"])
    found = re.search(r"0x([0-9a-fA-F]+)", said.out) if said else None
    bits = int(found[1], 16) if found else 0
    troubles = [text for table in (_THROTTLED, _BEFORE) for bit, text in table.items() if bits >> bit & 1]
    if troubles:
        remedy = "use the Pi's own 27 W supply" if bits & 0x10001 else "fit a fan or the active cooler"
        return problem(f"{degrees:.0f} °C; {', '.join(troubles)}", f"{remedy}; what was is forgotten at a restart")
    if degrees >= HOT_C:
        return problem(f"{degrees:.0f} °C", "fit a fan or the active cooler: above 80 °C a Pi slows down")
    return ok(f"{degrees:.0f} °C{', never slowed down since it was started' if found else ''}")


def _degrees(machine: Machine) -> float | None:
    said = machine.run(["vcgencmd", "measure_temp"])
    if said and (found := re.search(r"temp=([\d.]+)", said.out)):
        return float(found[1])
    thousandths = machine.text("/sys/class/thermal/thermal_zone0/temp")
    return int(thousandths) / 1000 if thousandths.lstrip("-").isdecimal() else None


def clock(machine: Machine, config: Config) -> Finding:
    """Frames are timed from the start of the machine; the time of day is for people, and for certificates."""
    del config
    frames = "CLOCK_BOOTTIME" if machine.boottime else "CLOCK_MONOTONIC (no CLOCK_BOOTTIME here)"
    said = machine.run(["timedatectl", "show", "--property=NTPSynchronized", "--value"])
    synchronised = said.out.strip() if said and said.code == 0 else ""
    if synchronised == "no":
        return problem(
            f"frames by {frames}; the time of day was never set by a time server",
            "`sudo timedatectl set-ntp true` and a network, or a battery for the Pi's clock",
        )
    known = "set by a time server" if synchronised == "yes" else "not asked (no timedatectl)"
    return ok(f"frames by {frames}; time of day {known}")
