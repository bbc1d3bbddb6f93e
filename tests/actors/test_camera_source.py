"""A webcam as a source: it may not be there, give no frame for a while, or be named as no camera is."""

import cv2
import numpy as np
import pytest
from actor_fakes import Pixels

from actors.config import Config, updated
from actors.sources import open_source
from actors.sources.base import NothingYet, Source, SourceError
from bus.clock import ManualClock

SIZE = (96, 128)


def opened(spec: str, **options: object) -> Source:
    return open_source(updated(Config(), "capture", source=spec, **options), ManualClock())


def picture(number: int, size: tuple[int, int] = SIZE) -> Pixels:
    """A flat colour that survives compression; its red channel tells which one it is."""
    return np.full((*size, 3), (20 + 40 * number, 90, 200), np.uint8)


def test_a_camera_that_is_not_there() -> None:
    """The commonest mistake of all: what to check, in one line."""
    with pytest.raises(SourceError, match=r"^camera 63 cannot be opened: plug it in, .* name another one"):
        opened("camera:63")


class Webcam:
    """OpenCV's, as far as it is used; it gives what the test says."""

    def __init__(self, given: list[bool]) -> None:
        self._given = given

    def isOpened(self) -> bool:
        return True

    def set(self, _key: int, _value: float) -> None:
        pass

    def read(self) -> tuple[bool, Pixels | None]:
        return (True, picture(1)) if self._given.pop(0) else (False, None)


def test_a_camera_without_a_frame_lets_the_loop_have_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A webcam that is being reset gives none for seconds: a process that waits in it beats no more, and is ended."""
    given = [True, False, False, True, *[False] * 30]
    monkeypatch.setattr(cv2, "VideoCapture", lambda _index: Webcam(given))
    source = opened("camera:0")
    assert source.read() is not None
    for _ in range(2):
        with pytest.raises(NothingYet, match="camera 0 gives no frame"):
            source.read()
    assert source.read() is not None
    for _ in range(29):
        with pytest.raises(NothingYet):
            source.read()
    with pytest.raises(SourceError, match="camera 0 gives no more frames: is it still plugged in"):
        source.read()


@pytest.mark.parametrize("name", ["front", "/dev/video0", "-1", "²"])
def test_a_camera_has_a_number(name: str) -> None:
    """A device path is not what OpenCV takes here, and where there is no camera it crashes on -1."""
    with pytest.raises(SourceError, match=rf"camera:{name} is no camera: give its number, like camera:0"):
        opened(f"camera:{name}")
