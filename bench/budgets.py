"""Budgets: what a replay may cost on a device, and whether it did (bench/budgets.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from actors.config import nearest
from bench.latency import STAGES, TOTAL
from bench.probe import LAUNCHER
from bus.topics import PIPELINE

FILE = Path(__file__).with_name("budgets.toml")

SINKS, TOGETHER = "sinks", "together"
_LATENCY = (*STAGES, TOTAL)
TABLES: dict[str, tuple[str, ...]] = {
    "cached": _LATENCY,
    "new_card": _LATENCY,
    "batch_of_five": _LATENCY,
    "memory_mb": (*PIPELINE, SINKS, LAUNCHER, TOGETHER),
    "seconds": ("ready", "recovery"),
    "at_most": ("unaccounted", "disordered", "wrong", "missed", "flicker", "id_switches", "differing"),
    "at_least": ("saved",),
}
"""The tables of a profile, and the rows that each may have."""
ABSOLUTE = ("cached", "new_card", "batch_of_five", "memory_mb", "seconds")
"""Tables that mean something on the named devices alone."""
_DEVICES = "devices"

Verdict = Literal["kept", "broken", "not measured", "not judged"]
Measured = Mapping[str, Mapping[str, float | None]]
"""What was measured, in the tables and rows of a profile; None for what did not occur."""


class Row(Struct, frozen=True):
    """One limit, and what became of it. `why`: the reason why it was not judged."""

    table: str
    row: str
    limit: float
    measured: float | None
    verdict: Verdict
    why: str = ""


class Profile(Struct, frozen=True):
    """The budgets of a device: limits by table and row. `devices`: parts of a machine's description that name it."""

    name: str
    devices: tuple[str, ...]
    limits: dict[str, dict[str, float]]

    def judge(self, measured: Measured, mode: str, machine: str, excused: Mapping[str, str]) -> list[Row]:
        """Every limit beside what was measured; `excused`: by table or table.row, why it proves nothing."""
        return list(self._rows(measured, self._excuses(mode, machine) | dict(excused)))

    def _excuses(self, mode: str, machine: str) -> dict[str, str]:
        if not any(device in machine for device in self.devices):
            return dict.fromkeys(ABSOLUTE, f"the limits are for {' or '.join(self.devices)}")
        if mode != "paced":
            return dict.fromkeys(ABSOLUTE, f"{mode} is not a camera's pace")
        return {}

    def _rows(self, measured: Measured, excused: Mapping[str, str]) -> Iterator[Row]:
        for table, limits in self.limits.items():
            for row, limit in limits.items():
                value = measured.get(table, {}).get(row)
                if value is None:
                    yield Row(table, row, limit, None, "not measured")
                elif why := excused.get(table) or excused.get(f"{table}.{row}"):
                    yield Row(table, row, limit, value, "not judged", why)
                else:
                    kept = value >= limit if table == "at_least" else value <= limit
                    yield Row(table, row, limit, value, "kept" if kept else "broken")


def profiles(path: Path = FILE) -> dict[str, Profile]:
    """All profiles of a file, by name. ValueError names the place of what is wrong, and the nearest valid name."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: no valid TOML: {error}") from None
    try:
        return {name: _profile(name, tables) for name, tables in content.items()}
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def profile(name: str, path: Path = FILE) -> Profile:
    """The profile of that name."""
    found = profiles(path)
    if name not in found:
        raise ValueError(f"there is no profile {name!r}: {nearest(name, list(found), 'choose from ')}")
    return found[name]


def _profile(name: str, tables: Any) -> Profile:
    if not isinstance(tables, dict):
        raise ValueError(f"{name} is no profile: a profile is a table, like [ci.at_most]")
    devices = tables.get(_DEVICES, [])
    if not isinstance(devices, list) or not all(isinstance(device, str) and device for device in devices):
        raise ValueError(f"[{name}] {_DEVICES} is a list of names, not {devices!r}")
    limits = {table: _limits(name, table, rows) for table, rows in tables.items() if table != _DEVICES}
    if not devices and (absolute := [table for table in limits if table in ABSOLUTE]):
        raise ValueError(f"[{name}.{absolute[0]}] holds on a named device only: add {_DEVICES} to [{name}]")
    return Profile(name, tuple(devices), limits)


def _limits(name: str, table: str, rows: Any) -> dict[str, float]:
    if table not in TABLES:
        valid = [*TABLES, _DEVICES]
        raise ValueError(f"unknown key {table!r} in [{name}]: {nearest(table, valid, 'valid are ')}")
    if not isinstance(rows, dict):
        raise ValueError(f"[{name}] {table} is a table of limits, not {rows!r}")
    for row, limit in rows.items():
        if row not in TABLES[table]:
            hint = nearest(row, TABLES[table], "valid are ")
            raise ValueError(f"unknown key {row!r} in [{name}.{table}]: {hint}")
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 <= limit < float("inf"):
            raise ValueError(f"[{name}.{table}] {row} is a number of 0 or more, not {limit!r}")
    return {row: float(limit) for row, limit in rows.items()}
