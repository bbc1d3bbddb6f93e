"""What a process holds is its own affair: a figure that others change shows growth where there is none."""

import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.probe import held_mb, pss_mb

pytestmark = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux tells")

MB = 32
MAPS = """
import mmap, sys
with open(sys.argv[1], "rb") as file:
    pages = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
sum(pages[::4096])
print(flush=True)
sys.stdin.read()
"""


def test_a_stranger_that_maps_the_same_files_changes_nothing(tmp_path: Path) -> None:
    """Whoever starts another Python beside a soak takes half of every library out of its PSS, and gives it back."""
    file = tmp_path / "library.so"
    file.write_bytes(bytes(MB << 20))
    own, mapped = held_mb(os.getpid())
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as pages:
        sum(pages[::4096])
        before, held = pss_mb(os.getpid())["Pss"], held_mb(os.getpid())
        assert held[1] - mapped > 0.9 * MB, "what is mapped is seen"
        assert held[0] - own < 0.1 * MB, "and is not memory of its own"
        pipe = subprocess.PIPE
        with subprocess.Popen([sys.executable, "-c", MAPS, str(file)], stdin=pipe, stdout=pipe) as stranger:
            assert stranger.stdout is not None
            stranger.stdout.readline()
            after, beside = pss_mb(os.getpid())["Pss"], held_mb(os.getpid())
            stranger.communicate()
    assert before - after > 0.4 * MB
    assert abs(beside[0] - held[0]) < 0.1 * MB
    assert abs(beside[1] - held[1]) < 0.1 * MB
