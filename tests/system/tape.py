"""A recording with a known truth: cards that come and go in two places, with the detections that a camera would give.

Because the detections are on the tape, a running system costs little, and what the tests say about it does not depend
on the detector. A third thing lies in every frame: a board that shows the frame's number
within the cycle in black and white squares, so that a crop of it tells which frame its pixels really come from.
"""

import base64
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from mcap.writer import CompressionType, Writer
from numpy.typing import NDArray

from bus.messages import Box, Frame, FrameRef
from bus.topics import FRAME
from bus.wire import encode

Image = NDArray[np.uint8]

WIDTH, HEIGHT = 400, 300
ON, OFF = 18, 8
"""Frames for which a place shows a card, and for which it is empty then."""
PLACES = ((100, 180, 0), (300, 150, (ON + OFF) // 2))
"""Centre of each place, and by how many frames it is behind the first."""
CARD_WIDTH, CARD_HEIGHT = 120, 168
BOARD = [(180.0, 20.0), (240.0, 20.0), (240.0, 104.0), (180.0, 104.0)]
BITS = 12


class Tape:
    """What is where and when: `cycle` frames, over and over, with two cards at most in each."""

    def __init__(self, cards: Sequence[tuple[str, Image]]) -> None:
        half = len(cards) // 2
        size = CARD_WIDTH, CARD_HEIGHT
        small = [(card_id, cv2.resize(card, size, interpolation=cv2.INTER_AREA)) for card_id, card in cards]
        self._shows = small[:half], small[half : 2 * half]
        self.cycle = half * (ON + OFF)

    def truth(self, frame: int) -> dict[str, tuple[int, int]]:
        """Card id and centre of every card that lies in a frame."""
        shown = [(self._at(place, frame), PLACES[place][:2]) for place in range(len(PLACES))]
        return {card[0]: centre for card, centre in shown if card is not None}

    def recent(self, frame: int, frames: int) -> set[str]:
        """The cards of this frame and of the `frames` before it."""
        return {card_id for number in range(max(0, frame - frames), frame + 1) for card_id in self.truth(number)}

    def _at(self, place: int, frame: int) -> tuple[str, Image] | None:
        turn, phase = divmod(frame - PLACES[place][2], ON + OFF)
        return self._shows[place][turn % len(self._shows[place])] if phase < ON else None

    def picture(self, frame: int) -> tuple[Image, list[Box]]:
        """A frame uint8 RGB [HEIGHT, WIDTH, 3] and its detections."""
        image = np.full((HEIGHT, WIDTH, 3), (96, 104, 90), np.uint8)
        boxes = []
        for place, (x, y, _) in enumerate(PLACES):
            card = self._at(place, frame)
            if card is not None:
                left, top = x - CARD_WIDTH // 2, y - CARD_HEIGHT // 2
                image[top : top + CARD_HEIGHT, left : left + CARD_WIDTH] = card[1]
                right, bottom = left + CARD_WIDTH - 1.0, top + CARD_HEIGHT - 1.0
                boxes.append(Box([(left, top), (right, top), (right, bottom), (left, bottom)], 0.95))
        _number(image, frame % self.cycle)
        return image, [*boxes, Box(BOARD, 0.9)]

    def write(self, path: Path, frames: int, fps: float) -> None:
        """Record `frames` frames as an MCAP file that `recording:` plays."""
        with path.open("wb") as file:
            writer = Writer(file, chunk_size=1 << 16, compression=CompressionType.NONE)
            writer.start()
            headers = writer.register_channel(FRAME.name, "msgpack", 0)
            images = writer.register_channel("image", "json", 0)
            encoded = [_encoded(*self.picture(number)) for number in range(min(frames, self.cycle))]
            for number in range(frames):
                data, boxes = encoded[number % self.cycle]
                t_ns = round(number / fps * 1e9)
                ref = FrameRef("tape", 0, WIDTH, HEIGHT, 0)
                header = Frame(stream="tape", frame=number, t_ns=t_ns, ref=ref, detections=boxes)
                writer.add_message(headers, t_ns, encode(FRAME, header)[1], t_ns)
                writer.add_message(images, t_ns, data, t_ns)
            writer.finish()


def _encoded(image: Image, boxes: list[Box]) -> tuple[bytes, list[Box]]:
    """A picture as a foxglove.CompressedImage."""
    _, code = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return json.dumps({"format": "jpeg", "data": base64.b64encode(code.tobytes()).decode()}).encode(), boxes


def _number(image: Image, frame: int) -> None:
    """Draw the board: a dark rim and a grid of 3 x 4 squares, white for the bits that are set."""
    (left, top), (right, bottom) = (tuple(map(int, BOARD[corner])) for corner in (0, 2))
    image[top:bottom, left:right] = 60
    for bit in range(BITS):
        row, column = divmod(bit, 3)
        y, x = top + 6 + row * 18, left + 6 + column * 16
        image[y : y + 18, x : x + 16] = 255 if frame >> bit & 1 else 0


def read_number(crop: Image) -> int:
    """The number on a crop of the board uint8 RGB [h, w, 3]."""
    height, width = crop.shape[:2]
    number = 0
    for bit in range(BITS):
        row, column = divmod(bit, 3)
        y, x = (6 + (row + 0.5) * 18) / 84 * height, (6 + (column + 0.5) * 16) / 60 * width
        number |= int(crop[int(y), int(x)].mean() > 127) << bit
    return number


def is_board(crop: Image) -> bool:
    """Whether a crop shows the board: a dark grey rim, as no card has."""
    rim = np.concatenate([crop[4:16, 4:-4].reshape(-1, 3), crop[4:-4, 4:14].reshape(-1, 3)])
    return bool(abs(float(rim.mean()) - 60) < 15 and float(rim.std()) < 20)
