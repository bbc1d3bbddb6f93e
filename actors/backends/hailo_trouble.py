"""What HailoRT's errors mean: each a sentence with the remedy.

Told apart by status and by the names of the classes, which HailoRT neither exports nor keeps from version to version
(hailort.h and pyhailort.py of 4.18 to 4.23).
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from actors.backends import DEVICE
from catalog.embedding import EngineError, ModelError

Stage = Literal["open", "load", "configure", "run", "close"]

PROC = Path("/proc")
DRIVER_VERSION = Path("/sys/module/hailo_pci/version")
LIBRARIES = Path("/usr/lib")

_TIMEOUT = 4
_INVALID_HEF = 26
_NO_DRIVER = 64
_IN_USE, _NO_DEVICE_FREE = 73, 74
"""Busy; and busy as well as absent, which HailoRT does not tell apart."""
_OTHER_ARCHITECTURE = 75
_VERSIONS = {16, 76, 78, 85, 86}
"""Unsupported firmware, driver or service version; the driver's answer, or request, is not understood."""
_RESET = 87
_NO_HEF = {_INVALID_HEF, 91, 92}
"""Invalid, corrupted, or of a version that this HailoRT cannot read."""
_BY_NAME = {
    "HailoRTTimeout": _TIMEOUT,
    "HailoRTInvalidHEFException": _INVALID_HEF,
    "HailoRTHEFNotCompatibleWithDevice": _OTHER_ARCHITECTURE,
}
_INSTALL = "sudo apt install dkms hailo-all, then reboot"


def status_of(error: BaseException) -> int | None:
    """HailoRT's status behind an exception of its bindings, whether they wrapped it or forgot to."""
    for kind in type(error).__mro__:
        if kind.__name__ in _BY_NAME:
            return _BY_NAME[kind.__name__]
        if kind.__name__ == "HailoRTStatusException":
            return int(error.args[0])
    found = re.search(r"failed with error: (\d+)", str(error))
    return int(found[1]) if found else None


def is_timeout(error: BaseException) -> bool:
    """Whether the device did not answer in time."""
    return status_of(error) == _TIMEOUT


def explain(error: BaseException, stage: Stage, hef: Path, hailo: Any) -> EngineError | ModelError:
    """The error to raise instead of one of HailoRT's. `hailo` is its package."""
    status = status_of(error)
    if stage == "load" and status in _NO_HEF:
        return ModelError(f"model {hef} is no HEF that this HailoRT reads: compile it anew (docs/hailo.md)")
    if status == _OTHER_ARCHITECTURE or (stage == "configure" and status == _INVALID_HEF):
        return ModelError(
            f"model {hef} was compiled for another chip than the one here (hailortcli fw-control identify names it): "
            "compile it with --hw-arch hailo8"
        )
    return EngineError(_engine_trouble(error, status, stage, hailo))


def _engine_trouble(error: BaseException, status: int | None, stage: Stage, hailo: Any) -> str:
    if status in (_IN_USE, _NO_DEVICE_FREE):
        return taken(holders()) if status == _IN_USE or _is_there(hailo) else _absent()
    if status == _NO_DRIVER:
        return f"the Hailo-8's driver is not loaded: {_INSTALL}"
    if status == _RESET:
        return "the Hailo-8 does not answer its driver (status 87) and needs a reset: switch the power off and on again"
    versions = {name: version for name, version in installed(hailo).items() if version}
    if status in _VERSIONS or (stage == "open" and len(set(versions.values())) > 1):
        return f"the versions of HailoRT's parts differ ({_text(versions)}): {_INSTALL}"
    if DEVICE.exists() and not os.access(DEVICE, os.R_OK | os.W_OK):
        return f"{DEVICE} may not be opened by user {os.getuid()}: let it in with a udev rule (docs/hailo.md)"
    if status == _TIMEOUT:
        return f"the Hailo-8 did not answer in time ({stage}): start again; if that does not help, switch it off and on"
    said = " ".join(str(error).split()) or type(error).__name__
    return f"the Hailo-8 failed ({stage}: {said}): see dmesg | grep -i hailo, and start again"


def cannot_import(error: BaseException) -> str:
    """Why HailoRT's package cannot be imported."""
    said = " ".join(str(error).split())[:200]
    if isinstance(error, ModuleNotFoundError) and error.name == "hailo_platform":
        remedy = f"{_INSTALL}, and make the environment with python3 -m venv --system-site-packages"
        return f"HailoRT's Python package hailo_platform is not there: {remedy}"
    if "does not match" in said or "libhailort" in said:
        return f"the versions of HailoRT's parts differ ({said}): {_INSTALL}"
    return f"HailoRT's Python package cannot be imported ({type(error).__name__}: {said}): {_INSTALL}"


def taken(by: Sequence[str]) -> str:
    """The device is in use by the processes of these numbers; none if this user may not see whose they are."""
    who = ", ".join(f"process {pid} ({_command(pid)})" for pid in by)
    return (
        f"the Hailo-8 is in use by {who or f'a process that this user may not see (sudo fuser -v {DEVICE})'}: stop it"
    )


def holders() -> list[str]:
    """The other processes that have the device open, as far as this user may look."""
    found = []
    for folder in PROC.glob("[0-9]*"):
        with suppress(OSError):
            if folder.name != str(os.getpid()) and any(_leads_to_device(link) for link in (folder / "fd").iterdir()):
                found.append(folder.name)
    return sorted(found, key=int)


def installed(hailo: Any) -> dict[str, str]:
    """The versions of HailoRT's parts; empty where one cannot be found out. They have to be equal."""
    names = sorted(path.name for folder in ("", "*/") for path in LIBRARIES.glob(f"{folder}libhailort.so.*.*.*"))
    return {
        "driver": DRIVER_VERSION.read_text().strip() if DRIVER_VERSION.is_file() else "",
        "library": names[-1].removeprefix("libhailort.so.") if names else "",
        "bindings": str(getattr(hailo, "__version__", "")),
    }


def _leads_to_device(link: Path) -> bool:
    with suppress(OSError):  # closed meanwhile
        return link.readlink() == DEVICE
    return False


def _is_there(hailo: Any) -> bool:
    try:
        return bool(hailo.Device.scan())
    except Exception:  # HailoRT does not wrap this one, and a missing driver comes through as a bare status
        return DEVICE.exists()


def _absent() -> str:
    return f"there is no Hailo-8: see lspci | grep -i hailo, seat the board and its cable anew, or {_INSTALL}"


def _command(pid: str) -> str:
    try:
        return (PROC / pid / "comm").read_text().strip()
    except OSError:
        return "gone"


def _text(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
