"""A recorder on a fake bus, and ways to look into what it wrote."""

from pathlib import Path
from typing import Any

from actor_fakes import Pixels, mosaic
from samples import SAMPLES

from actors.config import Config, updated
from actors.recorder import Recorder
from actors.recording import Entry, entries
from actors.sources.base import SourceFrame
from actors.sources.recording import RecordingSource
from bus.clock import ManualClock
from bus.fake import FakeBus
from bus.messages import Box, Frame, FrameRef, Message, Results
from bus.ring import RingWriter
from bus.topics import FRAME

SIZE = (48, 64)
CARD = Box([(5.0, 5.0), (30.0, 5.0), (30.0, 40.0), (5.0, 40.0)], 0.9)
BLOBS = {"crops": [bytes(range(256)) * 5, b""], "embeddings": [b"\x01" * 512, b"\x02" * 64]}
RESULT = SAMPLES["results"][1]
assert isinstance(RESULT, Results)


class Desk:
    """A recorder on a fake bus, beside a ring that holds the frames it hears of."""

    def __init__(self, out: Path, ring: RingWriter, clock: ManualClock, **settings: Any) -> None:
        self.out, self.ring, self.clock = out, ring, clock
        self.bus = FakeBus(out.parent, clock=clock)
        config = updated(Config(), "bus", run_dir=str(out.parent))
        self.config = updated(config, "recorder", **{"out": str(out), "frames": "png", **settings})
        self.recorder = Recorder(self.bus, self.config)

    def hear(self, message: Message, topic: Any = FRAME, blobs: Any = ()) -> None:
        self.bus.feed(self.recorder, topic, message, blobs)

    def frames(self, *numbers: int) -> None:
        """Frames as capture publishes them, 300 ms from each other so that there is always a free slot."""
        for number in numbers:
            ref = self.ring.write(picture(number))
            assert ref is not None
            self.hear(frame(number, ref))
            self.clock.advance(300)

    def finish(self) -> Path:
        self.recorder.finish()
        self.recorder.close()
        return self.out


def picture(number: int) -> Pixels:
    return mosaic(number, *SIZE)


def frame(number: int, ref: FrameRef) -> Frame:
    return Frame(stream="s", frame=number, t_ns=10**9 + number * 33_000_000, ref=ref, detections=[CARD])


def played(path: Path) -> list[SourceFrame]:
    source = RecordingSource(path)
    frames = list(iter(source.read, None))
    source.close()
    return [one for one in frames if one is not None]


def on(path: Path, *channels: str) -> list[Entry]:
    return list(entries(path, channels))
