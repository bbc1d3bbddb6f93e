"""The memory of a process that has started."""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Give what start-up has freed back to the system, where the C library can (glibc): it would keep it for good."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
