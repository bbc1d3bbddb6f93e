"""Scenes as video files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.sources.video import VideoSource
from bench.film import film


class Coloured:
    """A scene of five grey frames."""

    width = height = 64
    fps = 30.0
    frames = 5

    def __init__(self) -> None:
        self.drawn: list[int] = []

    def frame(self, index: int) -> Any:
        self.drawn.append(index)

        class Frame:
            image = np.full((64, 64, 3), 40 * index, np.uint8)

        return Frame


def test_a_scene_is_filmed_once(tmp_path: Path) -> None:
    """It is kept, whole, and it is the frames of the scene in their order."""
    scene = Coloured()
    path = film(scene, tmp_path / "videos" / "demo.mp4", 4)  # type: ignore[arg-type]
    assert film(scene, path, 4) == path  # type: ignore[arg-type]
    assert scene.drawn == [0, 1, 2, 3]
    assert list(path.parent.iterdir()) == [path]
    seen = [float(frame.pixels.mean()) for frame in iter(VideoSource(path).read, None)]
    assert seen == pytest.approx([0, 40, 80, 120], abs=6)


def test_a_long_film_shows_the_scene_again(tmp_path: Path) -> None:
    """A system is measured for longer than the scene takes on a machine that starts slowly."""
    scene = Coloured()
    film(scene, tmp_path / "demo.mp4", 7)  # type: ignore[arg-type]
    assert scene.drawn == [0, 1, 2, 3, 4, 0, 1]


@pytest.mark.parametrize(("fps", "interval_ms"), [(None, 1000 / 30), (10.0, 100.0)])
def test_a_film_may_be_slower_than_its_scene(tmp_path: Path, fps: float | None, interval_ms: float) -> None:
    """What a part costs by itself is seen where cores are free: the same pictures, fewer a second."""
    video = VideoSource(film(Coloured(), tmp_path / "v.mp4", 3, fps))  # type: ignore[arg-type]
    times = [frame.t_ns / 1e6 for frame in iter(video.read, None)]
    assert times == pytest.approx([0, interval_ms, 2 * interval_ms], abs=1)
