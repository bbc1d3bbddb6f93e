"""What OpenCV reads from the environment when it is loaded: to be set before anything of ours imports it."""

from __future__ import annotations

import os


def settle() -> None:
    """Our own line says what is wrong with a camera, a video or a picture; and a few bytes may claim to be gigabytes.

    What a user has set stays.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 28))
