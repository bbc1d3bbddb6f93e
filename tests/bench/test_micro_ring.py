"""Frames and messages between two ends: whatever carries them, the same pixels arrive."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

import echo
import numpy as np
import pytest

from bench.micro import bus, ring
from bench.micro.carriers import CARRIERS, Carrier
from bench.micro.link import Arrival, Ends, Receive, Send, linked
from bench.micro.timing import Sample

SHAPE = (64, 48, 3)
IDS = [carrier.module.rpartition(".")[2] for carrier in CARRIERS]


@pytest.mark.parametrize("carrier", CARRIERS, ids=IDS)
def test_the_same_pixels_arrive(carrier: Carrier, tmp_path: Path) -> None:
    """A carrier that is fast because it loses or mixes up pixels would be no reference."""
    try:
        module = importlib.import_module(carrier.module)
    except ImportError:
        pytest.skip(f"{carrier.library} is not installed")
    rng = np.random.default_rng(1)
    frames = [rng.integers(0, 256, SHAPE, np.uint8) for _ in range(12)]  # more than there are slots
    heard: SimpleQueue[np.ndarray] = SimpleQueue()
    (tmp_path / "d").mkdir()

    def read() -> None:
        with module.receiver(tmp_path / "d", SHAPE) as receive:
            arrived = -1
            while arrived < len(frames):
                with receive() as pixels:
                    heard.put(pixels.copy())
                    arrived = int(pixels.reshape(-1)[:8].view(np.int64)[0])

    with module.sender(tmp_path / "d", SHAPE) as send:
        reader = Thread(target=read, daemon=True)
        reader.start()
        for number, frame in enumerate([*frames, frames[0]]):
            frame.reshape(-1)[:8].view(np.int64)[0] = number
            while True:  # until the reader is there, and until what was sent is
                send(frame)
                try:
                    arrived = heard.get(timeout=0.2)
                except Empty:
                    continue
                if (arrived == frame).all():
                    break
        frames[0].reshape(-1)[:8].view(np.int64)[0] = len(frames)
        while reader.is_alive():
            send(frames[0])
            reader.join(0.05)


@contextmanager
def _no_sender(_folder: Path) -> Iterator[Send]:
    yield lambda _number: None


@contextmanager
def _broken(_folder: Path) -> Iterator[Receive]:
    raise OSError("no memory")
    yield lambda: Arrival(0, 0, 0)


def test_a_reader_that_dies_ends_the_measurement() -> None:
    """It would wait for ever for an answer."""
    with (
        pytest.raises(RuntimeError, match="the reading process has ended"),
        linked(Ends(_no_sender, _broken), ("x", "y"), 0),
    ):
        pass


def test_every_carrier_has_a_row() -> None:
    """What is installed is measured, and what is not says so: a missing library is no crash."""
    table = ring.table(2, SHAPE)
    assert table.rows[0].way == CARRIERS[0].title
    assert sorted(row.way for row in table.rows) == sorted(carrier.title for carrier in CARRIERS)
    for row in table.rows:
        assert set(row.figures) == (set() if row.note else set(ring.FIGURES))
        assert not row.note or "sleevesight[bench]" in row.note
        for figure in row.figures.values():
            assert figure.p50_ms > 0
        if row.figures:
            assert row.figures["all read"].p50_ms >= row.figures["first byte"].p50_ms


def test_a_missing_library_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on the machine that has all of them."""
    gone = Carrier("something", "bench.micro.carriers.nowhere", "nowhere")
    monkeypatch.setattr(ring, "CARRIERS", (CARRIERS[2], gone))
    ours, other = ring.table(1, SHAPE).rows
    assert ours.figures["first byte"].ratio == 1.0
    assert (other.way, other.figures) == ("something", {})
    assert "not installed" in other.note


def test_small_messages_are_heard_both_ways() -> None:
    """Typed and bare messages are of one size, so that the types are all that differs."""
    typed, bare = bus.table(3).rows
    assert (typed.way, bare.way) == (bus.OURS, bus.BARE)
    assert list(typed.figures) == ["one way"]
    assert bare.figures["one way"].p50_ms > 0


def test_an_arrival_is_measured_from_its_own_sending() -> None:
    """What is heard late, of a frame before, must not pass for the one that was just sent."""
    with linked(Ends(echo.sender, echo.receiver), ("first", "all"), 0) as measure:
        samples: list[Sample] = [measure(number) for number in range(3)]
    for sample in samples:
        assert 0 < sample["first"] <= sample["all"]
