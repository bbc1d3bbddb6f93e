"""What a sink is, and how the installed ones are found."""

from __future__ import annotations

import difflib
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol

from actors.config import Config
from bus.messages import Results

GROUP = "sleevesight.sinks"


class Sink(Protocol):
    """Something that results go to. Made with the configuration, fed with every frame, closed at the end."""

    def __init__(self, config: Config) -> None:
        """Open what is needed; ValueError or OSError if it cannot be had."""

    def results(self, results: Results) -> None:
        """One frame's results, in order."""

    def close(self) -> None:
        """Finish what was begun."""


def available() -> dict[str, EntryPoint]:
    """The sinks that are installed, by name."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def find(name: str) -> EntryPoint:
    """The sink of that name. ValueError names the nearest one that exists."""
    found = available()
    if name not in found:
        near = difflib.get_close_matches(name, found, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"installed are {', '.join(sorted(found))}"
        raise ValueError(f"there is no sink {name!r}: {hint}")
    return found[name]


def load(name: str, config: Config) -> Sink:
    """The sink of that name, made. ValueError if there is none, or what the sink says to the configuration."""
    sink: Sink = find(name).load()(config)
    return sink
