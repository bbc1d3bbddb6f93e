"""A stream begins when everybody listens: nothing of it is lost to a slow start."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from running import System, configuration
from tape import Tape

from actors.config import updated
from bus.topics import PIPELINE

FRAMES = 40


def test_the_first_frame_waits_for_the_last_sink(
    launch: Callable[..., System], short: Path, catalogue: Path, tape: Tape
) -> None:
    """What was published before a reader had subscribed was lost, and no count told of it."""
    tape.write(short / "brief.mcap", FRAMES, 15.0)
    config = configuration(short / "run", catalogue, f"recording:{short / 'brief.mcap'}")
    config = updated(config, "capture", pace="lockstep")
    os.mkfifo(config.sinks.jsonl)  # the sink cannot open it until somebody reads
    system = launch(config)
    system.ear.until(lambda: all(system.ready(actor) for actor in PIPELINE[1:]), "the pipeline is ready")
    assert system.ear.life("capture") is None

    reader = os.open(config.sinks.jsonl, os.O_RDONLY | os.O_NONBLOCK)
    written = bytearray()

    def read() -> bool:
        try:
            written.extend(os.read(reader, 1 << 16))
        except BlockingIOError:  # nobody has written yet
            return False
        return system.process.poll() is not None

    system.ear.until(read, "the end")
    os.close(reader)
    lines = [json.loads(line) for line in written.splitlines()]
    assert [line["frame"] for line in lines if "frame" in line] == list(range(FRAMES))
    assert {beat.actor: beat.drops for beat in system.ear.lives() if beat.drops} == {}
