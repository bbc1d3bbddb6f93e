"""The command doctor: what is well, what is not, and what to do."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deploy.doctor.examine import Line

_MARKS = {"ok": ("✔", "green"), "problem": ("✘", "bold red"), "absent": ("·", "dim")}


def doctor(arguments: argparse.Namespace) -> int:
    """Examine this machine; 1 if there is a problem."""
    from actors.config import load
    from deploy.doctor.examine import examine
    from deploy.doctor.machine import Machine

    found = examine(Machine(), load(arguments.config))
    if arguments.json:
        lines = list(found)
        _print_json(lines)
    else:
        lines = _print_rich(found) if sys.stdout.isatty() else _print_plain(found)
    return 1 if any(line.finding.state == "problem" for line in lines) else 0


def _print_json(lines: list[Line]) -> None:
    import json

    import msgspec

    checks = [{"group": line.group, "name": line.name, **msgspec.to_builtins(line.finding)} for line in lines]
    problems = sum(line.finding.state == "problem" for line in lines)
    print(json.dumps({"problems": problems, "checks": checks}, ensure_ascii=False))


def _print_plain(found: Iterable[Line]) -> list[Line]:
    """One line a check, and one for what to do: for grep, and for an e-mail."""
    lines = []
    for line in found:
        lines.append(line)
        finding = line.finding
        print(f"{finding.state:<8} {line.group:<13} {line.name:<14} {finding.text}", flush=True)
        if finding.remedy:
            print(f"{'':<8} {'':<13} {'to do':<14} {finding.remedy}")
    print(_verdict(lines))
    return lines


def _print_rich(found: Iterable[Line]) -> list[Line]:
    """The same by groups, with marks and colours, wrapped to the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    lines: list[Line] = []
    for line in found:
        if not lines or lines[-1].group != line.group:
            console.print(Text(f"\n{line.group}", style="bold"))
        lines.append(line)
        mark, style = _MARKS[line.finding.state]
        row = Table.grid(padding=(0, 1))
        for width in (2, 1, 14, None):
            row.add_column(width=width)
        dim = "dim" if line.finding.state == "absent" else ""
        row.add_row("", Text(mark, style), Text(line.name, dim), Text(line.finding.text, dim))
        if line.finding.remedy:
            row.add_row("", "", Text("  to do", "yellow"), Text(line.finding.remedy, "yellow"))
        console.print(row)
    well = all(line.finding.state != "problem" for line in lines)
    console.print(Text(f"\n{_verdict(lines)}", style="bold green" if well else "bold red"))
    return lines


def _verdict(lines: list[Line]) -> str:
    problems = sum(line.finding.state == "problem" for line in lines)
    return f"{problems} problem{'' if problems == 1 else 's'}" if problems else "all is well"
