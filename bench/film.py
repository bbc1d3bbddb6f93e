"""A rendered scene as a video file: what a system is measured on when drawing the scene must not count."""

from __future__ import annotations

import os
from pathlib import Path

import cv2

from synth.scene import Scene


def film(scene: Scene, path: Path, frames: int, fps: float | None = None) -> Path:
    """The first frames of a scene, which begins anew when it is over, as a video, if it is not there yet.

    At the scene's own rate, or at `fps` frames a second: slower or faster than it happened.
    """
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial_path = path.with_name(f"{path.stem}.partial-{os.getpid()}{path.suffix}")
    size = scene.width, scene.height
    video = cv2.VideoWriter(str(partial_path), cv2.VideoWriter.fourcc(*"mp4v"), fps or scene.fps, size)
    for index in range(frames):
        video.write(cv2.cvtColor(scene.frame(index % scene.frames).image, cv2.COLOR_RGB2BGR))
    video.release()
    return partial_path.replace(path)
