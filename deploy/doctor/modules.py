"""Python modules, looked at in an interpreter of their own: one that is broken must not take the doctor with it."""

from __future__ import annotations

import json
import signal
from typing import Any

from msgspec import Struct, convert

from deploy.doctor.machine import Machine

_LOOK = """
import contextlib, importlib, io, json, os, sys
os.environ.update(ORT_DISABLE_TELEMETRY="1", HAILORT_LOGGER_PATH="NONE")
found = {}
for name in sys.argv[1:]:
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            module = importlib.import_module(name)
        version, file = getattr(module, "__version__", ""), getattr(module, "__file__", None)
        found[name] = {"version": str(version), "file": file or ""}
    except Exception as error:
        found[name] = {"error": f"{type(error).__name__}: {error}", "missing": getattr(error, "name", None) == name}
print(json.dumps(found))
"""


class Module(Struct, frozen=True):
    """A module that was imported, or why it could not be."""

    version: str = ""
    file: str = ""
    error: str = ""
    missing: bool = False

    @property
    def why(self) -> str:
        """The error in one line."""
        return " ".join(self.error.split())[:200]


def look(machine: Machine, *names: str) -> dict[str, Module]:
    """Import these modules, in this order, in one new interpreter."""
    ran = machine.run([machine.python, "-P", "-c", _LOOK, *names])
    if ran is None:
        return dict.fromkeys(names, Module(error="the interpreter does not answer"))
    try:
        found: Any = json.loads(ran.out)
    except ValueError:
        died = f"died of {signal.Signals(-ran.code).name}" if ran.code < 0 else f"ended with {ran.code}"
        return dict.fromkeys(names, Module(error=f"the interpreter {died} while it imported {', '.join(names)}"))
    return convert(found, dict[str, Module])
