"""`run`, `replay` and `up` with bad input: one line, exit code 2, nobody left running and nothing left lying about."""

import shutil
import tempfile
from pathlib import Path

import pytest
from command import Command, Shop, in_a_shell, tree

from bus.lock import FileLock

ACTORS = "capture, selector, embedder, matcher, smoother"


@pytest.fixture
def at(tmp_path_factory: pytest.TempPathFactory, shop: Shop) -> Path:
    """A folder with everything that can be wrong; its name is short, as sockets need it."""
    tmp_path = tmp_path_factory.mktemp("r")
    (tmp_path / "broken.mp4").write_bytes(b"no video " * 300)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.mcap").write_bytes(b"no recording")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.jpg").write_bytes(b"no picture")
    shutil.copytree(shop.catalogue, tmp_path / "half")
    (tmp_path / "half" / "usearch.index").unlink()
    return tmp_path


def settings(at: Path, text: str = "") -> Path:
    """A configuration whose run directory is in the folder."""
    (at / "my.toml").write_text(f'[bus]\nrun_dir = "{at / "run"}"\n[log]\nlevel = "error"\n{text.format(at=at)}')
    return at / "my.toml"


RUNS = {
    "unknown actor": ("captur", "", "there is no actor 'captur'; the actors are " + ACTORS),
    "unknown sink": ("sink.consol", "", "there is no sink 'consol': did you mean 'console'?"),
    "no camera": ("capture", 'source = "camera:63"', "camera 63 cannot be opened: plug it in"),
    "no camera number": ("capture", 'source = "camera:front"', "camera:front is no camera: give its number"),
    "unknown scheme": ("capture", 'source = "vidoe:x"', "there is no source 'vidoe' (did you mean 'video'?)"),
    "no video": ("capture", 'source = "{at}/none.mp4"', "{at}/none.mp4: no such file or folder"),
    "broken video": ("capture", 'source = "{at}/broken.mp4"', "{at}/broken.mp4 is no video that can be decoded"),
    "empty video": ("capture", 'source = "{at}/empty.mp4"', "{at}/empty.mp4 is no video that can be decoded"),
    "broken recording": ("capture", 'source = "{at}/broken.mcap"', "{at}/broken.mcap is no recording that can be read"),
    "no pictures": ("capture", 'source = "{at}/empty"', "{at}/empty holds no pictures"),
    "only broken pictures": ("capture", 'source = "{at}/pictures"', "none of the 1 pictures in {at}/pictures"),
    "unknown scene": ("capture", 'source = "scene:nowhere"', ""),
}


@pytest.mark.parametrize("what", RUNS)
def test_an_actor_that_cannot_start(at: Path, what: str) -> None:
    """supervisord and the launcher give up on exit code 2 at the first start: the one line is all that a user gets."""
    actor, capture, message = RUNS[what]
    line = in_a_shell("run", actor, "--config", settings(at, f"[capture]\n{capture}\n")).refusal()
    assert line.startswith(f"{actor}: {message.format(at=at)}")
    assert [name for name in tree(at / "run") if not name.endswith(".lock")] == []


@pytest.mark.parametrize(
    ("actor", "text", "message"),
    [
        ("matcher", "", "no catalogue is configured: pass --catalog DIR or set [matcher] catalog"),
        ("matcher", '[matcher]\ncatalog = "{at}/none"', "{at}/none is no catalogue"),
        ("matcher", '[matcher]\ncatalog = "{at}/half"', "catalogue {at}/half: usearch.index is damaged"),
        ("embedder", '[embedder]\nmodel = "{at}/none.onnx"', "model {at}/none.onnx cannot be read"),
        ("sink.jsonl", '[sinks]\njsonl = "{at}/gone/out.jsonl"', "[sinks] jsonl = {at}/gone/out.jsonl: No such file"),
    ],
)
def test_an_actor_whose_files_are_not_there(at: Path, actor: str, text: str, message: str) -> None:
    """The same for catalogue, model and output."""
    line = in_a_shell("run", actor, "--config", settings(at, text)).refusal()
    assert line.startswith(f"{actor}: {message.format(at=at)}")


def test_an_actor_that_runs_already(at: Path) -> None:
    """Two captures on one run directory would steal each other's readers: the second one is told who has it."""
    config = settings(at)
    (at / "run").mkdir()
    lock = FileLock(at / "run" / "frame.lock", "capture")
    line = in_a_shell("run", "capture", "--config", config).refusal()
    lock.release()
    assert line.startswith("capture: capture is already running (process ")
    assert line.endswith("stop it, or use another run directory")


@pytest.mark.usefixtures("quiet")
def test_a_second_instance(command: Command, at: Path) -> None:
    """Both would write the same configuration file, and neither would get a camera."""
    config = settings(at)
    (at / "run").mkdir()
    lock = FileLock(at / "run" / "launcher.lock", "sleevesight")
    line = command("up", "--config", config).refusal()
    lock.release()
    assert line.startswith("sleevesight is already running (process ")
    assert list(tree(at / "run")) == ["launcher.lock"]


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("stream", "message"),
    [
        ("{at}/none.mp4", "{at}/none.mp4: no such file or folder"),
        ("vidoe:{at}/x.mp4", "there is no source 'vidoe' (did you mean 'video'?)"),
    ],
)
def test_a_replay_of_nothing(command: Command, at: Path, stream: str, message: str) -> None:
    """Found out before a single process is started, and no events file appears."""
    line = command("replay", stream.format(at=at), "--events", at / "events.jsonl").refusal()
    assert line.startswith(message.format(at=at))
    assert not list(at.glob("events*"))


@pytest.mark.parametrize(
    ("stream", "catalog", "message"),
    [
        ("{at}/broken.mp4", None, "matcher: no catalogue is configured"),
        ("{at}/broken.mp4", "whole", "capture: {at}/broken.mp4 is no video that can be decoded"),
    ],
)
def test_a_replay_that_an_actor_refuses(at: Path, shop: Shop, stream: str, catalog: str | None, message: str) -> None:
    """The line of the actor is the only one; everybody else was ended, and no half file of events is left."""
    options = ["--catalog", shop.catalogue] if catalog else []
    with tempfile.TemporaryDirectory(prefix="s") as scratch:  # sockets need short names
        ran = in_a_shell("replay", stream.format(at=at), "--events", at / "events.jsonl", *options, TMPDIR=scratch)
        assert not list(Path(scratch).iterdir())
    assert ran.refusal().startswith(message.format(at=at))
    assert not list(at.glob("events*"))


def test_events_into_a_folder_that_is_not_there(at: Path, shop: Shop) -> None:
    """Said before the replay, not after it."""
    events = at / "gone" / "events.jsonl"
    ran = in_a_shell("replay", "scene:still", "--catalog", shop.catalogue, "--events", events, TMPDIR=str(at / "empty"))
    assert str(events) in ran.refusal()
    assert not list((at / "empty").iterdir())


def test_a_run_directory_that_cannot_be_used(at: Path) -> None:
    """Too long for a socket, or a file: the key is named."""
    config = at / "my.toml"
    config.write_text(f'[bus]\nrun_dir = "{at / ("long" * 30)}"\n')
    line = in_a_shell("run", "capture", "--config", config).refusal()
    assert line.endswith("has too long a name for sockets: set [bus] run_dir")
    config.write_text(f'[bus]\nrun_dir = "{at / "broken.mp4"}"\n')
    assert "broken.mp4 cannot be made" in in_a_shell("run", "capture", "--config", config).refusal()
