"""What an index takes to be loaded and to be searched: in a process that has nothing else."""

from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.micro.engines import ENGINES
from catalog.embedding import normalise
from vision.phash import HASH_BYTES

_SEARCHES = 100


class Footprint(NamedTuple):
    """Time to load, and the memory (PSS) of the index after searches for strangers all over it."""

    load_ms: float
    memory_mb: float


def footprint(place: int, folder: Path, dim: int) -> Footprint:
    """Of the engine at that place of `ENGINES`. ImportError if its library is missing."""
    engine, rng = ENGINES[place], np.random.default_rng(3)
    import_module(engine.library)
    before, begun = pss_mb(), time.perf_counter()
    search = engine.open(folder)
    load_ms = (time.perf_counter() - begun) * 1e3
    for _ in range(_SEARCHES):
        stranger = normalise(rng.standard_normal((1, dim), np.float32))
        search(stranger, rng.integers(0, 256, (1, HASH_BYTES), np.uint8))
    return Footprint(load_ms, pss_mb() - before)


def pss_mb() -> float:
    """This process's proportional set size in MB; NaN where the system does not tell (anything but Linux)."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    except OSError:
        return float("nan")
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6
