"""Numbers on the command line, as they come in and as they are said."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """A whole number from 1. ArgumentTypeError for anything else."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)


def counted(number: int, what: str) -> str:
    """So many of a thing with a regular plural: 0 cards, 1 card, 2 cards."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
