from collections.abc import Iterator
from pathlib import Path

import pytest
from actor_fakes import served_ring
from dashboard_booth import TOKEN, Booth
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


@pytest.fixture
def booth(tmp_path: Path, ring: RingWriter, clock: ManualClock) -> Iterator[Booth]:
    booth = Booth(tmp_path, ring, clock)
    yield booth
    booth.close()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def guarded(tmp_path: Path, ring: RingWriter, clock: ManualClock, secret: Path) -> Iterator[Booth]:
    booth = Booth(tmp_path, ring, clock, token_file=str(secret))
    yield booth
    booth.close()
