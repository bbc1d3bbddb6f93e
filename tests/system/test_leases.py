"""A frame whose lease ran out while it was being read: nothing that was cut from it may be used, now or later."""

from pathlib import Path

import numpy as np
import pytest
from actor_fakes import served_ring

from actors.config import Config
from actors.selection import Crop, Selection
from actors.selector import Selector
from bus.fake import FakeBus
from bus.messages import Box, Crops, Frame
from bus.topics import FRAME
from vision.rectify import Image
from vision.track import Track

QUAD = [(20.0, 20.0), (140.0, 20.0), (140.0, 188.0), (20.0, 188.0)]


def test_a_crop_of_an_expired_frame_is_never_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A selector that waits for a sharper crop keeps the last ones: one of wrong pixels was once among them."""
    bus = FakeBus(tmp_path)
    selector = Selector(bus, Config())
    torn = 2
    step = Selection.step

    def slow(selection: Selection, pixels: Image, tracks: list[Track], frame: int, readings: int) -> list[Crop]:
        done = step(selection, pixels, tracks, frame, readings)
        bus.clock.advance(500 if frame == torn else 1)
        return done

    monkeypatch.setattr(Selection, "step", slow)
    with served_ring(bus.address.ring, bus.clock, (208, 160), 100.0) as ring:
        for number in range(12):
            bus.clock.advance(33)
            # The torn frame is the sharpest of those that are all too soft to be sent at once.
            ref = ring.write(_card(contrast=14 if number == torn else 6))
            assert ref is not None
            frame = Frame(stream="s", frame=number, t_ns=number, ref=ref, detections=[Box(QUAD, 0.9)])
            bus.feed(selector, FRAME, frame)
    sent = [crop.frame for message in bus.take(Crops) for crop in message.crops]
    assert bus.drops["lease_expired"] == 1
    assert sent, "the best of the sound frames is sent"
    assert torn not in sent


def _card(contrast: int) -> np.ndarray:  # type: ignore[type-arg]
    """A soft picture: waves of so many grey levels."""
    xs = np.arange(160, dtype=np.float32)
    row = 128 + contrast * np.sin(xs / 6)
    return np.repeat(np.tile(row.astype(np.uint8), (208, 1))[..., None], 3, axis=2)
