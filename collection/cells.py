"""Cells of CSV files that people open in a spreadsheet, with names in them that come from strangers."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def guarded(cell: object) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection); `bare` is its inverse."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if _FORMULA.match(text) else text


def bare(cell: str) -> str:
    """A cell as it was before `guarded`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell
