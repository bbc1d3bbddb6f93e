"""A picture that kills whoever looks at it, in a module that the processes of a pool can import."""

import os
import signal
from pathlib import Path

from actors.photos.job import Answer
from actors.photos.processes import looked_at

POISON = "poison.png"


def look_or_die(file: Path) -> Answer:
    if file.name == POISON:
        os.kill(os.getpid(), signal.SIGKILL)
    return looked_at(file)
