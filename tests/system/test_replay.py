"""`sleevesight replay` from end to end: its three modes, its accounts, and what goes wrong on the way."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from running import PATIENCE_S, SLEEVESIGHT
from tape import Tape

FRAMES = 24


def replay(stream: object, catalogue: Path, *more: object) -> "subprocess.CompletedProcess[str]":
    """The command with no sink, to its end."""
    command = [*SLEEVESIGHT, "replay", str(stream), "--catalog", str(catalogue), *map(str, more)]
    return subprocess.run(command, capture_output=True, text=True, timeout=4 * PATIENCE_S)


def read_events(path: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The frames and the summary of an events file."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return lines[:-1], lines[-1]["summary"]


def without_times(frames: list[dict[str, Any]]) -> list[str]:
    """The lines of the frames as bytes would be compared, less what may differ from run to run."""
    return [json.dumps({key: value for key, value in one.items() if key != "latency_ms"}) for one in frames]


def assert_accounted(summary: dict[str, Any], frames: int = FRAMES) -> None:
    """Every frame is answered or lost for a stated reason."""
    assert summary["complete"]
    assert summary["frames"] == frames
    assert summary["frames"] == summary["answered"] + sum(summary["drops"].values()), summary["drops"]
    assert summary["unaccounted"] == 0


def test_lockstep_gives_the_same_lines_twice(pictures: Path, catalogue: Path, tmp_path: Path) -> None:
    """A result that changes from run to run cannot be debugged, and no two versions can be compared."""
    runs = []
    for name in ("first", "second"):
        done = replay(pictures, catalogue, "--mode", "lockstep", "--events", tmp_path / name)
        assert done.returncode == 0, done.stderr
        frames, summary = read_events(tmp_path / name)
        assert_accounted(summary)
        assert summary["answered"] == FRAMES
        assert summary["incidents"] == {}
        assert summary["visits"]
        runs.append((without_times(frames), summary["visits"]))
    assert runs[0] == runs[1]


def test_flatout_loses_nothing(pictures: Path, catalogue: Path, tmp_path: Path) -> None:
    """As fast as it goes, and still every frame is answered: the mode for long recordings."""
    done = replay(pictures, catalogue, "--mode", "flatout", "--events", tmp_path / "e")
    assert done.returncode == 0, done.stderr
    frames, summary = read_events(tmp_path / "e")
    assert_accounted(summary)
    assert [one["frame"] for one in frames] == list(range(FRAMES))


def test_paced_accounts_for_what_it_loses(pictures: Path, catalogue: Path, tmp_path: Path) -> None:
    """In its own time a slow machine loses frames, as live: each for a reason that is counted."""
    (tmp_path / "c.toml").write_text("[capture]\nimages_fps = 60\n")
    done = replay(pictures, catalogue, "--config", tmp_path / "c.toml", "--events", tmp_path / "e")
    assert done.returncode == 0, done.stderr
    assert_accounted(read_events(tmp_path / "e")[1])


def test_a_recording_that_is_cut_off_is_played_up_to_the_cut(tape: Tape, catalogue: Path, tmp_path: Path) -> None:
    """A recorder that was killed leaves no footer; what it wrote is what there is."""
    tape.write(tmp_path / "whole.mcap", FRAMES, 30.0)
    content = (tmp_path / "whole.mcap").read_bytes()
    (tmp_path / "cut.mcap").write_bytes(content[: len(content) // 2])
    done = replay(tmp_path / "cut.mcap", catalogue, "--mode", "lockstep", "--events", tmp_path / "e")
    assert done.returncode == 0, done.stderr
    frames, summary = read_events(tmp_path / "e")
    assert 0 < len(frames) < FRAMES
    assert_accounted(summary, len(frames))


def test_a_damaged_picture_is_named_and_left_out(pictures: Path, catalogue: Path, tmp_path: Path) -> None:
    """One bad file in a folder of thousands must not end the run, nor pass unnoticed."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for picture in sorted(pictures.iterdir())[:6]:
        (folder / picture.name).symlink_to(picture)
    (folder / "003.png").unlink()
    (folder / "003.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    done = replay(folder, catalogue, "--mode", "lockstep", "--events", tmp_path / "e")
    assert done.returncode == 0, done.stderr
    assert "003.png" in done.stderr
    assert_accounted(read_events(tmp_path / "e")[1], 5)


def test_a_stream_without_frames_is_refused(catalogue: Path, tmp_path: Path) -> None:
    """It was started again and again, for ever, because a source that fails at work may get better."""
    (tmp_path / "empty.mp4").touch()
    done = replay(tmp_path / "empty.mp4", catalogue, "--events", tmp_path / "e")
    assert done.returncode == 2
    assert "empty.mp4" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["empty.mp4"]


def test_events_that_cannot_be_written_are_refused_at_once(pictures: Path, catalogue: Path, tmp_path: Path) -> None:
    """An hour's replay must not find out at its end that its folder does not exist."""
    done = replay(pictures, catalogue, "--events", tmp_path / "nowhere" / "e.jsonl")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert "nowhere" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_no_half_file(pictures: Path, catalogue: Path, tmp_path: Path) -> None:
    """Half an events file looks like a whole one to the next program: there is a clear line instead."""
    events = tmp_path / "e.jsonl"
    # It is written beside itself under a name with the process id: make that one lead to a device that is always full.
    wrapper = (
        "import os, sys; os.symlink('/dev/full', f'{sys.argv[1]}.partial-{os.getpid()}'); "
        "os.execv(sys.argv[2], sys.argv[2:])"
    )
    command = [*SLEEVESIGHT, "replay", str(pictures), "--catalog", str(catalogue), "--events", str(events)]
    done = subprocess.run(
        [sys.executable, "-c", wrapper, str(events), *command],
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE_S,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    )
    assert done.returncode == 2
    assert f"{events}: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_stream_that_breaks_every_time_ends_the_replay(catalogue: Path, short: Path) -> None:
    """A source that fails at the same place each time was played from its beginning again, and again, for ever."""
    folder = short / "pictures"
    folder.mkdir()
    for number, size in enumerate((64, 64, 600)):  # the ring for the third picture is more than the limit below allows
        cv2.imwrite(str(folder / f"{number}.png"), np.zeros((size, size, 3), np.uint8))
    (short / "c.toml").write_text("[capture]\nring_mb = 1\n")
    command = [*SLEEVESIGHT, "replay", str(folder), "--catalog", str(catalogue), "--config", str(short / "c.toml")]
    done = subprocess.run(
        [*command, "--events", str(short / "e")],
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE_S,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20)),
    )
    assert done.returncode == 2
    assert "capture has failed 3 times" in done.stderr
    assert "capture: the frame ring of" in done.stderr
    assert not (short / "e").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_replay_keeps_what_it_has(number: int, recording: Path, catalogue: Path, short: Path) -> None:
    """Ctrl-C, or a CI job that runs out of time: what was found so far is there, and marked as not complete."""
    command = [*SLEEVESIGHT, "replay", str(recording), "--catalog", str(catalogue), "--events", str(short / "e")]
    environment = {**os.environ, "TMPDIR": str(short)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()  # the console sink has seen the first card
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode == 1, errors
    assert "Traceback" not in errors
    frames, summary = read_events(short / "e")
    assert not summary["complete"]
    assert 0 < len(frames) == summary["answered"]
    assert summary["unaccounted"] == 0
    assert [path.name for path in short.iterdir()] == ["e"]
