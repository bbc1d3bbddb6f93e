"""`sleevesight bench micro`: measure components, print their tables, write them where they are wanted."""

from __future__ import annotations

import difflib
import importlib
import os
import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import msgspec

from bench.marked import rewrite
from bench.micro.alone import alone
from bench.micro.options import Options
from bench.micro.table import Table, markdown

ALL = "all"
COMPONENTS = ("ring", "bus", "search", "embed", "select", "detect", "pipeline")
"""Each is a module of this package with a function `measure`."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of one component, on what machine and when."""

    component: str
    machine: str
    date: str
    versions: dict[str, str]
    tables: list[Table]


def chosen(names: Sequence[str]) -> list[str]:
    """The components of some names, in their own order; all for none and for `all`. ValueError for another name."""
    for name in names:
        if name not in (*COMPONENTS, ALL):
            near = difflib.get_close_matches(name, COMPONENTS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(COMPONENTS)}"
            raise ValueError(f"no component is called {name!r}: {hint}")
    return [name for name in COMPONENTS if not names or name in names or ALL in names]


def measured(names: Sequence[str], options: Options) -> Iterator[Report]:
    """A report on each component as soon as it is there."""
    for name in names:
        tables = alone(_measure, name, options)
        libraries = sorted({library for table in tables for library in table.libraries})
        yield Report(
            component=name,
            machine=machine(),
            date=datetime.now(UTC).date().isoformat(),
            versions={library: version for library in libraries if (version := _version(library))},
            tables=tables,
        )


def _measure(name: str, options: Options) -> list[Table]:
    found: list[Table] = importlib.import_module(f"bench.micro.{name}").measure(options)
    return found


def write_page(reports: Sequence[Report], page: Path) -> None:
    """Put each report between the marks of its component (`micro ring`, …). ValueError for a page without them."""
    rewrite(page, {mark(report.component): "\n".join(_section(report)) for report in reports})


def mark(component: str) -> str:
    """The name of the place of a component's tables in a page."""
    return f"micro {component}"


def facts(report: Report) -> str:
    """On what and when it was measured, in a line."""
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    return f"{report.machine}; Python {platform.python_version()}, {versions}; {report.date}"


def _section(report: Report) -> list[str]:
    tables = [line for table in report.tables for line in (*markdown(table), "")]
    return [*tables, f"`sleevesight bench micro {report.component}`: {facts(report)}."]


def machine() -> str:
    """The processor, and how many cores of it there are."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None
