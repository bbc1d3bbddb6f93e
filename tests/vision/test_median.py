"""The median that does not import: the same number, and nothing loaded in the middle of a stream."""

import subprocess
import sys

import numpy as np
import pytest

from vision.median import median


@pytest.mark.parametrize("count", [1, 2, 3, 256, 1024, 1025])
def test_numpys_own(count: int) -> None:
    """A bit of difference would change perceptual hashes, and catalogues store them."""
    values = np.random.default_rng(count).normal(0, 100, (count, 3)).astype(np.float32)
    assert np.array_equal(median(values), np.median(values, axis=0))
    assert median(values).dtype == np.float32
    assert median(values[:, 0]) == np.median(values[:, 0])


_STREAM = """
import sys
import numpy as np
from vision.phash import perceptual_hash
from vision.watch import Watcher

perceptual_hash(np.zeros((358, 256, 3), np.uint8))
class Blind:
    def look(self, frame, known, before, within):
        return []

    def again(self, frame, cards):
        return []


watcher = Watcher(Blind())
for shade in (0, 0, 200):
    watcher.update(np.full((480, 640, 3), shade, np.uint8))
print("numpy.ma" in sys.modules)
"""


def test_nothing_is_imported_in_a_stream() -> None:
    """`numpy.median` did, when it was first called: the second frame of every stream took 20 ms longer."""
    loaded = subprocess.run([sys.executable, "-c", _STREAM], capture_output=True, text=True, check=True, timeout=60)
    assert loaded.stdout == "False\n"
