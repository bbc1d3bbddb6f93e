"""One owner for one thing: an advisory lock that the kernel drops when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class AlreadyRunning(RuntimeError):
    """Somebody else holds the lock: `holder` is the number of the process."""

    def __init__(self, message: str, holder: str) -> None:
        super().__init__(message)
        self.holder = holder


class FileLock:
    """An exclusive flock on `path`, held until `release` or the end of the process. The file itself stays."""

    def __init__(self, path: Path, what: str, remedy: str = "use another run directory") -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._fd, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._fd)
            raise AlreadyRunning(
                f"{what} is already running (process {holder} holds {path}): stop it, or {remedy}", holder
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let go; releasing twice is harmless."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
