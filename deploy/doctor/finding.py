"""What a check finds: one line for people, and the remedy if there is something to do."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Finding(Struct, frozen=True):
    """`absent` is for what does not apply here or cannot be known; only a problem has a remedy."""

    state: Literal["ok", "problem", "absent"]
    text: str
    remedy: str = ""


def ok(text: str) -> Finding:
    """All is well."""
    return Finding("ok", text)


def absent(text: str) -> Finding:
    """Not here, and not needed; or nothing that could be looked at."""
    return Finding("absent", text)


def problem(text: str, remedy: str) -> Finding:
    """Something to be put right, and how."""
    return Finding("problem", text, remedy)
