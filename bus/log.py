"""structlog, imported without rich: it would load 4 MB of it in every process, for tracebacks in colour."""

from __future__ import annotations

import sys

_KEPT_OUT = "rich" not in sys.modules
if _KEPT_OUT:
    sys.modules["rich"] = None  # type: ignore[assignment]  # an import of it now fails, which structlog expects
try:
    import structlog
finally:
    if _KEPT_OUT:
        del sys.modules["rich"]

__all__ = ["get_logger", "structlog"]

get_logger = structlog.get_logger
