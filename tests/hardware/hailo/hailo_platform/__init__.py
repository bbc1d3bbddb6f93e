"""A stand-in for HailoRT's Python package: its layout, signatures, checks and failures, and a chip made of software.

What `hailo_platform` 4.23 exports and Sleevesight uses; the rest is not here, so that using more fails. The package
looks for what a test wants of the chip in `_pyhailort.CHIP`, or, in a process of its own, in $FAKE_HAILO (JSON).
"""

import hailo_platform.pyhailort._pyhailort as _pyhailort
from hailo_platform.pyhailort.pyhailort import (
    AsyncInferJob,
    Device,
    FormatType,
    HailoRTException,
    HailoSchedulingAlgorithm,
    VDevice,
)


class MissingPyHRTLib(Exception):
    """No ImportError, as in the original."""


__version__ = "4.23.0"
if _pyhailort.CHIP.library_missing:
    raise MissingPyHRTLib("pyhailort/ should include a _pyhailort library")
if _pyhailort.__version__ != __version__:
    raise ImportError(f"_pyhailort version ({_pyhailort.__version__}) does not match pyhailort version ({__version__})")

__all__ = ["AsyncInferJob", "Device", "FormatType", "HailoRTException", "HailoSchedulingAlgorithm", "VDevice"]
