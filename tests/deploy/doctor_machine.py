"""A machine for the doctor to look at: a file tree, canned commands, and a Raspberry Pi on which all is well."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from deploy.doctor.machine import Machine, Ran
from deploy.doctor.software import APT, LIBRARIES


@dataclass
class Fake:
    """Files below `root`, what commands print, and what importing a module gives."""

    root: Path
    commands: dict[str, str] = field(default_factory=dict)
    modules: dict[str, dict[str, object]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    free: int = 20_000
    died: int = 0

    def write(self, path: str, text: str = "") -> Path:
        here = self.root / path.lstrip("/")
        here.parent.mkdir(parents=True, exist_ok=True)
        here.write_text(text)
        return here

    def process(self, number: int, *words: str, holds: str = "") -> None:
        self.write(f"/proc/{number}/cmdline", "\0".join(words) + "\0")
        self.write(f"/proc/{number}/comm", f"{words[0]}\n")
        (self.root / f"proc/{number}/fd").mkdir()
        if holds:
            (self.root / f"proc/{number}/fd/7").symlink_to(holds)

    def run(self, words: Sequence[str]) -> Ran | None:
        self.asked.append(" ".join(words))
        if words[0] == "python":
            if self.died:
                return Ran(-self.died, "")
            none = {"error": "ModuleNotFoundError: no such module", "missing": True}
            return Ran(0, json.dumps({name: self.modules.get(name, none) for name in words[4:]}))
        said = self.commands.get(" ".join(words))
        return None if said is None else Ran(0, said)

    @property
    def machine(self) -> Machine:
        return Machine(
            root=self.root,
            run=self.run,
            usable=lambda path: f"/{path.relative_to(self.root)}" not in self.closed,
            free_mb=lambda _path: self.free,
            cores=4,
            uid=os.getuid(),
            python="python",
            boottime=True,
        )

    def user(self, uid: int) -> Machine:
        return replace(self.machine, uid=uid)


def laptop(root: Path) -> Fake:
    """Any computer with a webcam."""
    fake = Fake(root)
    fake.modules = {name: {"version": "1.2.3", "file": f"/home/x/{name}/__init__.py"} for name in LIBRARIES}
    fake.write("/proc/meminfo", "MemTotal: 16000000 kB\nMemAvailable:    8000000 kB\n")
    fake.write("/dev/video0")
    fake.write("/sys/class/video4linux/video0/name", "HD Webcam\n")
    fake.write("/sys/class/video4linux/video0/index", "0\n")
    fake.write("/proc/locks")
    (root / "dev/shm").mkdir()
    return fake


def pi(root: Path) -> Fake:
    """A Raspberry Pi 5 with the AI camera and a Hailo-8, all well, the service's embedder at work."""
    fake = laptop(root)
    fake.modules["numpy"] = {"version": "2.2.4", "file": f"{APT}/numpy/__init__.py"}
    fake.modules["picamera2"] = {"version": "", "file": f"{APT}/picamera2/__init__.py"}
    fake.modules["hailo_platform"] = {"version": "4.23.0", "file": f"{APT}/hailo_platform/__init__.py"}
    fake.write("/proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    for path in ("/lib/firmware/imx500_loader.fpk", "/lib/firmware/imx500_firmware.fpk"):
        fake.write(path)
    fake.write("/usr/share/imx500-models/imx500_network_ssd.rpk")
    fake.write("/sys/bus/pci/devices/0001:01:00.0/vendor", "0x1e60\n")
    fake.write("/sys/module/hailo_pci/version", "4.23.0\n")
    for device in ("/dev/hailo0", "/dev/media0", "/dev/dma_heap/linux,cma"):
        fake.write(device)
    fake.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\nsleevesight:x:990:990::/var/lib/sleevesight:/bin/false\n")
    fake.write("/etc/group", "video:x:44:pi,sleevesight\nrender:x:105:sleevesight\n")
    fake.process(77, "/opt/sleevesight/bin/python", "/opt/sleevesight/bin/sleevesight", "run", "embedder",
                 holds="/dev/hailo0")  # fmt: skip
    fake.commands = {
        "vcgencmd measure_temp": "temp=48.3'C\n",
        "vcgencmd get_throttled": "throttled=0x0\n",
        "timedatectl show --property=NTPSynchronized --value": "yes\n",
        "rpicam-hello --list-cameras": "Available cameras\n0 : imx500 [4056x3040 10-bit RGGB]\n",
        "hailortcli --version": "HailoRT-CLI version 4.23.0\n",
        "hailortcli fw-control identify": "Firmware Version: 4.23.0 (release,app)\nDevice Architecture: HAILO8\n",
    }
    return fake
