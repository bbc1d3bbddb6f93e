"""Where frames come from: one file per source. `open_source` imports the one that is asked for, and no other."""

from __future__ import annotations

from pathlib import Path

import msgspec

from actors.config import Config
from actors.sources.base import Source, SourceError, parse
from bus.clock import Clock


def open_source(config: Config, clock: Clock) -> Source:
    """The source of `[capture] source`, opened. SourceError says what is wrong with it and what to do."""
    scheme, argument = parse(config.capture.source)
    capture = config.capture
    if scheme == "camera":
        from actors.sources.camera import CameraSource

        return CameraSource(_index(argument), capture.width, capture.height, capture.fps, clock)
    if scheme == "imx500":
        from actors.sources.imx500 import Imx500
        from actors.sources.onchip import OnChipSource

        chosen = msgspec.structs.replace(config.imx500, rpk=argument or config.imx500.rpk)
        return OnChipSource(lambda: Imx500(chosen, capture.fps), clock, box_age=chosen.box_age, stall_s=chosen.stall_s)
    if scheme == "video":
        from actors.sources.video import VideoSource

        return VideoSource(Path(argument))
    if scheme == "images":
        from actors.sources.images import ImagesSource

        return ImagesSource(Path(argument), capture.images_fps)
    if scheme == "recording":
        from actors.sources.recording import RecordingSource

        return RecordingSource(Path(argument))
    from actors.sources.scene import SceneSource

    return SceneSource(argument or "demo", config.scene)


def _index(argument: str) -> int:
    if argument and not argument.isdecimal():  # OpenCV takes -1 for any camera, and crashes where there is none
        raise SourceError(f"camera:{argument} is no camera: give its number, like camera:0")
    return int(argument or "0")
