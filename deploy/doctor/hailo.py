"""The Hailo-8: its card, who owns it, and whether driver, library and binding are of one version."""

from __future__ import annotations

import re
from pathlib import Path

from actors.config import Config
from deploy.doctor.finding import Finding, absent, ok, problem
from deploy.doctor.machine import Machine
from deploy.doctor.modules import look

VENDOR = "0x1e60"
"""Hailo's number on the PCI bus."""
DEVICE = "/dev/hailo0"
_INSTALL = "`sudo apt install dkms hailo-all`, then restart the machine"
CHIP = "HAILO8"
_BUILD = "build it: deploy/hailo/README.md"
_HEF = b"\x01HEF"
_NONE = "no Hailo"


def device(machine: Machine, config: Config) -> Finding:
    """The card is there, has its driver, and belongs to our embedder or to nobody. Opens nothing."""
    if not _card(machine):
        if _wanted(config):
            remedy = "switch off and look at the ribbon cable of the hat; `dtparam=pciex1` in /boot/firmware/config.txt"
            return problem('no Hailo on the PCI bus, but [embedder] backend = "hailo"', remedy)
        return absent("no Hailo on the PCI bus; embeddings run on ONNX Runtime")
    if not machine.exists(DEVICE):
        return problem(f"the card is there, {DEVICE} is not: its driver is not loaded", _INSTALL)
    if not machine.usable(machine.at(DEVICE)):
        return problem(
            f"{DEVICE} may not be opened by this user", f"`sudo apt install --reinstall hailo-all` sets {DEVICE}'s rule"
        )
    holders = machine.holders(DEVICE)
    if holders is None:
        return ok(f"{DEVICE}; whether another user's program has it is only seen with sudo")
    others = [holder for holder in holders if not holder.startswith("embedder ")]
    if others:
        return problem(f"{DEVICE} is held by {', '.join(others)}", "end that program: one process owns the accelerator")
    return ok(f"{DEVICE}, held by {holders[0]}" if holders else f"{DEVICE}, free")


def versions(machine: Machine, config: Config) -> Finding:
    """Driver, library and Python binding: they refuse to work with another version than their own."""
    if not (_card(machine) or _wanted(config)):
        return absent(_NONE)
    said = machine.run(["hailortcli", "--version"])
    library = re.search(r"\d+\.\d+\.\d+", said.out) if said else None
    binding = look(machine, "hailo_platform")["hailo_platform"]
    if binding.error and not binding.missing:
        return problem(f"import hailo_platform fails: {binding.why}", _INSTALL)
    found = {
        "driver": machine.text("/sys/module/hailo_pci/version"),
        "library": library[0] if library else "",
        "binding": binding.version,
    }
    text = ", ".join(f"{name} {version or 'missing'}" for name, version in found.items())
    if not all(found.values()):
        return problem(text, _INSTALL)
    if len(set(found.values())) > 1:
        return problem(f"{text}: they differ", "`sudo apt update && sudo apt full-upgrade`, then restart the machine")
    if not found["library"].startswith("4."):
        return problem(
            f"{text}: the Hailo-8 needs 4.x, 5.x drops it", "`sudo apt install hailo-all` and hold its packages"
        )
    return ok(text)


def chip(machine: Machine, config: Config) -> Finding:
    """Firmware and kind of the chip: this opens the accelerator, so it is asked only if surely nobody has it."""
    del config
    if not (_card(machine) and machine.exists(DEVICE)):
        return absent(_NONE if not _card(machine) else f"no {DEVICE} to ask")
    holders = machine.holders(DEVICE)
    if holders is None or holders:
        return absent(f"not asked: {holders[0] if holders else 'somebody'} may be using it; stop the service, use sudo")
    said = machine.run(["hailortcli", "fw-control", "identify"])
    if said is None or said.code:
        return problem("hailortcli cannot identify the chip", "restart the machine; `dmesg | grep hailo` says more")
    kind = re.search(r"Device Architecture:\s*(\S+)", said.out)
    version = re.search(r"Firmware Version:\s*(\S+)", said.out)
    if kind and kind[1] != CHIP:
        return problem(f"the chip is a {kind[1]}, our HEF is for the {CHIP}", "compile for it: deploy/hailo/README.md")
    return ok(f"{kind[1] if kind else 'unknown chip'}, firmware {version[1] if version else 'unknown'}")


def hef(machine: Machine, config: Config) -> Finding:
    """What the HEF was compiled for, as hailortcli reads it from the file, without the device."""
    paths = _hefs(machine, config)
    if not paths:
        if _wanted(config):
            return problem("there is no .hef in models/, and [embedder] model names none", _BUILD)
        return absent("no .hef in models/, and [embedder] model names none")
    found = [_compiled_for(machine, path) for path in paths]
    return next((one for one in found if one.state == "problem"), found[0])


def _hefs(machine: Machine, config: Config) -> list[str]:
    from actors.backends import MODELS  # noqa: PLC0415  # needs numpy, which may be what is broken

    model = Path(config.embedder.model).expanduser().absolute()
    return [str(model)] if model.suffix == ".hef" else machine.find(f"{MODELS}/*.hef")


def _compiled_for(machine: Machine, path: str) -> Finding:
    try:
        with machine.at(path).open("rb") as file:
            whole = file.read(len(_HEF)) == _HEF
    except OSError as error:
        return problem(f"{path} cannot be read: {error.strerror}", _BUILD)
    if not whole:
        return problem(f"{path} is no HEF", f"copy it again, or {_BUILD}")
    said = machine.run(["hailortcli", "parse-hef", path])
    kind = re.search(r"compiled for:\s*(\S+)", said.out) if said else None
    if kind is None:
        return absent(f"{path}: for which chip it is, only hailortcli can tell")
    if kind[1] != CHIP:
        return problem(
            f"{path} is for {kind[1]}, not for {CHIP}", "compile with --hw-arch hailo8: deploy/hailo/README.md"
        )
    return ok(f"{path} is for {CHIP}")


def _card(machine: Machine) -> bool:
    return any(machine.text(path) == VENDOR for path in machine.find("/sys/bus/pci/devices/*/vendor"))


def _wanted(config: Config) -> bool:
    backend: str = config.embedder.backend
    return backend == "hailo"
