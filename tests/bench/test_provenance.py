"""Where figures come from: the same things have the same hash, other things another one."""

from pathlib import Path

from actors.config import Config, updated
from actors.provenance import machine
from bench.provenance import provenance


def config(source: str, **scene: int) -> Config:
    return updated(updated(Config(), "capture", source=source), "scene", **scene)


def test_a_stream_is_known_by_its_content(tmp_path: Path) -> None:
    """A file of the same name with other frames in it is another stream; the same file elsewhere is not."""
    (tmp_path / "other").mkdir()
    for name, content in (("a.mp4", b"one"), ("other/a.mp4", b"one"), ("b.mp4", b"two")):
        (tmp_path / name).write_bytes(content)
    first, moved, other = (
        provenance(config(f"video:{tmp_path / name}")).stream for name in ("a.mp4", "other/a.mp4", "b.mp4")
    )
    assert first == moved != other


def test_a_scene_is_known_by_what_it_is_rendered_from() -> None:
    """Another seed or size is another stream."""
    hashes = {provenance(config("scene:demo", **scene)).stream for scene in ({}, {"seed": 3}, {"width": 640})}
    assert len(hashes | {provenance(config("scene:still")).stream}) == 4


def test_a_folder_is_known_by_its_files(tmp_path: Path) -> None:
    """One picture more is another stream."""
    (tmp_path / "1.png").write_bytes(b"one")
    before = provenance(config(f"images:{tmp_path}")).stream
    (tmp_path / "2.png").write_bytes(b"two")
    assert before != provenance(config(f"images:{tmp_path}")).stream


def test_the_run_directory_is_no_setting() -> None:
    """It differs in every run; everything else that is set makes other figures."""
    first = provenance(config("scene:demo"))
    assert provenance(updated(config("scene:demo"), "bus", run_dir="/elsewhere")).config == first.config
    assert provenance(updated(config("scene:demo"), "selector", readings=8)).config != first.config


def test_what_is_not_there_has_no_hash(tmp_path: Path) -> None:
    """The actor whose thing it is says what is wrong with it."""
    made = provenance(updated(config("camera:0"), "matcher", catalog=str(tmp_path)))
    assert (made.stream, made.catalog) == ("", "")
    assert len(made.model) == 64


def test_the_machine_is_described_in_a_line() -> None:
    """Budgets are bound to it."""
    assert len(machine().split(", ")) >= 4
    assert "\n" not in machine()
    assert "cores" in machine()
