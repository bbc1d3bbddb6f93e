from collections.abc import Iterator
from typing import Any

import pytest
import zmq


@pytest.fixture
def context() -> Iterator[zmq.Context[Any]]:
    """Destroyed whatever happens: one that a failed test leaves behind blocks the collector, and all tests after it."""
    made: zmq.Context[Any] = zmq.Context()
    yield made
    made.destroy(linger=0)
