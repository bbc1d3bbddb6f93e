"""`sleevesight catalog sync` as a command: what it prints, its exit codes, and that a kill loses nothing."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from command import Command, in_a_shell
from public import Public, cards_of, encoded, instead, never, status

from catalog.store import Catalogue

SPECS = cards_of(5)


@pytest.fixture
def public():
    server = Public()
    server.add_set("a", SPECS[:3])
    server.add_set("b", SPECS[3:])
    yield server
    server.close()


@pytest.fixture
def arguments(public, tmp_path, monkeypatch):
    """Of a sync into `synced` that does not keep to the minute's quota of the real source."""
    monkeypatch.setattr("catalog.sync.fetch._REQUESTS_PER_S", 1000.0)
    monkeypatch.setattr("catalog.sync.fetch._PICTURES_PER_S", 1000.0)
    monkeypatch.setenv("POKEMONTCG_IO_API_KEY", "secret-key")
    return ["catalog", "sync", "--out", tmp_path / "synced", "--base-url", public.api]


def test_all_there(command: Command, public, arguments, tmp_path) -> None:
    """A line for each set, the catalogue at the end, exit code 0, and the key nowhere."""
    ran = command(*arguments)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "a  Set a  3 cards, 3 pictures (3 fetched)",
        "b  Set b  2 cards, 2 pictures (2 fetched)",
        f"{tmp_path}/synced/catalogue: 5 cards, 5 embedded now, 0 missing",
    ]
    assert command("catalog", "verify", tmp_path / "synced" / "catalogue").code == 0
    written = [path.read_bytes() for path in (tmp_path / "synced").rglob("*") if path.is_file()]
    assert not any(b"secret-key" in content for content in written)
    assert {one.headers["X-Api-Key"] for one in public.asked} == {"secret-key"}


def test_a_synced_card_is_found(command: Command, arguments, tmp_path) -> None:
    """The point of it all: a picture is named from what was fetched."""
    command(*arguments)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(encoded(SPECS[4], ".jpg"))
    options = ["--catalog", tmp_path / "synced" / "catalogue", "--cropped", "--json"]
    found = json.loads(command("identify", photo, *options).out)
    assert found["cards"][0]["card_id"] == "b-2"


def test_something_missing(command: Command, public, arguments, tmp_path) -> None:
    """Exit code 1, the card and its reason, the catalogue of the rest; as JSON for programs."""
    public.faults["/pictures/a/2.png"] = [status(404)]
    ran = command(*arguments)
    assert ran.code == 1
    assert ran.err == f"missing: a-2 {SPECS[1].name}: HTTP 404 Not Found\n"
    assert ran.out.splitlines()[-1].endswith("catalogue: 4 cards, 4 embedded now, 1 missing")
    ran = command(*arguments, "--json")
    report = json.loads(ran.out)
    assert (ran.code, report["missing"], report["built"]["embedded"], len(report["sets"])) == (0, [], 1, 2)
    assert report["catalog"] == str(tmp_path / "synced" / "catalogue")


def test_many_missing_are_in_a_list(command: Command, public, arguments, tmp_path) -> None:
    """20,000 lines on a terminal help nobody."""
    public.add_set("c", cards_of(12, 3))
    for number in range(1, 13):
        public.faults[f"/pictures/c/{number}.png"] = [instead(b"<html>")] * 2
    ran = command(*arguments)
    assert ran.err.splitlines()[-1] == f"missing: 2 more, all in {tmp_path}/synced/left-out.csv"
    assert len((tmp_path / "synced" / "left-out.csv").read_text().splitlines()) == 13


def test_offline(command: Command, public, arguments) -> None:
    """Nobody is asked, also not for the list of sets."""
    command(*arguments, "--sets", "a")
    public.asked.clear()
    ran = command(*arguments, "--offline")
    assert (ran.code, public.asked) == (0, [])
    assert ran.out.splitlines()[0] == "a  Set a  3 cards, 3 pictures (0 fetched)"
    ran = command(*arguments[:4], "--offline", "--sets", "b")
    assert ran.code == 1
    assert ran.err == "missing: cards of b: they are not here\n"


def test_nothing_to_build(command: Command, tmp_path) -> None:
    """Offline in a new folder: no traceback, and no catalogue."""
    ran = command("catalog", "sync", "--out", tmp_path / "new", "--offline")
    assert (ran.code, ran.err) == (1, "")
    assert ran.out == f"{tmp_path}/new/pictures: no picture, so no catalogue was built\n"


REFUSED = {
    "a language that the source lacks": (["--language", "ja"], "pokemontcg has English cards alone, not ja: take"),
    "a language that nobody has": (["--source", "tcgdex", "--language", "xx"], "tcgdex has no language xx; it has en,"),
    "no sets": (["--sets", ","], "--sets: give ids of sets"),
    "a base address in the clear": (["--base-url", "http://mirror.example/v2"], "base address http://mirror.example"),
    "no key file": (["--api-key-file", "/none/key"], "/none/key: No such file"),
    "no model": (["--model", "/none.onnx"], "model /none.onnx cannot be read"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_bad_input(command: Command, arguments, tmp_path, what: str) -> None:
    """One line, exit code 2, and no folder."""
    options, message = REFUSED[what]
    assert command(*arguments, *options).refusal().startswith(message)
    assert not (tmp_path / "synced").exists()


def test_a_folder_that_cannot_be_made(command: Command, tmp_path) -> None:
    """Bad input, and not a download that stopped."""
    (tmp_path / "file").touch()
    line = command("catalog", "sync", "--offline", "--out", tmp_path / "file" / "synced").refusal()
    assert line == f"{tmp_path}/file/synced: Not a directory; name another folder"


def test_a_key_that_is_none_is_not_printed(command: Command, arguments, tmp_path) -> None:
    """A wrong file must not end up in a log."""
    (tmp_path / "key").write_text("very secret\nwords")
    line = command(*arguments, "--api-key-file", tmp_path / "key").refusal()
    assert line.startswith(f"the key in {tmp_path}/key is none")
    assert "secret" not in line


def test_a_set_that_there_is_not(command: Command, arguments) -> None:
    """With the one that was meant."""
    assert command(*arguments, "--sets", "a,bb").refusal() == "the source has no set bb; did you mean b?"


def test_a_folder_of_another_source(command: Command, arguments, tmp_path) -> None:
    """Ids of two sources must not mix; without options a folder goes on as it began."""
    command(*arguments)
    line = command(*arguments, "--source", "tcgdex").refusal()
    assert line == f"{tmp_path}/synced is a folder with source pokemontcg, not tcgdex: name another folder"


def test_a_full_disk(command: Command, arguments, tmp_path, monkeypatch) -> None:
    """It says which file did not fit and how to go on."""

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("catalog.sync.folder.write_whole", full)
    ran = command(*arguments)
    assert ran.code == 1
    assert ran.err.startswith(f"sleevesight: {tmp_path}/synced/source.json: No space left on device; what was fetched")


def test_a_kill_in_the_middle_costs_what_was_under_way(public, tmp_path) -> None:
    """kill -9 of the real process: the catalogue of before stays, and the next run fetches the rest alone."""
    arguments = ["catalog", "sync", "--out", tmp_path / "synced", "--base-url", public.api]
    key = {"POKEMONTCG_IO_API_KEY": "k"}
    assert in_a_shell(*arguments, "--sets", "a", **key).code == 0
    paths = public.add_set("c", cards_of(6, 3))
    last_asked = threading.Event()
    # Four are fetched at once: when the sixth is asked for, two at least are done, while the first hangs.
    public.faults[paths[0]] = [never(public.released)]
    public.faults[paths[5]] = [never(public.released, last_asked)]
    command = [sys.executable, "-m", "cli.main", *map(str, arguments), "--sets", "c"]
    process = subprocess.Popen(command, env={**os.environ, **key}, stdout=subprocess.DEVNULL)
    try:
        assert last_asked.wait(60)
    finally:
        process.kill()
        process.wait()
    synced = tmp_path / "synced"
    assert Catalogue.load(synced / "catalogue").ids == ("a-1", "a-2", "a-3")
    rest = [path for number, path in enumerate(paths, 1) if not (synced / f"pictures/c/c-{number}.png").exists()]
    assert 2 <= len(rest) <= 4
    public.asked.clear()
    ran = in_a_shell(*arguments, "--sets", "a,c", **key)
    assert (ran.code, ran.err) == (0, "")
    assert public.counted() == dict.fromkeys(rest, 1)
    assert ran.out.splitlines()[-1] == f"{synced}/catalogue: 9 cards, 6 embedded now, 0 missing"


def test_ctrl_c_says_how_to_go_on(public, tmp_path) -> None:
    """Nobody should have to wonder whether an hour of downloads is lost."""
    asked = threading.Event()
    public.faults["/pictures/a/1.png"] = [never(public.released, asked)]
    command = [sys.executable, "-m", "cli.main", "catalog", "sync", "--out", str(tmp_path / "synced")]
    process = subprocess.Popen([*command, "--base-url", public.api], stderr=subprocess.PIPE, text=True)
    try:
        assert asked.wait(60)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert errors.startswith("sleevesight: interrupted; what was fetched stays, and so does the catalogue;")
    assert len(errors.splitlines()) == 1
