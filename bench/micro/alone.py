"""A call in a process of its own: a clean heap, and libraries loaded in the order that the call needs."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import ParamSpec, TypeVar

from actors.run import die_with_parent, single_threaded

P = ParamSpec("P")
T = TypeVar("T")


def alone(call: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """What the call returns or raises there; both are pickled. numpy and OpenCV have one thread in it.

    It ends with this process, however that ends: a search that nobody waits for would keep a core busy for an hour.
    """
    single_threaded()  # read by the new process when it imports them
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, initializer=die_with_parent, initargs=(os.getpid(),)) as pool:
        return pool.submit(call, *arguments, **named).result()
