"""Ways to do one thing, measured in turn, so that a busy second of the machine touches all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

Sample = Mapping[str, float]
"""What one measurement found: ms by figure. Every sample of a way has the same figures."""
Way = Callable[[int], Sample]
"""Measures once; is told the number of the round."""


def alternate(ways: Mapping[str, Way], rounds: int, warm_up: int = 1) -> dict[str, list[Sample]]:
    """The samples of every way, one a round: those of the same round lie next to each other in time.

    Every round begins with another way. What the first `warm_up` rounds find is thrown away.
    """
    names = list(ways)
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    for number in range(warm_up + rounds):
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            sample = ways[name](number)
            if number >= warm_up:
                samples[name].append(sample)
    return samples


def timed(calls: Mapping[str, Callable[[int], object]], clock_ns: Callable[[], int] = time.perf_counter_ns) -> Way:
    """A way that takes the time of a call for each figure."""

    def measure(number: int) -> Sample:
        sample = {}
        for figure, call in calls.items():
            begun = clock_ns()
            call(number)
            sample[figure] = (clock_ns() - begun) / 1e6
        return sample

    return measure
