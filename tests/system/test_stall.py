"""A process that stands still for a while (swapping, a debugger) costs frames, never a wrong card."""

import json
import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from running import PATIENCE_S, SLEEVESIGHT, Ear, configuration
from tape import Tape, is_board, read_number

from actors.config import dump, updated
from bench.faults import stall
from vision.rectify import CROP_HEIGHT, CROP_WIDTH

FPS = 60.0
FRAMES = 660
HOLD_MS = 40.0
"""Shorter than a stall, so that the slots of the frames that are being read are written anew meanwhile."""
MEMORY_FRAMES = 30
"""A card is confirmed a little after the frame that it was last seen in, where frames were lost."""
STALLS = (("selector", 1.0), ("embedder", 1.0), *[("selector", 0.12)] * 10)


def test_a_stalled_process_costs_frames_but_no_wrong_pixels(
    tape: Tape, catalogue: Path, short: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever wakes up may hold a slot that has been written anew: its result is thrown away, and counted as that."""
    tape.write(short / "fast.mcap", FRAMES, FPS)
    config = configuration(short / "run", catalogue, "")
    config = updated(config, "capture", ring_mb=1, hold_ms=HOLD_MS)
    config = updated(config, "selector", cache_frames=1, max_missed=3)
    (short / "c.toml").write_text(dump(config))
    events = short / "events.jsonl"
    command = [*SLEEVESIGHT, "replay", str(short / "fast.mcap"), "--config", str(short / "c.toml")]
    replay = subprocess.Popen(
        [*command, "--events", str(events)], env={**os.environ, "TMPDIR": str(short)}, stdout=subprocess.DEVNULL
    )
    try:
        ear = _ear_on(short, replay)
        ear.until(lambda: len(ear.results) > 30 and ear.confirmed(), "cards are confirmed")
        for actor, seconds in STALLS:
            heard = len(ear.results)
            beat = ear.life(actor)
            assert beat is not None
            stall(ear, beat.pid, seconds)
            ear.until(lambda heard=heard: len(ear.results) > heard + 2, f"results after {actor} went on")  # type: ignore[misc]
        after_ns = ear.results[-1].t_ns
        ear.until(lambda: ear.confirmed(after_ns), "cards are confirmed after it all")
        while replay.poll() is None:
            ear.listen()
        assert replay.returncode == 0
    finally:
        replay.kill()
        replay.wait()
    ear.close()

    summary = json.loads(events.read_text().splitlines()[-1])["summary"]
    with capsys.disabled():
        print(f"\n  lost {summary['drops']}, incidents {summary['incidents']}", end="")
    assert summary["frames"] == FRAMES
    assert summary["frames"] == summary["answered"] + sum(summary["drops"].values())
    assert summary["complete"]
    assert summary["restarts"] == {}
    boards = 0
    for message, blobs in ear.crops:
        for crop, blob in zip(message.crops, blobs, strict=True):
            pixels = np.frombuffer(blob, np.uint8).reshape(CROP_HEIGHT, CROP_WIDTH, 3)
            if is_board(pixels):
                boards += 1
                assert read_number(pixels) == crop.frame % tape.cycle, "cut from another frame than it says"
    assert boards > 50
    for visit in summary["visits"]:
        assert visit["card_id"] in tape.recent(visit["last_frame"], MEMORY_FRAMES)


def _ear_on(folder: Path, replay: subprocess.Popen[bytes]) -> Ear:
    """An ear on the replay's own run directory, as soon as there is one."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := list(folder.glob("sleevesight-*/config.toml"))):
        assert replay.poll() is None and time.monotonic() < deadline, "the replay has not begun"
        time.sleep(0.01)
    return Ear(found[0].parent, crops=True)
