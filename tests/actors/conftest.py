from collections.abc import Iterator
from pathlib import Path

import pytest
from actor_fakes import served_ring
from recorder_desk import SIZE, Desk

from bus.clock import ManualClock
from bus.ring import RingWriter


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(5_000_000_000)


@pytest.fixture
def ring(tmp_path: Path, clock: ManualClock) -> Iterator[RingWriter]:
    with served_ring(tmp_path / "ring.sock", clock, SIZE) as writer:
        yield writer


@pytest.fixture
def desk(tmp_path: Path, ring: RingWriter, clock: ManualClock) -> Desk:
    desk = Desk(tmp_path / "table.mcap", ring, clock)
    desk.recorder.start()
    return desk
