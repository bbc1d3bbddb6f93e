"""`bench replay` and `bench compare` with bad input: one line, exit code 2, nothing left lying about."""

from pathlib import Path

import pytest
from bench_fakes import probe, reported
from command import Command, Shop, tree

from bench.report import encode


@pytest.fixture
def at(tmp_path: Path) -> Path:
    """Reports that can be compared, and some that cannot."""
    for name, report in {
        "a": reported(),
        "slow": reported(probe(scale=2.0)),
        "other": reported(stream="video:b.mp4"),
        "lockstep": reported(mode="lockstep"),
    }.items():
        (tmp_path / f"{name}.json").write_bytes(encode(report))
    (tmp_path / "broken.json").write_bytes(b"{")
    return tmp_path


REPLAYS = {
    "no such file": (["none.mp4"], "none.mp4: no such file or folder"),
    "unknown scheme": (["vidoe:x"], "there is no source 'vidoe' (did you mean 'video'?)"),
    "unknown profile": (
        ["scene:still", "--profile", "laptop"],
        "there is no profile 'laptop': did you mean 'laptop-onnx'?",
    ),
    "no folder": (
        ["scene:still", "--json", "{at}/no/a.json"],
        "{at}/no/a.json: there is no folder {at}/no: make it first",
    ),
    "no folder for the page": (["scene:still", "--html", "{at}/no/a.html"], "{at}/no/a.html: there is no folder"),
    "repeated in paced": (
        ["scene:still", "--repeat", "2"],
        "in paced two runs differ by their timing: repeat in lockstep",
    ),
    "standard into a file": (["standard", "--json", "{at}/a.json"], "standard prints a line for each stream"),
}


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("what", REPLAYS)
def test_a_replay_that_cannot_be_judged_is_not_begun(command: Command, shop: Shop, at: Path, what: str) -> None:
    """Minutes of measuring must not end in a mistyped name."""
    arguments, words = REPLAYS[what]
    before = tree(at)
    ran = command("bench", "replay", *(one.format(at=at) for one in arguments), "--catalog", shop.catalogue)
    assert ran.refusal().startswith(words.format(at=at))
    assert tree(at) == before


COMPARISONS = {
    "different streams": ("other", "these are runs of different streams, video:a.mp4 and video:b.mp4"),
    "different modes": ("lockstep", "these are runs of different modes, paced and lockstep"),
    "no report": ("broken", "{at}/broken.json is no report of `sleevesight bench replay --json`"),
    "no file": ("none", "{at}/none.json: No such file"),
}


@pytest.mark.parametrize("what", COMPARISONS)
def test_what_cannot_be_compared_is_refused(command: Command, at: Path, what: str) -> None:
    """A ratio of apples and pears looks like any other."""
    other, words = COMPARISONS[what]
    ran = command("bench", "compare", at / "a.json", at / f"{other}.json")
    assert ran.refusal().startswith(words.format(at=at))


def test_a_comparison(command: Command, at: Path) -> None:
    """Twice as slow in every frame is more than noise."""
    ran = command("bench", "compare", at / "a.json", at / "slow.json")
    assert (ran.code, ran.err) == (0, "")
    (row,) = [line for line in ran.out.splitlines() if line.startswith("cached total")]
    assert row.split()[2:5] == ["6.00", "12.00", "2.00"]
    assert row.endswith("slower")
