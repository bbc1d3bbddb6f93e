"""What a system lives on: its catalogue may be rebuilt under it, and memory that is short is said so at the start."""

import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from running import PATIENCE_S, SLEEVESIGHT, System, configuration
from tape import ON, Tape

from actors.backends import DEFAULT_MODEL, open_backend
from actors.config import dump, updated
from actors.sections import EmbedderConfig
from bench.memory import TooShort, configured, lines, measure
from bus.topics import PIPELINE
from catalog.build import build

HIDDEN = 4


def test_a_rebuilt_catalogue_is_taken_over(
    launch: Callable[..., System], short: Path, cards: Path, tape: Tape, recording: Path
) -> None:
    """A new set comes out in the middle of the evening: nobody restarts a stream for it."""
    table = (cards / "cards.csv").read_text().splitlines(keepends=True)
    files = [line.split(",")[0] for line in table]
    hidden = {Path(file).stem for file in files[1 : 1 + HIDDEN]}
    old = short / "cards"
    old.mkdir()
    (old / "cards.csv").write_text("".join([table[0], *table[1 + HIDDEN :]]))
    for file in files[1 + HIDDEN :]:
        (old / file).symlink_to(cards / file)
    embedder = open_backend(EmbedderConfig(timeout_ms=60_000))
    build(old, [old / "cards.csv"], short / "catalog", embedder)

    system = launch(configuration(short / "run", short / "catalog", f"recording:{recording}"))
    system.ear.until(lambda: system.ear.results and system.ear.results[-1].frame > 2 * ON, "two cards were there")
    system.ear.until(lambda: system.ear.confirmed(), "one of them is known")
    assert hidden.isdisjoint(visit.card_id for visit in system.ear.confirmed())
    matcher = system.ear.life("matcher")
    assert matcher is not None
    build(cards, [cards / "cards.csv"], short / "catalog", embedder)
    system.ear.until(lambda: not hidden.isdisjoint(visit.card_id for visit in system.ear.confirmed()), "a new card")
    after = system.ear.life("matcher")
    assert after is not None
    assert after.session == matcher.session
    assert f"{len(files) - 1} cards" in after.detail
    for visit in system.ear.confirmed():
        assert visit.card_id in tape.truth(visit.first_frame)


def test_a_ring_that_cannot_be_had_is_refused_at_the_start(short: Path, recording: Path) -> None:
    """Memory that is promised and not there would be a SIGBUS in the middle of the evening."""
    config = updated(configuration(short / "run", short, f"recording:{recording}"), "capture", ring_mb=8)
    (short / "c.toml").write_text(dump(config))
    done = subprocess.run(
        [*SLEEVESIGHT, "run", "capture", "--config", str(short / "c.toml")],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)),
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "lower [capture] ring_mb or the resolution" in done.stderr


def test_a_full_dev_shm_does_not_matter(pictures: Path, catalogue: Path, short: Path) -> None:
    """Containers have 64 MB of /dev/shm: the frame ring is a memfd, which is no file there."""
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        pytest.skip("needs unprivileged mount namespaces (unshare -rm)")
    replay = [*SLEEVESIGHT, "replay", str(pictures), "--catalog", str(catalogue), "--mode", "lockstep"]
    script = 'mount -t tmpfs -o size=64k tmpfs /dev/shm && head -c 1M /dev/zero >/dev/shm/full; exec "$@"'
    done = subprocess.run(
        [*unshare, "sh", "-c", script, "sh", *replay],
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE_S,
        env={**os.environ, "TMPDIR": str(short)},
    )
    assert "No space left on device" in done.stderr, "the test's own file should have filled it"
    assert done.returncode == 0, done.stderr
    assert "24 answered" in done.stdout


def test_the_memory_of_every_process_is_measured(recording: Path, short: Path) -> None:
    """The budget is for all processes together: one that is left out makes the sum a lie."""
    result = measure(configured(short, f"recording:{recording}", 300, DEFAULT_MODEL), seconds=0.5)
    assert set(result["processes"]) == {*PIPELINE, "sink.jsonl", "launcher"}
    assert all(5 < one["Pss"] < 1000 for one in result["processes"].values())
    assert result["frames"] > 0
    assert lines(result)[-2].startswith("together")


def test_a_source_that_is_over_too_soon_is_said_so(pictures: Path, short: Path) -> None:
    """The processes have ended by then, and there is nothing to measure: the reader has to know what to change."""
    config = updated(configured(short, f"images:{pictures}", 300, DEFAULT_MODEL), "capture", images_fps=12)
    with pytest.raises(TooShort, match=r"was over .* give a longer one, or --seconds below 60"):
        measure(config, seconds=60)
