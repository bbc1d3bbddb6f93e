"""`sleevesight catalog`: what goes wrong is named in one line, and nothing half done is left behind."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from command import Command, Shop, tree

from cli import catalog as module
from synth.cards import deck, draw


def put(folder: Path, *names: str, seed: int = 0) -> Path:
    """Pictures of different cards under these names."""
    folder.mkdir(exist_ok=True)
    for spec, name in zip(deck(20, seed)[: len(names)], names, strict=True):
        cv2.imwrite(str(folder / name), cv2.cvtColor(draw(spec), cv2.COLOR_RGB2BGR))
    return folder


def test_a_build_reports_what_it_did(command: Command, shop: Shop, tmp_path: Path) -> None:
    """As JSON for programs; the keys are those of the report."""
    out = tmp_path / "out"
    ran = command("catalog", "build", "--images", shop.pictures, "--metadata", shop.metadata, "--out", out, "--json")
    assert (ran.code, ran.err) == (0, "")
    report = json.loads(ran.out)
    assert (report["catalog"], report["cards"], report["unreadable"]) == (str(out), 12, [])
    assert report.keys() >= {"groups", "grouped_cards", "unnamed", "warnings", "seconds"}


def test_a_build_for_people(command: Command, shop: Shop, tmp_path: Path) -> None:
    """One line says how many cards there are now; what should be looked at goes to standard error."""
    out = tmp_path / "out"
    ran = command("catalog", "build", "--images", shop.pictures, "--out", out)
    assert ran.code == 0
    assert ran.out.startswith(f"{out}: 12 cards (12 embedded now), ")
    assert len(ran.out.splitlines()) == 1
    assert ran.err.startswith("warning: 12 pictures have no metadata")


def test_a_picture_that_cannot_be_read_is_left_out(command: Command, tmp_path: Path) -> None:
    """One broken download among 20,000 must neither stop the build nor go unnoticed."""
    pictures = put(tmp_path / "pictures", "a.jpg", "b.jpg")
    (pictures / "broken.jpg").write_bytes(b"no picture")
    (pictures / "empty.png").touch()
    ran = command("catalog", "build", "--images", pictures, "--out", tmp_path / "out", "--json")
    report = json.loads(ran.out)
    assert ran.code == 1
    assert report["cards"] == 2
    assert sorted(report["unreadable"]) == [str(pictures / "broken.jpg"), str(pictures / "empty.png")]


def test_info(command: Command, shop: Shop) -> None:
    """What a folder that somebody sends you holds, and which model it needs."""
    ran = command("catalog", "info", shop.catalogue)
    assert (ran.code, ran.err) == (0, "")
    facts = dict(line.split(maxsplit=1) for line in ran.out.splitlines())
    assert facts["cards"].startswith("12 (")
    assert facts["model"].startswith("embedder, ")
    manifest = json.loads(command("catalog", "info", shop.catalogue, "--json").out)
    assert manifest["cards"] == 12
    assert manifest["model"]["hash"][:12] in facts["model"]


def test_a_good_catalogue_is_in_order(command: Command, shop: Shop) -> None:
    """Exit code 0 and no finding: scripts rely on it."""
    ran = command("catalog", "verify", shop.catalogue)
    assert (ran.code, ran.out, ran.err) == (0, f"{shop.catalogue}: in order\n", "")
    assert json.loads(command("catalog", "verify", shop.catalogue, "--json").out) == {
        "catalog": str(shop.catalogue),
        "problems": [],
    }


def test_a_damaged_catalogue_is_not_in_order(command: Command, shop: Shop, tmp_path: Path) -> None:
    """Every problem in a line of its own, in words, and exit code 1."""
    folder = tmp_path / "damaged"
    shutil.copytree(shop.catalogue, folder)
    (folder / "hashes.npy").write_bytes(b"half")
    (folder / "index.json").unlink()
    ran = command("catalog", "verify", folder)
    assert ran.code == 1
    *problems, last = ran.out.splitlines()
    assert last == f"{folder}: {len(problems)} problems"
    assert any("hashes.npy" in line for line in problems)
    assert any("index.json" in line for line in problems)
    assert all(line.startswith(("error: ", "warning: ")) for line in problems)
    report = json.loads(command("catalog", "verify", folder, "--json").out)
    assert [f"{problem['level']}: {problem['text']}" for problem in report["problems"]] == problems


def test_a_catalogue_of_another_model_is_not_in_order(command: Command, shop: Shop, tmp_path: Path) -> None:
    """`verify` is what people run when nothing is recognised any more."""
    folder = tmp_path / "other"
    shutil.copytree(shop.catalogue, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["model"]["hash"] = "ab" * 32
    (folder / "manifest.json").write_text(json.dumps(manifest))
    ran = command("catalog", "verify", folder)
    assert ran.code == 1
    assert "abababababab" in ran.out


def test_no_catalogue_to_describe(command: Command, tmp_path: Path) -> None:
    """`info` refuses; `verify` reports it as the problem that it is."""
    assert command("catalog", "info", tmp_path).refusal().startswith(f"{tmp_path} is no catalogue")
    ran = command("catalog", "verify", tmp_path)
    assert ran.code == 1
    assert f"{tmp_path} is no catalogue" in ran.out


BAD_BUILDS = {
    "no folder": (lambda at: ["--images", at / "none"], "picture folder {at}/none does not exist"),
    "no pictures": (lambda at: ["--images", at / "empty"], "picture folder {at}/empty holds no picture"),
    "only broken pictures": (lambda at: ["--images", at / "broken"], "no picture in {at}/broken can be read"),
    "no metadata": (lambda at: ["--metadata", at / "none.csv"], "metadata {at}/none.csv does not exist"),
    "metadata of another kind": (lambda at: ["--metadata", at / "x.txt"], "metadata {at}/x.txt: give a .csv, .json"),
    "metadata without columns": (lambda at: ["--metadata", at / "x.csv"], "metadata {at}/x.csv: column id"),
    "metadata cut off": (lambda at: ["--metadata", at / "x.json"], "metadata {at}/x.json: "),
    "a card twice": (lambda at: ["--images", at / "twice"], "card a has two different pictures"),
    "no model": (lambda at: ["--model", at / "none.onnx"], "model {at}/none.onnx cannot be read"),
    "a broken model": (lambda at: ["--model", at / "good" / "a.jpg"], "model {at}/good/a.jpg is no ONNX model"),
    "something else at the target": (lambda at: ["--out", at / "good"], "{at}/good exists and is no catalogue"),
    "a file at the target": (lambda at: ["--out", at / "x.txt"], "{at}/x.txt exists and is no catalogue"),
    "a target that cannot be made": (lambda at: ["--out", at / "x.txt" / "out"], "{at}/x.txt/out"),
}


@pytest.mark.parametrize("what", BAD_BUILDS)
def test_a_build_that_cannot_be_done(command: Command, tmp_path: Path, what: str) -> None:
    """One line that names the thing, exit code 2, and the disk as it was."""
    put(tmp_path / "good", "a.jpg", "b.jpg")
    put(tmp_path / "twice", "a.jpg", "b.jpg")
    put(tmp_path / "twice" / "again", "a.png", seed=5)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.jpg").write_bytes(b"no picture")
    (tmp_path / "x.txt").write_text("a file")
    (tmp_path / "x.csv").write_text("file,name\na.jpg,A\n")
    (tmp_path / "x.json").write_text('[{"id": "a"')
    options, message = BAD_BUILDS[what]
    given = dict(zip(*[iter(options(tmp_path))] * 2, strict=True))  # type: ignore[no-untyped-call]
    arguments = {"--images": tmp_path / "good", "--out": tmp_path / "out", **given}
    before = tree(tmp_path)
    line = command("catalog", "build", *[part for pair in arguments.items() for part in pair]).refusal()
    assert line.startswith(message.format(at=tmp_path))
    assert tree(tmp_path) == before


def test_a_build_that_is_interrupted_leaves_nothing(
    command: Command, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C after an hour: no partial folder, and the catalogue that was there is as it was."""

    class Interrupted:
        name, model_hash, dim = "x", "ab" * 32, 4

        def embed(self, crops: np.ndarray) -> np.ndarray:
            raise KeyboardInterrupt

        def close(self) -> None:
            pass

    shutil.copytree(shop.catalogue, tmp_path / "out")
    before = tree(tmp_path)
    monkeypatch.setattr(module, "open_model", lambda _: Interrupted())
    ran = command("catalog", "build", "--images", shop.pictures, "--out", tmp_path / "out")
    assert (ran.code, ran.out) == (130, "")
    assert tree(tmp_path) == before


def test_a_build_replaces_a_catalogue(command: Command, shop: Shop, tmp_path: Path) -> None:
    """A new set: the same command again, and nothing of the old one is left beside it."""
    put(tmp_path / "pictures", "a.jpg")
    for images in (tmp_path / "pictures", shop.pictures):
        assert command("catalog", "build", "--images", images, "--out", tmp_path / "out").code == 0
    assert json.loads(command("catalog", "info", tmp_path / "out", "--json").out)["cards"] == 12
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "pictures"]
