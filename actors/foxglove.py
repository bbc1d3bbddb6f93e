"""The message types of Foxglove that recordings hold, so that it shows the pictures with the quads drawn on them.

Fields and names are those of https://docs.foxglove.dev/docs/visualization/message-schemas.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from bus.messages import Results, TrackResult

LINE_LOOP = 2
FONT_PX, LINE_PX = 18.0, 3.0


class Time(Struct, frozen=True):
    """A time of the bus clock, in two parts."""

    sec: Annotated[int, Meta(ge=0)] = 0
    nsec: Annotated[int, Meta(ge=0, lt=1_000_000_000)] = 0


class Color(Struct, frozen=True):
    """Each part from 0 to 1."""

    r: float
    g: float
    b: float
    a: float = 1.0


class Point2(Struct, frozen=True):
    """Pixels of the picture; (0, 0) is the corner of its first pixel, not the centre."""

    x: float
    y: float


class CompressedImage(Struct, frozen=True):
    """A picture as a file of its format, `jpeg` or `png`."""

    data: bytes
    format: str = ""
    frame_id: str = ""
    timestamp: Time = Time()


class CircleAnnotation(Struct, frozen=True):
    """A circle; we draw none, but the schema names it."""

    timestamp: Time
    position: Point2
    diameter: float
    thickness: float
    fill_color: Color
    outline_color: Color


class PointsAnnotation(Struct, frozen=True):
    """A line through points; of type LINE_LOOP it is closed."""

    timestamp: Time
    type: int
    points: list[Point2]
    outline_color: Color
    outline_colors: list[Color]
    fill_color: Color
    thickness: float


class TextAnnotation(Struct, frozen=True):
    """A text with its bottom left corner at a point."""

    timestamp: Time
    position: Point2
    text: str
    font_size: float
    text_color: Color
    background_color: Color


class ImageAnnotations(Struct, frozen=True):
    """What to draw on the picture of the same time."""

    circles: list[CircleAnnotation]
    points: list[PointsAnnotation]
    texts: list[TextAnnotation]


_NOTHING = Color(0.0, 0.0, 0.0, 0.0)
_SHADE = Color(0.0, 0.0, 0.0, 0.6)
_COLORS = {
    "confirmed": Color(0.2, 0.9, 0.3),
    "stabilizing": Color(1.0, 0.7, 0.1),
    "detecting": Color(0.7, 0.7, 0.7),
    "unknown": Color(0.9, 0.3, 0.2),
}


def time(t_ns: int) -> Time:
    """Nanoseconds in two parts."""
    return Time(*divmod(t_ns, 1_000_000_000))


def drawing(results: Results) -> ImageAnnotations:
    """The outline of every track in the colour of its status, with the card's name or the status above it."""
    stamp = time(results.t_ns)
    return ImageAnnotations(
        circles=[],
        points=[_outline(track, stamp) for track in results.tracks],
        texts=[_label(track, stamp) for track in results.tracks],
    )


def _outline(track: TrackResult, stamp: Time) -> PointsAnnotation:
    corners = [Point2(x + 0.5, y + 0.5) for x, y in track.quad]
    return PointsAnnotation(stamp, LINE_LOOP, corners, _COLORS[track.status], [], _NOTHING, LINE_PX)


def _label(track: TrackResult, stamp: Time) -> TextAnnotation:
    left, top = min(x for x, _ in track.quad), min(y for _, y in track.quad)
    place = Point2(left, max(top - LINE_PX, FONT_PX))
    return TextAnnotation(stamp, place, track.name or track.status, FONT_PX, _COLORS[track.status], _SHADE)


def schema(kind: type[Struct]) -> bytes:
    """The JSON Schema of a type, each part where it is used: Foxglove does not follow references."""
    whole = msgspec.json.schema(kind)
    return msgspec.json.encode(_inlined(whole, whole["$defs"]) | {"title": f"foxglove.{kind.__name__}"})


def _inlined(part: Any, parts: dict[str, Any]) -> Any:
    if isinstance(part, list):
        return [_inlined(one, parts) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _inlined(parts[part["$ref"].rpartition("/")[2]], parts)
    return {key: _inlined(value, parts) for key, value in part.items() if key != "default"}
