"""All checks in their order, and one examination."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from msgspec import Struct

from actors.config import Config
from deploy.doctor import board, camera, hailo, setup, software
from deploy.doctor.finding import Finding, problem
from deploy.doctor.machine import Machine


class Check(NamedTuple):
    """One thing to look at."""

    group: str
    name: str
    look: Callable[[Machine, Config], Finding]


CHECKS = (
    Check("machine", "board", board.cores),
    Check("machine", "memory", board.memory),
    Check("machine", "shared memory", board.shared_memory),
    Check("machine", "disk", board.disk),
    Check("machine", "temperature", board.temperature),
    Check("machine", "clock", board.clock),
    Check("software", "libraries", software.libraries),
    Check("software", "numpy", software.numpy_abi),
    Check("camera", "webcams", camera.webcams),
    Check("camera", "AI camera", camera.ai_camera),
    Check("camera", "firmware", camera.firmware),
    Check("camera", "network", camera.network),
    Check("accelerator", "device", hailo.device),
    Check("accelerator", "versions", hailo.versions),
    Check("accelerator", "chip", hailo.chip),
    Check("accelerator", "HEF", hailo.hef),
    Check("configuration", "source", setup.named("[capture] source")),
    Check("configuration", "model", setup.named("[embedder] model")),
    Check("configuration", "catalogue", setup.named("[matcher] catalog")),
    Check("configuration", "sinks", setup.named("[sinks] enabled")),
    Check("system", "permissions", setup.permissions),
    Check("system", "service user", setup.service_user),
    Check("system", "run directory", setup.run_dir),
    Check("system", "running", setup.running),
    Check("system", "ports", setup.ports),
)


class Line(Struct, frozen=True):
    """A check with what it found."""

    group: str
    name: str
    finding: Finding


def examine(machine: Machine, config: Config, checks: tuple[Check, ...] = CHECKS) -> Iterator[Line]:
    """Every check's finding, as it is found; one that cannot do its work is a problem like any other."""
    for check in checks:
        try:
            finding = check.look(machine, config)
        except Exception as error:  # a doctor that faints is no help with the other twenty things
            finding = problem(f"cannot be checked: {type(error).__name__}: {error}", "please report this")
        yield Line(check.group, check.name, finding)
