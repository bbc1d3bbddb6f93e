"""A call in a process of its own: a clean heap, and libraries loaded in the order that the call needs."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import ParamSpec, TypeVar

from actors.run import single_threaded

P = ParamSpec("P")
T = TypeVar("T")


def alone(call: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """What the call returns or raises there; both are pickled. numpy and OpenCV have one thread in it."""
    single_threaded()  # read by the new process when it imports them
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(call, *arguments, **named).result()
